/**
 * A policy from outside of the engine: it goes by the subjects of orders alone, holds pointers back until a flush, and is known to the
 * explorer by nothing but its registration.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CachedTable,
  type CachePolicy,
  checkImage,
  createImage,
  type DurableFile,
  type HostRange,
  isClean,
  isDurable,
  KiB,
  MemoryFile,
  MiB,
  type Ordering,
  openImage,
  Pointer,
  type PolicyFactory,
  type Prerequisite,
  RecordingFile,
  registerPolicy,
  STAGES,
  type TableCaches,
} from '../../../engine/index.ts';
import { FINDING_CLASSES, isViolation } from '../judge/state-verdict.ts';
import { namedWorkloads } from '../requests/named-workloads.ts';
import { recordWorkload } from '../states/record-workload.ts';
import { exploreRecording } from './explore.ts';

interface Postponed {
  readonly pointer: Pointer;
  readonly before: readonly Prerequisite[];
}

/** Writes as late as it may, and syncs only for what is not durable yet. */
class Ordered implements CachePolicy {
  readonly #file: DurableFile;
  #caches: TableCaches | null = null;
  /** What each table waits for. */
  readonly #waits = new Map<CachedTable, Prerequisite[]>();
  readonly #pointerWaits = new Map<Pointer, Prerequisite[]>();
  /** What is written in place of a pointer that was published. */
  readonly #copies = new WeakMap<Pointer, Pointer>();
  #postponed: Postponed[] = [];

  constructor(file: DurableFile) {
    this.#file = file;
  }

  attach(caches: TableCaches): void {
    this.#caches = caches;
  }

  /** What is not a table in memory or a pointer (a refcount block about to be lowered) cannot wait: settled on the spot. */
  order({ before, after }: Ordering): void {
    for (const place of after) {
      if (place instanceof CachedTable) this.#waits.set(place, [...(this.#waits.get(place) ?? []), ...before]);
      else if (place instanceof Pointer) this.#pointerWaits.set(place, [...before]);
      else this.#settle(before);
    }
  }

  publish(pointer: Pointer, before: readonly Prerequisite[]): void {
    const waits = [...before, ...(this.#pointerWaits.get(pointer) ?? [])];
    this.#pointerWaits.delete(pointer);
    // The table that it is taken from goes on changing.
    const copy = new Pointer(pointer.kind, pointer.offset, pointer.bytes.slice());
    pointer.supersededBy(copy);
    this.#copies.set(pointer, copy);
    this.#postponed.push({ pointer: copy, before: waits });
  }

  /** Nothing names it yet. */
  place(content: Pointer): void {
    this.#settle(this.#pointerWaits.get(content) ?? []);
    this.#pointerWaits.delete(content);
    content.write(this.#file);
  }

  publishNow(pointer: Pointer): void {
    this.withdraw({ offset: pointer.offset, lengthBytes: pointer.bytes.length }, pointer);
    pointer.write(this.#file);
    this.#file.sync('hook-up');
  }

  withdraw({ offset, lengthBytes }: HostRange, successor: Pointer): void {
    const isInside = ({ pointer }: Postponed) => pointer.offset >= offset && pointer.offset < offset + lengthBytes;
    for (const { pointer } of this.#postponed.filter(isInside)) pointer.supersededBy(successor);
    this.#postponed = this.#postponed.filter((one) => !isInside(one));
  }

  clean(table: CachedTable): void {
    if (!table.isDirty) return;
    this.#settle(this.#waits.get(table) ?? []);
    this.#waits.delete(table);
    table.writeOutDirtySectors();
  }

  discarded(table: CachedTable): void {
    this.#waits.delete(table);
  }

  flush(): void {
    this.#writeAll();
    if (this.#file.durable < this.#file.written) this.#file.sync('guest-flush');
  }

  close(): void {
    this.#writeAll();
    if (this.#file.durable < this.#file.written) this.#file.sync('close');
  }

  /** First all that others wait for, with one barrier; then those. */
  #writeAll(): void {
    const { refcounts, l2 } = this.#caches!;
    for (const block of refcounts.dirtyTables()) this.clean(block);
    const waits = [...l2.dirtyTables()].flatMap((table) => this.#waits.get(table) ?? []);
    this.#settle(waits);
    for (const table of l2.dirtyTables()) this.clean(table);
    while (this.#postponed.length > 0) this.#write(this.#postponed[0]!.pointer);
  }

  #settle(before: readonly Prerequisite[]): void {
    for (const one of before) {
      if (one instanceof CachedTable) this.clean(one);
      else if (one instanceof Pointer) this.#write(one);
    }
    if (!isDurable(before, this.#file.durable)) this.#file.sync('dependency');
  }

  /** Not before those to the same bytes that were published earlier. */
  #write(pointer: Pointer): void {
    const copy = this.#copies.get(pointer) ?? pointer;
    const index = this.#postponed.findIndex((one) => one.pointer === copy);
    if (index < 0) return;
    const { before } = this.#postponed[index]!;
    for (const one of this.#postponed.slice(0, index)) if (overlap(one.pointer, copy)) this.#write(one.pointer);
    this.#settle(before);
    this.#postponed = this.#postponed.filter((one) => one.pointer !== copy);
    copy.write(this.#file);
  }
}

function overlap(a: Pointer, b: Pointer): boolean {
  return a.offset < b.offset + b.bytes.length && b.offset < a.offset + a.bytes.length;
}

const create: PolicyFactory = ({ file }) => ({ policy: new Ordered(file) });

registerPolicy({
  name: 'outside',
  summary: 'a policy of a test',
  behaviour: { ...STAGES.S4b.behaviour, replacement: 'lru', layout: 'indexed' },
  hostCacheMode: 'writeback',
  create,
});

/** Syncs of `act` on a disk whose first L2 table is there and durable. */
function syncsOf(policy: PolicyFactory | string, act: (write: (cluster: number) => void, flush: () => void) => void) {
  const memory = new MemoryFile('disk');
  createImage(memory, { sizeBytes: 8 * MiB });
  const recording = new RecordingFile(memory);
  const image = openImage(recording, { policy });
  const write = (cluster: number) => image.write(cluster * 64 * KiB, new Uint8Array(64 * KiB).fill(1 + cluster));
  write(0);
  image.flush();
  const from = recording.events.length;
  act(write, () => image.flush());
  const syncs = recording.events.slice(from).filter(({ op }) => op === 'sync').length;
  image.close();
  assert.ok(isClean(checkImage(memory)));
  return syncs;
}

describe('opened by its factory', () => {
  const fresh = (write: (cluster: number) => void, flush: () => void) => {
    for (let cluster = 1; cluster <= 16; cluster++) write(cluster);
    flush();
  };

  test('sixteen fresh clusters and a flush: a barrier for data and refcounts, one for the mapping', () => {
    assert.equal(syncsOf(create, fresh), 2);
    assert.ok(syncsOf('writeback', fresh) > 2);
  });

  test('a flush with nothing to do costs nothing; rewriting in place costs the flush', () => {
    assert.equal(
      syncsOf(create, (_, flush) => flush()),
      0,
    );
    assert.equal(
      syncsOf(create, (write, flush) => {
        write(0);
        flush();
      }),
      1,
    );
  });

  test('what it postpones is readable meanwhile, and in the file after the flush', () => {
    const memory = new MemoryFile('disk');
    createImage(memory, { sizeBytes: 64 * MiB, clusterSizeBytes: 4 * KiB });
    const image = openImage(memory, { policy: create, l2CacheTables: 2 });
    const expected = new Map<number, number>();
    for (let n = 1; n <= 60; n++) {
      const block = (n * 2_654_435) % (16 * 1024);
      image.write(block * 4 * KiB, new Uint8Array(4 * KiB).fill(n));
      expected.set(block, n);
      if (n === 30) image.createSnapshot({ name: 's', dateSeconds: 0 });
    }
    image.flush();
    const copy = openImage(new MemoryFile('copy', memory.bytes(), { readOnly: true }));
    const found = new Uint8Array(4 * KiB);
    for (const [block, n] of expected) {
      for (const disk of [image, copy]) {
        disk.read(block * 4 * KiB, found);
        assert.ok(
          found.every((byte) => byte === n),
          `block ${block}`,
        );
      }
    }
    image.close();
    assert.ok(isClean(checkImage(memory)));
  });
});

describe('explored by its name', () => {
  const subject = { policy: 'outside', stage: null, hostCacheMode: null };
  const workloads = namedWorkloads({ clusterSizeBytes: 4096, cacheTables: { l2: 2, refcounts: 1 } });
  // How snapshots are taken is not the policy's business, and not safe over a power cut yet.
  const withoutSnapshots = workloads.filter(({ during }) => during.every(({ op }) => !op.startsWith('snapshot')));

  test('there is something to explore', () => assert.ok(withoutSnapshots.length >= 12));

  for (const workload of withoutSnapshots) {
    test(`${workload.name}: no promise is broken in any state`, () => {
      const found = exploreRecording(recordWorkload(workload, subject), { statesPerPoint: 4096, seed: 1 });
      assert.ok(found.points > 0 && found.points === found.exhaustivePoints);
      assert.deepEqual(
        FINDING_CLASSES.filter((kind) => isViolation(kind) && found.findings[kind] > 0),
        [],
      );
    });
  }
});
