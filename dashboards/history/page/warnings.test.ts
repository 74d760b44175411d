/** What the report on history warns of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HistoryRun } from '../history-run.ts';
import { warningsOf } from './warnings.ts';

test('B21: every form of the history but the full one says that it is a small one', () => {
  const of = (size: HistoryRun['size']) =>
    warningsOf({ size, status: 'complete', failure: null, parts: [] } as unknown as HistoryRun);
  assert.match(of('quick').join(), /too small/);
  assert.match(of('usual').join(), /in part only.*--full/);
  assert.deepEqual(of('full'), []);
});
