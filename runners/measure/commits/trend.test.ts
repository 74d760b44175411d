import assert from 'node:assert/strict';
import { test } from 'node:test';
import yargs from 'yargs';
import type { Cell } from '../../../results/record.ts';
import { sampleCell, sampleRecord } from '../../../results/testing/sample-record.ts';
import { withBenchOptions } from '../plan/bench-options.ts';
import { planOf } from '../plan/plan-options.ts';
import { trendSeries } from './trend.ts';

function round(index: number, wallNs: number): Cell['rounds'][number] {
  return {
    ...{ index, order: index, startedAt: '2026-11-22T20:15:00.000Z', wallNs, userCpuNs: 5, systemCpuNs: 5 },
    ...{ deviceNs: { read: 0, write: 0, sync: 0 }, peakMemoryBytes: 1, countsEqual: true },
    ...(index === 0 && { traced: true }),
  };
}

test('B1: the warm-up round is in no time of a trend where there is another', () => {
  const plan = planOf(withBenchOptions(yargs(['-p', 'writeback'])).parseSync(), []);
  const pointOf = (...rounds: Cell['rounds']) => {
    const record = sampleRecord({ cells: [sampleCell({ id: plan.cells[0]!.id, rounds })] });
    return { commit: 'a'.repeat(40), subject: 'a change', record, gap: null };
  };
  const points = [pointOf(round(0, 9000), round(1, 100)), pointOf(round(0, 9000))];
  const times = trendSeries(points, plan).find(({ metric }) => metric === 'wallNs')!;
  assert.deepEqual(times.values, [100, 9000]);
});
