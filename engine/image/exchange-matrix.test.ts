/**
 * Refcount widths, backing files, slices and snapshots × cluster sizes: random requests here, judged by qemu-img down to each
 * snapshot; then qemu-io and qemu-img continue, and so do we. `COWBENCH_MATRIX_RUNS` asks for more runs of each than one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkImage, isClean } from '../check/check-image.ts';
import {
  type CreateOptions,
  createImage,
  type GuestDisk,
  KiB,
  MemoryFile,
  MiB,
  type OpenOptions,
  STAGE_IDS,
} from '../index.ts';
import {
  diskCommands,
  ImageUnderTest,
  imageCommands,
  type Model,
  type Place,
  requireSameDisk,
} from '../testing/image-commands.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { patternBytes, ReferenceDisk } from '../testing/reference-disk.ts';

const SEED = 20120515;
const RUNS = Number(process.env.COWBENCH_MATRIX_RUNS ?? 1);

interface Feature {
  readonly name: string;
  readonly create?: Partial<CreateOptions>;
  readonly sliceBytes?: number;
  readonly backing?: 'raw' | 'qcow2';
}

const WIDTHS = [1, 2, 4, 8, 16, 32, 64];
/** Narrower counts cannot count what a few snapshots of packed compressed clusters share. */
const NARROWEST_WITH_SNAPSHOTS = 8;

const FEATURES: readonly Feature[] = [
  ...WIDTHS.map((refcountBits) => ({ name: `${refcountBits}-bit refcounts`, create: { refcountBits } })),
  { name: 'version 2', create: { version: 2 } },
  { name: 'extended L2', create: { extendedL2: true } },
  { name: 'zstd, lazy refcounts', create: { compressionType: 'zstd', lazyRefcounts: true } },
  { name: 'slices of 512 bytes', sliceBytes: 512 },
  { name: 'slices of 4 KiB', sliceBytes: 4 * KiB },
  { name: 'raw backing file', backing: 'raw' },
  { name: 'qcow2 backing file', backing: 'qcow2' },
  { name: 'version 2 with raw backing file', create: { version: 2 }, backing: 'raw' },
];

const DISK_BYTES: Readonly<Record<number, number>> = {
  512: 512 * KiB + 1536,
  [4 * KiB]: 3 * MiB,
  [64 * KiB]: 6 * MiB,
  [2 * MiB]: 12 * MiB,
};
const LONGEST_BYTES = 40 * KiB;
const EXTENDED_L2_CLUSTER_BYTES_MIN = 16 * KiB;
const BASE_BYTES = 300 * KiB + 512;

/** Many places near each other, and one in four anywhere. */
function places(spanBytes: number): fc.Arbitrary<Place> {
  const start = fc.oneof({ weight: 3, arbitrary: fc.nat(400 * KiB) }, { weight: 1, arbitrary: fc.nat(spanBytes) });
  return fc
    .tuple(start, fc.integer({ min: 1, max: LONGEST_BYTES }), fc.constantFrom(1, 512, 4096))
    .map(([at, lengthBytes, unit]) => ({
      offset: Math.floor(Math.min(at, spanBytes - LONGEST_BYTES) / unit) * unit,
      lengthBytes,
    }));
}

class Cell {
  readonly folder: QemuFolder;
  readonly feature: Feature;
  readonly model: Model;
  readonly options: OpenOptions;
  under: ImageUnderTest;

  constructor(folder: QemuFolder, feature: Feature, clusterSizeBytes: number, options: OpenOptions) {
    this.folder = folder;
    this.feature = feature;
    const sizeBytes = DISK_BYTES[clusterSizeBytes]!;
    this.model = { disk: new ReferenceDisk(sizeBytes), vmState: new ReferenceDisk(0) };
    const { sliceBytes, backing } = feature;
    const slices = sliceBytes === undefined ? {} : { l2CacheEntryBytes: Math.min(sliceBytes, clusterSizeBytes) };
    this.options = { ...options, ...slices, ...(backing === undefined ? {} : { backing: this.#makeBase(backing) }) };
    const named = backing === undefined ? {} : { backingFile: `base.${backing}`, backingFormat: backing };
    const file = new MemoryFile('image');
    createImage(file, { ...feature.create, clusterSizeBytes, sizeBytes, ...named });
    this.under = new ImageUnderTest(file, this.options);
  }

  /** The guest's disk shows it from the start. */
  #makeBase(format: 'raw' | 'qcow2'): GuestDisk {
    const bytes = patternBytes(99, BASE_BYTES);
    this.folder.write('base.raw', bytes);
    if (format === 'qcow2') this.folder.img('convert', '-f', 'raw', '-O', 'qcow2', 'base.raw', 'base.qcow2');
    this.model.disk.write(0, bytes);
    return {
      sizeBytes: bytes.length,
      read: (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
    };
  }

  /** Closes the image; both checkers find nothing, and qemu-img reads the same from the disk and from every snapshot. */
  requireSound(when: string): void {
    this.under.image.close();
    const report = checkImage(this.under.file, { verifyCompressed: true });
    assert.ok(isClean(report), `${when}: ${report.findings[0]?.text}`);
    this.folder.write('image.qcow2', this.under.file.bytes());
    const { exitCode, text } = this.folder.check('image.qcow2');
    assert.equal(exitCode, 0, `${when}: qemu-img check: ${text}`);
    this.#requireSame(`${when}: qemu-img`, this.folder.guestBytes('image.qcow2'));
    const { disk } = this.model;
    const now = disk.snapshotNames.length > 0 ? '#now' : null;
    if (now !== null) disk.takeSnapshot(now);
    for (const name of disk.snapshotNames.filter((each) => each !== now)) {
      disk.applySnapshot(name);
      this.#requireSame(`${when}: qemu-img, snapshot ${name}`, this.folder.guestBytes('image.qcow2', name));
    }
    if (now === null) return;
    disk.applySnapshot(now);
    disk.deleteSnapshot(now);
  }

  #requireSame(who: string, found: Uint8Array): void {
    const wanted = new Uint8Array(this.model.disk.sizeBytes);
    this.model.disk.read(0, wanted);
    const at = Buffer.compare(found, wanted) === 0 ? -1 : found.findIndex((byte, index) => byte !== wanted[index]);
    assert.equal(at, -1, `${who} reads byte ${at} as ${found[at]}, not ${wanted[at]}`);
  }

  /** The closed image in the hands of qemu-io and qemu-img, and the model after it. */
  letQemuGoOn(): void {
    const { disk, vmState } = this.model;
    this.folder.io('image.qcow2', 'write -P 7 1000 70000', 'write -z -u 200k 40k', 'discard 4k 3k', 'flush');
    disk.write(1000, new Uint8Array(70_000).fill(7));
    disk.write(200 * KiB, new Uint8Array(40 * KiB));
    // How much of a range is discarded is the program's own choice.
    disk.write(4 * KiB, this.folder.guestBytes('image.qcow2').subarray(4 * KiB, 7 * KiB));
    if (takesSnapshots(this.feature)) {
      this.folder.img('snapshot', '-c', 'by qemu', 'image.qcow2');
      for (const each of [disk, vmState]) each.takeSnapshot('by qemu');
      const [first] = disk.snapshotNames;
      this.folder.img('snapshot', '-a', first!, 'image.qcow2');
      for (const each of [disk, vmState]) each.applySnapshot(first!);
    }
    const cluster = this.#emptyCluster();
    if (cluster !== null) {
      this.folder.io('image.qcow2', `write -c -P 9 ${cluster.offset} ${cluster.lengthBytes}`);
      disk.write(cluster.offset, new Uint8Array(cluster.lengthBytes).fill(9));
    }
    this.#load();
    requireSameDisk(this.model, this.under);
  }

  /** A cluster that was never written: qemu-io refuses to compress in place of one that was. */
  #emptyCluster(): Place | null {
    this.#load();
    const { image } = this.under;
    const lengthBytes = image.clusterSizeBytes;
    let found: Place | null = null;
    for (let offset = 0; found === null && offset + lengthBytes <= image.sizeBytes; offset += lengthBytes) {
      const range = image.map(offset, lengthBytes);
      if (range.stored === 'absent' && range.lengthBytes === lengthBytes) found = { offset, lengthBytes };
    }
    return found;
  }

  #load(): void {
    this.under = new ImageUnderTest(new MemoryFile('image', this.folder.read('image.qcow2')), this.options);
  }

  /** What qemu-img map calls data is what we call data or compressed. */
  requireSameMap(): void {
    this.#load();
    const output = this.folder.img('map', '--output=json', '-f', 'qcow2', 'image.qcow2');
    const ranges = JSON.parse(output) as { start: number; length: number; depth: number; data: boolean }[];
    for (const { start, length, data } of ranges.filter(({ depth }) => depth === 0)) {
      for (let at = start; at < start + length; ) {
        const { stored, lengthBytes } = this.under.image.map(at, start + length - at);
        assert.equal(stored === 'data' || stored === 'compressed', data, `map at ${at}: ${stored}`);
        at += lengthBytes;
      }
    }
  }
}

function takesSnapshots({ create }: Feature): boolean {
  return (create?.refcountBits ?? 16) >= NARROWEST_WITH_SNAPSHOTS;
}

const anyCaches = fc.record({
  stage: fc.constantFrom(...STAGE_IDS),
  l2CacheTables: fc.integer({ min: 2, max: 4 }),
  refcountCacheTables: fc.integer({ min: 1, max: 3 }),
});

for (const feature of FEATURES) {
  for (const clusterSizeBytes of Object.keys(DISK_BYTES).map(Number)) {
    if (feature.create?.extendedL2 && clusterSizeBytes < EXTENDED_L2_CLUSTER_BYTES_MIN) continue;
    test(`${feature.name}, clusters of ${clusterSizeBytes}: here, there, and here again`, () => {
      const place = places(DISK_BYTES[clusterSizeBytes]!);
      const commands = takesSnapshots(feature) ? imageCommands(place, places(100 * KiB)) : diskCommands(place);
      const list = fc.commands(commands, { maxCommands: 40, size: 'max' });
      const property = fc.property(anyCaches, list, list, (caches, first, second) => {
        using folder = new QemuFolder();
        const cell = new Cell(folder, feature, clusterSizeBytes, caches);
        fc.modelRun(() => ({ model: cell.model, real: cell.under }), first);
        cell.requireSound('here');
        cell.requireSameMap();
        cell.letQemuGoOn();
        fc.modelRun(() => ({ model: cell.model, real: cell.under }), second);
        cell.requireSound('here again');
        cell.requireSameMap();
      });
      fc.assert(property, { seed: SEED + clusterSizeBytes, numRuns: RUNS });
    });
  }
}
