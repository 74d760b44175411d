/**
 * Images go back and forth between the policies of today and qemu-io and qemu-img: random requests of all kinds here, random ones there,
 * and so on; after each turn two checkers find nothing, and both programs read what was written, from the disk and from every snapshot.
 * `COWBENCH_ROUND_TRIPS` asks for more runs of each policy, `COWBENCH_ROUND_TRIP_SEED` for another seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkImage, isClean } from '../check/check-image.ts';
import {
  type CreateOptions,
  createImage,
  type DiskRequest,
  KiB,
  type OpenImageFileOptions,
  openFile,
  openImageFile,
  perform,
  type Qcow2Image,
  SECTOR_BYTES,
} from '../index.ts';
import { QemuFolder } from '../testing/qemu-images.ts';

const RUNS = Number(process.env.COWBENCH_ROUND_TRIPS ?? 2);
const SEED = Number(process.env.COWBENCH_ROUND_TRIP_SEED ?? 20261127);
const IMAGE = 'image.qcow2';
const DISK_CLUSTERS = 96;
const SNAPSHOTS_MAX = 3;

const OPS = [
  'write',
  'write',
  'write',
  'zero',
  'unmap',
  'discard',
  'compress',
  'create',
  'apply',
  'delete',
  'grow',
] as const;

/** Numbers that become a request once the size of the disk and its snapshots are known. */
const step = fc.record({
  op: fc.constantFrom(...OPS),
  cluster: fc.nat(DISK_CLUSTERS - 8),
  sector: fc.nat(15),
  sectors: fc.integer({ min: 1, max: 24 }),
  value: fc.integer({ min: 1, max: 255 }),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const turn = fc.record({
  isHere: fc.boolean(),
  tables: fc.constantFrom(2, null),
  steps: fc.array(step, { minLength: 3, maxLength: 9 }),
});

/** A raw file under the image, shorter than the disk and not of whole clusters; its bytes say where they lie. */
const BASE = 'base.raw';
const BASE_BYTES = 20 * KiB + SECTOR_BYTES;
const DATA_FILE = 'data.raw';
const BACKED = { backingFile: BASE, backingFormat: 'raw' as const };

const features: fc.Arbitrary<Partial<CreateOptions>> = fc.oneof(
  fc.record({ version: fc.constant(2 as const), clusterSizeBytes: fc.constantFrom(512, 4 * KiB, 64 * KiB) }),
  fc
    .record({
      version: fc.constantFrom(2 as const, 3 as const),
      clusterSizeBytes: fc.constantFrom(512, 4 * KiB),
      backing: fc.constant(BACKED),
    })
    .map(({ backing, ...format }) => ({ ...format, ...backing })),
  fc.record({
    clusterSizeBytes: fc.constantFrom(512, 4 * KiB, 64 * KiB),
    dataFile: fc.constant(DATA_FILE),
    dataFileRaw: fc.boolean(),
  }),
  fc
    .record({ clusterSizeBytes: fc.constant(16 * KiB), extendedL2: fc.constant(true), backing: fc.constant(BACKED) })
    .map(({ backing, ...format }) => ({ ...format, ...backing })),
  fc.record({
    clusterSizeBytes: fc.constant(16 * KiB),
    extendedL2: fc.constant(true),
    dataFile: fc.constant(DATA_FILE),
  }),
  fc.record({
    clusterSizeBytes: fc.constantFrom(512, 4 * KiB, 64 * KiB),
    refcountBits: fc.constantFrom(8, 16, 64),
    lazyRefcounts: fc.boolean(),
    compressionType: fc.constantFrom('zlib' as const, 'zstd' as const),
  }),
  fc.record({ clusterSizeBytes: fc.constantFrom(16 * KiB, 64 * KiB), extendedL2: fc.constant(true) }),
);

class Exchange {
  readonly #folder: QemuFolder;
  readonly #policy: string;
  readonly #clusterBytes: number;
  readonly #hasDataFile: boolean;
  /** What the guest must find, now and in each snapshot. */
  #disk: Uint8Array;
  readonly #snapshots = new Map<string, Uint8Array>();
  #named = 0;

  constructor(folder: QemuFolder, policy: string, options: Partial<CreateOptions>) {
    this.#folder = folder;
    this.#policy = policy;
    this.#clusterBytes = options.clusterSizeBytes!;
    this.#disk = new Uint8Array(DISK_CLUSTERS * this.#clusterBytes);
    this.#hasDataFile = options.dataFile !== undefined;
    if (options.backingFile !== undefined) {
      const base = Uint8Array.from({ length: BASE_BYTES }, (_, at) => 1 + (Math.floor(at / SECTOR_BYTES) % 251));
      folder.write(BASE, base);
      this.#disk.set(base.subarray(0, this.#disk.length));
    }
    if (this.#hasDataFile) folder.write(DATA_FILE, new Uint8Array(this.#disk.length));
    folder.write(IMAGE, new Uint8Array(0));
    const file = openFile(folder.file(IMAGE));
    createImage(file, { ...options, clusterSizeBytes: this.#clusterBytes, sizeBytes: this.#disk.length });
    file.close();
  }

  #open(options: OpenImageFileOptions): Qcow2Image {
    return openImageFile(this.#folder.file(IMAGE), { ...options, allowedFolders: [this.#folder.path] });
  }

  here(steps: readonly Step[], tables: number | null): void {
    const caches = tables === null ? {} : { l2CacheTables: tables, refcountCacheTables: tables };
    const image = this.#open({ policy: this.#policy, ...caches });
    for (const one of steps) {
      const request = this.#requestOf(one);
      if (request === null) continue;
      const payload = 'length' in request ? new Uint8Array(request.length).fill(one.value) : new Uint8Array(0);
      perform(image, request, payload);
      this.#apply(request, one.value, (offset, into) => image.read(offset, into));
    }
    this.#requireDisk((into) => image.read(0, into), 'read here');
    image.close();
  }

  there(steps: readonly Step[]): void {
    for (const one of steps) {
      const request = this.#requestOf(one);
      if (request === null) continue;
      if (request.op === 'write-compressed' && !this.#isUnused(request.offset)) continue;
      this.#ask(request, one.value);
      this.#apply(request, one.value, (offset, into) => {
        into.set(this.#folder.guestBytes(IMAGE).subarray(offset, offset + into.length));
      });
    }
  }

  /** After either: closed, and nothing is wrong for anyone. */
  requireSound(): void {
    const file = openFile(this.#folder.file(IMAGE), { readOnly: true });
    const report = checkImage(file, { verifyCompressed: true });
    file.close();
    assert.ok(isClean(report), report.findings[0]?.text);
    const { exitCode, text } = this.#folder.check(IMAGE);
    assert.equal(exitCode, 0, `qemu-img check: ${text}`);
    this.#requireDisk((into) => into.set(this.#folder.guestBytes(IMAGE)), 'qemu-img');
    for (const [name, wanted] of this.#snapshots) {
      // It comes out as long as the disk is now.
      const found = this.#folder.guestBytes(IMAGE, name).subarray(0, wanted.length);
      assert.ok(Buffer.from(found).equals(wanted.subarray(0, found.length)), `snapshot ${name} as qemu-img reads it`);
    }
    const image = this.#open({ readOnly: true });
    assert.deepEqual(
      image.listSnapshots().map(({ name }) => name),
      [...this.#snapshots.keys()],
    );
    this.#requireDisk((into) => image.read(0, into), 'opened here');
    image.close();
  }

  #requireDisk(read: (into: Uint8Array) => void, who: string): void {
    const found = new Uint8Array(this.#disk.length);
    read(found);
    const at = found.findIndex((byte, index) => byte !== this.#disk[index]);
    assert.equal(at, -1, `${who}: byte ${at} is ${found[at]}, not ${this.#disk[at]}`);
  }

  /** Null where it makes no sense. */
  #requestOf({ op, cluster, sector, sectors }: Step): DiskRequest | null {
    const start = cluster * this.#clusterBytes;
    const offset = start + (sector % (this.#clusterBytes / SECTOR_BYTES)) * SECTOR_BYTES;
    const range = { offset, length: Math.min(sectors * SECTOR_BYTES, this.#disk.length - offset) };
    const [first] = this.#snapshots.keys();
    switch (op) {
      case 'write':
        return { op, ...range };
      case 'zero':
      case 'unmap':
        return { op: 'write-zeroes', ...range, mayUnmap: op === 'unmap' };
      case 'discard':
        return { op, ...range };
      case 'compress':
        if (this.#hasDataFile) return null;
        return { op: 'write-compressed', offset: start, length: this.#clusterBytes };
      case 'create':
        return this.#hasDataFile || this.#snapshots.size === SNAPSHOTS_MAX
          ? null
          : { op: 'snapshot-create', name: `s${this.#named++}` };
      case 'apply':
        return first === undefined ? null : { op: 'snapshot-apply', name: first };
      case 'delete':
        return first === undefined ? null : { op: 'snapshot-delete', name: first };
      case 'grow':
        // QEMU refuses a size that a snapshot of another size would be applied to in version 2.
        return this.#snapshots.size > 0
          ? null
          : { op: 'resize', sizeBytes: this.#disk.length + 8 * this.#clusterBytes };
    }
  }

  #ask(request: DiskRequest, value: number): void {
    const folder = this.#folder;
    switch (request.op) {
      case 'write':
        return folder.io(IMAGE, `write -P ${value} ${request.offset} ${request.length}`);
      case 'write-zeroes':
        return folder.io(IMAGE, `write -z ${request.mayUnmap ? '-u ' : ''}${request.offset} ${request.length}`);
      case 'discard':
        return folder.io(IMAGE, `discard ${request.offset} ${request.length}`);
      case 'write-compressed':
        return folder.io(IMAGE, `write -c -P ${value} ${request.offset} ${request.length}`);
      case 'resize':
        folder.img('resize', '-q', '-f', 'qcow2', IMAGE, String(request.sizeBytes));
        return;
      case 'snapshot-create':
      case 'snapshot-apply':
      case 'snapshot-delete': {
        const letter = { 'snapshot-create': '-c', 'snapshot-apply': '-a', 'snapshot-delete': '-d' }[request.op];
        folder.img('snapshot', letter, request.name, IMAGE);
        return;
      }
      default:
        throw new Error(request.op);
    }
  }

  /** A cluster that was never written: qemu-io refuses to compress in place of one that was. */
  #isUnused(offset: number): boolean {
    const image = this.#open({ readOnly: true });
    const { stored, lengthBytes } = image.map(offset, this.#clusterBytes);
    image.close();
    return stored === 'absent' && lengthBytes === this.#clusterBytes;
  }

  /** `read`: how much of a range is discarded is the program's own choice. */
  #apply(request: DiskRequest, value: number, read: (offset: number, into: Uint8Array) => void): void {
    switch (request.op) {
      case 'write':
      case 'write-compressed':
        this.#disk.fill(value, request.offset, request.offset + request.length);
        return;
      case 'write-zeroes':
        this.#disk.fill(0, request.offset, request.offset + request.length);
        return;
      case 'discard':
        return this.#applyDiscard(request.offset, request.length, read);
      case 'resize': {
        const grown = new Uint8Array(request.sizeBytes);
        grown.set(this.#disk);
        this.#disk = grown;
        return;
      }
      case 'snapshot-create':
        this.#snapshots.set(request.name, this.#disk.slice());
        return;
      case 'snapshot-apply':
        this.#disk = this.#snapshots.get(request.name)!.slice();
        return;
      case 'snapshot-delete':
        this.#snapshots.delete(request.name);
    }
  }

  /** Each sector is what it was, or zeros. */
  #applyDiscard(offset: number, length: number, read: (offset: number, into: Uint8Array) => void): void {
    const found = new Uint8Array(length);
    read(offset, found);
    for (let at = 0; at < length; at += SECTOR_BYTES) {
      const sector = Buffer.from(found.subarray(at, at + SECTOR_BYTES));
      const before = this.#disk.subarray(offset + at, offset + at + SECTOR_BYTES);
      assert.ok(sector.equals(before) || sector.every((byte) => byte === 0), `discarded sector at ${offset + at}`);
    }
    this.#disk.set(found, offset);
  }
}

for (const policy of ['modern', 'ordered', 'reserve']) {
  test(`${policy}, then QEMU, then ${policy}: both read what either wrote`, () => {
    const turns = fc.array(turn, { minLength: 3, maxLength: 5 });
    const property = fc.property(features, turns, (options, list) => {
      using folder = new QemuFolder();
      const exchange = new Exchange(folder, policy, options);
      for (const { isHere, tables, steps } of list) {
        if (isHere) exchange.here(steps, tables);
        else exchange.there(steps);
        exchange.requireSound();
      }
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS });
  });
}
