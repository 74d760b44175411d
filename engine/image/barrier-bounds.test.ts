/** What each request costs under the policies since writeback, each request alone and flushed: what each of them saves, and where. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CountingFile,
  createImage,
  GiB,
  KiB,
  MemoryFile,
  openImage,
  queuedRequest,
  RESERVE_PREPARATIONS,
  RequestQueue,
} from '../index.ts';
import { BARRIER_SCENARIOS, barrierCost, snapshotSyncs } from '../testing/barrier-scenarios.ts';

/** Of writeback, the cost per flush is the same from the first one after the warm-up on. */
const FLUSHES_OF_HISTORY = 100;

/**
 * Syncs per guest flush. Those of `modern` are what QEMU 7.2 makes, to the last one. Under ordered and reserve a new refcount block costs a
 * barrier, in the long run far less than this a flush.
 */
const SYNCS: Readonly<Record<string, readonly [writeback: number, modern: number, ordered: number, reserve: number]>> =
  {
    'rewrite in place': [3, 1, 1, 1],
    'flush with nothing written': [3, 0, 0, 0],
    'fresh cluster': [4, 2, 2, 1],
    'first write under a new L2 table': [7, 5, 2, 1],
    'copy-on-write from a backing file': [4, 2, 2, 2],
    'overwrite after a snapshot': [5, 3, 2, 2],
    discard: [4, 2, 1, 1],
  };
const NOW_AND_THEN = 0.01;

for (const scenario of BARRIER_SCENARIOS) {
  const [writeback, modern, ordered, reserve] = SYNCS[scenario.name]!;
  test(`${scenario.name}: ${writeback} syncs a flush in history, ${modern} today, ${ordered} ordered, ${reserve} with a reserve`, () => {
    const short = { ...scenario, flushes: Math.min(scenario.flushes, FLUSHES_OF_HISTORY) };
    assert.equal(barrierCost(short, { policy: 'writeback' }).syncsPerFlush, writeback);
    assert.equal(barrierCost(scenario, { policy: 'modern' }).syncsPerFlush, modern);
    for (const [policy, syncs] of [
      ['ordered', ordered],
      ['reserve', reserve],
    ] as const) {
      const { syncsPerFlush } = barrierCost(scenario, { policy });
      assert.ok(syncsPerFlush >= syncs && syncsPerFlush <= syncs + NOW_AND_THEN, `${policy}: ${syncsPerFlush}`);
    }
  });
}

test('a fresh cluster of 64 KiB costs at most 68 KiB a flush', () => {
  const fresh = BARRIER_SCENARIOS.find(({ name }) => name === 'fresh cluster')!;
  for (const policy of ['ordered', 'reserve']) {
    const { bytesPerFlush } = barrierCost(fresh, { policy });
    assert.ok(bytesPerFlush <= 68 * KiB, `${policy}: ${bytesPerFlush}`);
  }
});

test('ordered and reserve write sectors, not whole tables', () => {
  const discard = BARRIER_SCENARIOS.find(({ name }) => name === 'discard')!;
  const bytes = ['writeback', 'modern', 'ordered', 'reserve'].map(
    (policy) => barrierCost({ ...discard, flushes: 10 }, { policy }).bytesPerFlush,
  );
  assert.deepEqual(bytes, [131_072, 131_072, 1024, 1024]);
});

for (const policy of ['ordered', 'reserve']) {
  test(`${policy}: a snapshot is taken, applied and deleted in two syncs each, however much is mapped`, () => {
    for (const clusters of [16, 4096]) {
      assert.deepEqual(snapshotSyncs(clusters, { policy }), { create: 2, apply: 2, delete: 2 }, `${clusters} clusters`);
    }
  });
}

const REQUESTERS = 16;
const ROUNDS = 200;

/** Syncs per flush that a guest asked for, when several requesters write a fresh cluster each and then flush, at the same time. */
function sharedSyncs(policy: string): number {
  const memory = new MemoryFile('image');
  createImage(memory, { sizeBytes: GiB });
  const file = new CountingFile(memory);
  const image = openImage(file, { policy });
  const queue = new RequestQueue();
  const bytes = new Uint8Array(4 * KiB).fill(1);
  let acknowledged = 0;
  const done = (error: unknown) => {
    assert.equal(error, null);
    acknowledged++;
  };
  const round = (index: number) => {
    for (let of = 0; of < REQUESTERS; of++) {
      const offset = (index * REQUESTERS + of) * 64 * KiB;
      queue.push(queuedRequest(image, { op: 'write', offset, length: bytes.length }, bytes, done, of));
    }
    for (let of = 0; of < REQUESTERS; of++)
      queue.push(queuedRequest(image, { op: 'flush' }, new Uint8Array(0), done, of));
    queue.serveBatch();
  };
  for (let index = 0; index < 10; index++) round(index);
  const before = file.counts.fsyncs;
  for (let index = 10; index < 10 + ROUNDS; index++) round(index);
  const syncs = file.counts.fsyncs - before;
  assert.equal(acknowledged, 2 * REQUESTERS * (10 + ROUNDS));
  image.close();
  return syncs / (ROUNDS * REQUESTERS);
}

for (const [policy, most] of [
  ['ordered', 0.14],
  ['reserve', 0.08],
] as const) {
  test(`${policy}: ${REQUESTERS} requesters share their barriers, at most ${most} syncs per flush of theirs`, () => {
    const syncs = sharedSyncs(policy);
    assert.ok(syncs >= 1 / REQUESTERS && syncs <= most, `${syncs}`);
  });
}

describe('how the place of a reserve is prepared', () => {
  const fresh = BARRIER_SCENARIOS.find(({ name }) => name === 'fresh cluster')!;
  for (const preparation of RESERVE_PREPARATIONS) {
    const most = preparation === 'zeroes' ? 132 : 68;
    test(`${preparation}: one sync for a fresh cluster of 64 KiB, at most ${most} KiB a flush`, () => {
      const { syncsPerFlush, bytesPerFlush } = barrierCost(fresh, { policy: 'reserve', reserve: { preparation } });
      assert.ok(syncsPerFlush <= 1.01, `${syncsPerFlush}`);
      assert.ok(bytesPerFlush <= most * KiB, `${bytesPerFlush}`);
      assert.equal(bytesPerFlush > 68 * KiB, preparation === 'zeroes');
    });
  }

  test('a bound in bytes holds: with four clusters ahead each flush still costs one sync', () => {
    const { syncsPerFlush } = barrierCost(fresh, { policy: 'reserve', reserve: { maxBytes: 256 * KiB } });
    assert.ok(syncsPerFlush <= 1.01, `${syncsPerFlush}`);
    assert.throws(() => barrierCost(fresh, { policy: 'reserve', reserve: { maxBytes: 128 * KiB } }), {
      code: 'INVALID_ARGUMENT',
      message: 'a reserve of 131072 bytes: at least 262144, which are 4 clusters',
    });
    for (const policy of ['ordered', 'writeback'])
      assert.throws(() => barrierCost(fresh, { policy, reserve: {} }), {
        code: 'INVALID_ARGUMENT',
        message: `policy ${policy} has no reserve: it counts no clusters ahead`,
      });
  });
});
