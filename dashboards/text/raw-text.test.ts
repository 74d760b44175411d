import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { rawRecord } from '../testing/raw-record.ts';
import { rawLines } from './raw-text.ts';

test('a line for each cell but the raw file, with what the record says', () => {
  const record = rawRecord();
  const lines = rawLines(record);
  assert.equal(lines.length, 2 + record.cells.length - 1);
  for (const { id, rawMultiples } of record.cells) {
    const line = lines.find((text) => text.startsWith(`${id} `));
    assert.equal(line === undefined, rawMultiples === undefined);
    if (rawMultiples?.waits != null) assert.ok(line!.includes(` ${rawMultiples.waits.toFixed(2)}x`), line);
  }
});

test('nothing without a raw file', () => {
  assert.deepEqual(rawLines(fixtureRecord()), []);
});
