import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { oneByOneLines } from './one-by-one-text.ts';

test('both times of a cell that has both', () => {
  const record = fixtureRecord((draft) => {
    for (const round of draft.cells[1]!.rounds) Object.assign(round, { wallNs: 2e6, oneByOneNs: 5e6 });
  });
  const { id, rounds } = record.cells[1]!;
  const times = '2.0 ms with commands sent ahead (its time above), 5.0 ms one by one';
  assert.deepEqual(oneByOneLines(record), [`${id}: ${times} (its latencies), medians of ${rounds.length}`]);
  assert.deepEqual(oneByOneLines(fixtureRecord()), []);
});
