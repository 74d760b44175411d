/**
 * The contract of an allocator is wide enough for two that history had not: one that keeps freed clusters back until nothing durable
 * names them, and one that counts clusters ahead of time. Each is one small class, with no change to the image code or a policy.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HostRange, KiB, MiB } from '../base/units.ts';
import type { Allocation, Allocator, AllocatorParts, Savepoint } from '../cache/allocator.ts';
import { isDurable, type Prerequisite } from '../cache/ordering.ts';
import { policyNamed } from '../cache/policies.ts';
import type { CachePolicy, PolicyFactory } from '../cache/policy.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import { FaultFile } from '../instruments/fault-file.ts';
import type { Sequence } from '../io/durability.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { ImageUnderTest, imageCommands, requireSameDisk } from '../testing/image-commands.ts';
import { policySuite } from '../testing/policy-suite.ts';
import { ReferenceDisk } from '../testing/reference-disk.ts';
import { createImage } from './create.ts';
import { FreeAtOnce } from './free-at-once.ts';
import { openImage, type Qcow2Image } from './qcow2-image.ts';

/** Lowers a refcount only when the reference that it stood for is durably gone. */
class Quarantine extends FreeAtOnce {
  readonly #parts: AllocatorParts;
  readonly #policy: CachePolicy;
  #held: { readonly ranges: readonly HostRange[]; readonly dropped: readonly Prerequisite[] }[] = [];

  constructor(parts: AllocatorParts, policy: CachePolicy) {
    super(parts);
    this.#parts = parts;
    this.#policy = policy;
  }

  override release(ranges: readonly HostRange[], dropped: readonly Prerequisite[] = []): void {
    this.#held.push({ ranges, dropped });
  }

  override settled(durable: Sequence = this.#parts.file.durable): void {
    const due = this.#held.filter(({ dropped }) => isDurable(dropped, durable));
    this.#held = this.#held.filter(({ dropped }) => !isDurable(dropped, durable));
    for (const { ranges, dropped } of due) super.release(ranges, dropped);
  }

  override settleAll(): void {
    if (this.#held.length === 0) return;
    this.#policy.flush();
    this.settled();
    assert.equal(this.#held.length, 0);
  }

  override savepoint(): Savepoint {
    const held = this.#held;
    return { restore: () => void (this.#held = [...held]) };
  }

  override close(): void {
    this.settleAll();
  }
}

/** Counts clusters ahead of time, so that a reference to one waits for nothing once the count is durable. */
class Reserve implements Allocator {
  static readonly clusters = 16;
  readonly waits: number[] = [];
  readonly #parts: AllocatorParts;
  readonly #atOnce: FreeAtOnce;
  #pool: { next: number; end: number; readonly wait: readonly Prerequisite[] } = { next: 0, end: 0, wait: [] };

  constructor(parts: AllocatorParts) {
    this.#parts = parts;
    this.#atOnce = new FreeAtOnce(parts);
  }

  allocate(clusters: number): Allocation {
    const { clusterBytes, file } = this.#parts;
    if (clusters > Reserve.clusters) return this.#atOnce.allocate(clusters);
    if (this.#pool.next + clusters * clusterBytes > this.#pool.end) this.#refill();
    const offset = this.#pool.next;
    this.#pool.next += clusters * clusterBytes;
    const wait = isDurable(this.#pool.wait, file.durable) ? [] : this.#pool.wait;
    this.waits.push(wait.length);
    return { offset, wait, readsAsZeros: false, isUnnamed: false };
  }

  #refill(): void {
    this.#giveBack();
    const { offset, wait } = this.#atOnce.allocate(Reserve.clusters);
    this.#pool = { next: offset, end: offset + Reserve.clusters * this.#parts.clusterBytes, wait };
  }

  #giveBack(): void {
    const { next, end } = this.#pool;
    this.#pool = { next: end, end, wait: [] };
    if (end > next) this.#atOnce.release([{ offset: next, lengthBytes: end - next }], []);
  }

  release(ranges: readonly HostRange[], dropped: readonly Prerequisite[]): void {
    this.#atOnce.release(ranges, dropped);
  }

  settled(): void {}
  settleAll(): void {}

  savepoint(): Savepoint {
    const pool = { ...this.#pool };
    return { restore: () => void (this.#pool = { ...pool }) };
  }

  close(): void {
    this.#giveBack();
  }
}

const reserves: Reserve[] = [];

const FACTORIES: Readonly<Record<string, PolicyFactory>> = {
  quarantine: (parts) => {
    const setup = policyNamed('writeback').create(parts);
    return { ...setup, createAllocator: (forAllocator) => new Quarantine(forAllocator, setup.policy) };
  },
  reserve: (parts) => ({
    ...policyNamed('writeback').create(parts),
    createAllocator: (forAllocator) => {
      const reserve = new Reserve(forAllocator);
      reserves.push(reserve);
      return reserve;
    },
  }),
};

const CLUSTER = 4 * KiB;

function emptyImage(): MemoryFile {
  const file = new MemoryFile('image');
  createImage(file, { sizeBytes: 8 * MiB, clusterSizeBytes: CLUSTER });
  return file;
}

/** A snapshot, then clusters freed and taken again, some of it not yet durable. */
function prepare(image: Qcow2Image): void {
  image.write(0, new Uint8Array(8 * CLUSTER).fill(1));
  image.createSnapshot({ name: 'first', dateSeconds: 0 });
  image.write(0, new Uint8Array(4 * CLUSTER).fill(2));
  image.discard(6 * CLUSTER, CLUSTER);
}

const OPERATIONS: readonly ((image: Qcow2Image) => unknown)[] = [
  (image) => image.createSnapshot({ name: 'second', dateSeconds: 0 }),
  (image) => image.applySnapshot('first'),
  // One that failed late has gone on to its end.
  (image) => image.listSnapshots().length > 0 && image.deleteSnapshot('first'),
];

for (const [name, policy] of Object.entries(FACTORIES)) {
  policySuite(name, { policy }, false);

  test(`${name}: the image is a disk, and clean once it is closed`, () => {
    const place = fc.tuple(fc.nat({ max: 2000 }), fc.integer({ min: 1, max: 40 })).map(([sector, sectors]) => ({
      offset: sector * 512,
      lengthBytes: sectors * 512,
    }));
    const commands = fc.commands(imageCommands(place, place), { maxCommands: 60, size: 'max' });
    const property = fc.property(commands, (list) => {
      const under = new ImageUnderTest(emptyImage(), { policy, l2CacheTables: 2, refcountCacheTables: 1 });
      const model = { disk: new ReferenceDisk(8 * MiB), vmState: new ReferenceDisk(0) };
      fc.modelRun(() => ({ model, real: under }), list);
      requireSameDisk(model, under);
      under.reopen();
      requireSameDisk(model, under);
      under.image.close();
    });
    fc.assert(property, { seed: 20_261_127, numRuns: 60 });
  });

  test(`${name}: what it holds goes back with a snapshot operation that failed, and the operation can be tried again`, () => {
    for (const operation of OPERATIONS) {
      const open = (position: number) => {
        const memory = emptyImage();
        const file = new FaultFile(memory, { kind: 'EIO', position, forGood: false });
        const image = openImage(file, { policy });
        prepare(image);
        return { memory, file, image };
      };
      const faultless = open(Number.MAX_SAFE_INTEGER);
      const first = faultless.file.candidates + 1;
      operation(faultless.image);
      assert.ok(faultless.file.candidates - first > 3);
      for (let position = first; position <= faultless.file.candidates; position++) {
        const { memory, file, image } = open(position);
        assert.throws(() => operation(image), { code: 'IO' }, `the call at ${position} failed`);
        if (file.poisoned) continue;
        operation(image);
        image.write(8 * CLUSTER, new Uint8Array(CLUSTER).fill(9));
        image.close();
        const { corruptions, copiedErrors, checkErrors } = checkImage(memory);
        assert.equal(corruptions + copiedErrors + checkErrors, 0, `the call at ${position} failed`);
      }
    }
  });
}

test('quarantine: a cluster that was freed is not used again before a flush, and is after it', () => {
  const file = emptyImage();
  const image = openImage(file, { policy: FACTORIES.quarantine! });
  const placeOf = (offset: number) => image.map(offset, CLUSTER).hostOffset;
  image.write(0, new Uint8Array(CLUSTER).fill(1));
  image.flush();
  const freed = placeOf(0);
  image.discard(0, CLUSTER);
  image.write(CLUSTER, new Uint8Array(CLUSTER).fill(2));
  assert.notEqual(placeOf(CLUSTER), freed);
  image.flush();
  image.write(2 * CLUSTER, new Uint8Array(CLUSTER).fill(3));
  assert.equal(placeOf(2 * CLUSTER), freed);
  image.close();
  assert.ok(isClean(checkImage(file)));
});

test('quarantine: a disk that shrinks gives the end of the file back', () => {
  const sizes = ['quarantine', 'writeback'].map((policy) => {
    const file = emptyImage();
    const image = openImage(file, { policy: FACTORIES[policy] ?? policy });
    image.write(0, new Uint8Array(CLUSTER).fill(1));
    image.write(4 * MiB, new Uint8Array(MiB).fill(2));
    image.resize(MiB, { shrink: true });
    image.close();
    assert.ok(isClean(checkImage(file)));
    return file.sizeBytes();
  });
  assert.equal(sizes[0], sizes[1]);
  assert.ok(sizes[0]! < MiB);
});

test('quarantine: a snapshot walk sees no refcount that a freed reference still holds up', () => {
  const file = emptyImage();
  const image = openImage(file, { policy: FACTORIES.quarantine! });
  image.write(0, new Uint8Array(CLUSTER).fill(1));
  image.createSnapshot({ name: 'first', dateSeconds: 0 });
  image.write(0, new Uint8Array(CLUSTER).fill(2));
  // The cluster of the snapshot becomes the disk's alone: COPIED is set where its refcount says so now.
  image.applySnapshot('first');
  image.deleteSnapshot('first');
  image.close();
  assert.ok(isClean(checkImage(file)));
});

test('reserve: a reference waits for refcounts only until they are durable once, for all that was reserved', () => {
  const file = emptyImage();
  const image = openImage(file, { policy: FACTORIES.reserve! });
  for (let n = 0; n < 12; n++) {
    image.write(n * CLUSTER, new Uint8Array(CLUSTER).fill(n + 1));
    image.flush();
  }
  // For an L2 table, which makes them durable, and for twelve clusters.
  assert.deepEqual(reserves.at(-1)!.waits, [1, ...Array(12).fill(0)]);
  const crashed = new MemoryFile('crashed', file.bytes());
  crashed.truncate(MiB);
  const { corruptions, leaks } = checkImage(crashed);
  assert.deepEqual({ corruptions, leaks }, { corruptions: 0, leaks: Reserve.clusters - 13 });
  image.close();
  assert.ok(isClean(checkImage(file)));
});
