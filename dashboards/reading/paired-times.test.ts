/** Times against the baseline: which rounds form pairs, when an interval is spoken of, and recorded verdicts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timedRounds } from '../../results/cell-results.ts';
import type { RunRecord } from '../../results/record.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { intervalWords, pairedTime, WALL_TIME } from './paired-times.ts';

function withWalls(legacy: readonly number[], writeback: readonly number[]): RunRecord {
  return fixtureRecord((draft) => {
    delete draft.cells[0]!.control;
    for (const [cell, walls] of [
      [draft.cells[0]!, legacy],
      [draft.cells[2]!, writeback],
    ] as const) {
      cell.rounds = walls.map((wallNs, index) => ({ ...cell.rounds[index]!, wallNs }));
    }
  });
}

const compared = (record: RunRecord) => pairedTime(record, record.cells[2]!, record.cells[0]!, WALL_TIME);

test('rounds of the same index are pairs; those without a partner, traced or of no length are none', () => {
  const record = withWalls([10, 20, 30, 0, 50], [5, 20, 30, 7]);
  record.cells[2]!.rounds[2]!.traced = true;
  const time = compared(record);
  assert.equal(time?.interval.pairs, 2);
  assert.ok(Math.abs((time?.interval.ratio ?? 0) - Math.SQRT1_2) < 1e-12);
  assert.match(intervalWords(time!), /^range of 2 pairs: .* \(an interval needs 6\)$/);
  assert.equal(compared(withWalls([10], [])), null);
});

test('a traced round is shown where there is no other, and compared nowhere', () => {
  const record = withWalls([10], [20]);
  for (const cell of record.cells) for (const round of cell.rounds) round.traced = true;
  assert.equal(timedRounds(record.cells[2]!).length, 1);
  assert.equal(compared(record), null);
});

test('eight pairs that agree give an interval and a verdict; the recorded verdict goes before', () => {
  const record = withWalls([10, 11, 10, 12, 10, 11, 10, 12], [20, 23, 21, 24, 20, 22, 20, 25]);
  const time = compared(record)!;
  assert.equal(time.verdict, 'changed');
  assert.ok(time.interval.low > 1.9 && time.interval.high < 2.2);
  const recorded = { ...time, metric: 'wall', verdict: 'same' } as const;
  record.comparisons = [{ baseline: record.cells[0]!.id, candidate: record.cells[2]!.id, times: [recorded] }];
  assert.equal(compared(record)?.verdict, 'same');
});

test('B2: one pair has no interval in words, a few have their range, and only enough of them an interval', () => {
  const time = (pairs: number) => ({
    ...({ verdict: 'unsure', direction: 'neither', floor: 0.02, control: null, morePairs: 6 } as const),
    interval: { ratio: 1.401, low: 1.401, high: 1.401, confidence: 0.95, pairs },
  });
  assert.equal(intervalWords(time(1)), 'one pair of rounds: no interval');
  assert.match(intervalWords(time(3)), /^range of 3 pairs: .*an interval needs/);
  assert.match(intervalWords(time(12)), /^95.% interval/);
});
