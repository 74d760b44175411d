/** What each request costs at most under the policies that no program ships, and exactly under the one of today. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KiB } from '../index.ts';
import { BARRIER_SCENARIOS, barrierCost, snapshotSyncs } from '../testing/barrier-scenarios.ts';

/** Syncs per guest flush, at most; of `modern` exactly, as QEMU 7.2 makes them. */
const SYNCS: Readonly<Record<string, readonly [modern: number, ordered: number, reserve: number]>> = {
  'rewrite in place': [1, 1, 1],
  'flush with nothing written': [0, 0, 0],
  'fresh cluster': [2, 2.01, 1.01],
  'first write under a new L2 table': [5, 2.05, 1.05],
  'copy-on-write from a backing file': [2, 2.01, 2.01],
  'overwrite after a snapshot': [3, 2.01, 2.01],
  discard: [2, 1.01, 1.01],
};

for (const scenario of BARRIER_SCENARIOS) {
  const [modern, ordered, reserve] = SYNCS[scenario.name]!;
  test(`${scenario.name}: ${modern} syncs a flush today, ${ordered} ordered, ${reserve} with a reserve`, () => {
    assert.equal(barrierCost(scenario, { policy: 'modern' }).syncsPerFlush, modern);
    assert.ok(barrierCost(scenario, { policy: 'ordered' }).syncsPerFlush <= ordered);
    assert.ok(barrierCost(scenario, { policy: 'reserve' }).syncsPerFlush <= reserve);
  });
}

test('a fresh cluster of 64 KiB costs at most 68 KiB a flush', () => {
  const fresh = BARRIER_SCENARIOS.find(({ name }) => name === 'fresh cluster')!;
  for (const policy of ['ordered', 'reserve']) {
    const { bytesPerFlush } = barrierCost(fresh, { policy });
    assert.ok(bytesPerFlush <= 68 * KiB, `${policy}: ${bytesPerFlush}`);
  }
});

for (const policy of ['ordered', 'reserve']) {
  test(`${policy}: a snapshot is taken, applied and deleted in two syncs each, however much is mapped`, () => {
    for (const clusters of [16, 4096]) {
      assert.deepEqual(snapshotSyncs(clusters, { policy }), { create: 2, apply: 2, delete: 2 }, `${clusters} clusters`);
    }
  });
}
