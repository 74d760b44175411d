/** Syncs per guest flush under the policies since writeback, each request alone: what each of them saves, and where. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BARRIER_SCENARIOS, barrierCost } from '../testing/barrier-scenarios.ts';

/** The cost per flush is the same from the first one after the warm-up on. */
const FLUSHES_MOST = 100;

const SYNCS: Readonly<Record<string, readonly number[]>> = {
  'rewrite in place': [3, 1, 1, 1],
  'flush with nothing written': [3, 0, 0, 0],
  'fresh cluster': [4, 2, 2, 1],
  'first write under a new L2 table': [7, 5, 2, 1],
  'copy-on-write from a backing file': [4, 2, 2, 2],
  'overwrite after a snapshot': [5, 3, 2, 2],
  discard: [4, 2, 1, 1],
};
const POLICIES = ['writeback', 'modern', 'ordered', 'reserve'] as const;

for (const scenario of BARRIER_SCENARIOS) {
  test(`syncs per flush: ${scenario.name}`, () => {
    const short = { ...scenario, flushes: Math.min(scenario.flushes, FLUSHES_MOST) };
    const syncs = POLICIES.map((policy) => barrierCost(short, { policy }).syncsPerFlush);
    assert.deepEqual(syncs, SYNCS[scenario.name]);
  });
}

test('ordered and reserve write sectors, not whole tables', () => {
  const discard = BARRIER_SCENARIOS.find(({ name }) => name === 'discard')!;
  const bytes = POLICIES.map((policy) => barrierCost({ ...discard, flushes: 10 }, { policy }).bytesPerFlush);
  assert.deepEqual(bytes, [131_072, 131_072, 1024, 1024]);
});
