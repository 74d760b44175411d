/** Why it took so long, for the terminal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { costLines } from './cost-text.ts';

test('B10: a model that explains more than the time that was measured, or much less, says that it is not to be relied on', () => {
  const explained = (modelledNs: number) => {
    const record = fixtureRecord((draft) => {
      draft.cells.length = 1;
      const terms = [{ name: 'syncs', count: 10, unit: 'operations' as const, ns: modelledNs }];
      const residualNs = 1000 - modelledNs;
      draft.cells[0]!.cost = { terms, modelledNs, measuredNs: 1000, residualNs, residualShare: residualNs / 1000 };
    });
    return costLines(record).filter((line) => line.startsWith('not to be relied on: legacy'));
  };
  assert.deepEqual(
    [1448, 2242, 500].map((ns) => explained(ns).length),
    [1, 1, 1],
  );
  assert.deepEqual(explained(900), []);
});
