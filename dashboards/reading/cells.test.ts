/** Labels of cells, pairing of rounds, styles of policies, coarser pictures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { styleSlots } from '../charts/theme.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { cellLabels, comparedCells } from './cells.ts';
import { coarsen } from './file-map-bins.ts';

test('namesakes are told apart by what differs, else by number', () => {
  const record = fixtureRecord((draft) => {
    const [legacy, , writeback] = draft.cells;
    const small = structuredClone(writeback!);
    small.image.clusterSizeBytes = 4096;
    draft.cells = [legacy!, writeback!, small, structuredClone(small)];
  });
  assert.deepEqual(cellLabels(record), [
    'legacy',
    'writeback, cluster 64\u00a0KiB',
    'writeback, cluster 4\u00a0KiB',
    'writeback, cluster 4\u00a0KiB (2)',
  ]);
});

test('the baseline is the one that the run named, else legacy, else the first', () => {
  const baselines = (change: Parameters<typeof fixtureRecord>[0]) =>
    comparedCells(fixtureRecord(change)).map(({ baseline }) => baseline?.label ?? null);
  assert.deepEqual(
    baselines((draft) => draft.cells.reverse()),
    ['legacy', 'legacy', null],
  );
  assert.deepEqual(
    baselines((draft) => draft.cells.shift()),
    [null, 'writethrough'],
  );
  const [, writethrough, writeback] = fixtureRecord().cells.map(({ id }) => id);
  assert.deepEqual(
    baselines((draft) => {
      draft.comparisons = [{ baseline: writethrough!, candidate: writeback!, times: [] }];
    }),
    [null, null, 'writethrough'],
  );
});

test('known policies keep their colour whatever else is run; no two of eight share one', () => {
  assert.deepEqual(styleSlots(['writeback']), [2]);
  assert.deepEqual(styleSlots(['ordered', 'legacy', 'writeback']).slice(1), [0, 2]);
  assert.equal(new Set(styleSlots(['a', 'b', 'c', 'd', 'e', 'legacy', 'writethrough', 'writeback'])).size, 8);
});

test('a coarser picture loses no byte and no sync', () => {
  const map = fixtureRecord().cells[0]!.fileMap!;
  const coarse = coarsen(map, 100);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  assert.ok(coarse.cells.length <= 100);
  assert.equal(sum(coarse.cells.map(([, , , bytes]) => bytes)), sum(map.cells.map(([, , , bytes]) => bytes)));
  assert.equal(sum(coarse.syncs.map(([, count]) => count)), sum(map.syncs.map(([, count]) => count)));
  assert.ok(coarse.cells.every(([column, row]) => column < coarse.columns && row < coarse.rows));
  // A bin stands for the same stretch of file and time, times two for each halving.
  const halvings = Math.log2(coarse.fileBytes / coarse.rows / (map.fileBytes / map.rows));
  assert.ok(Math.abs(halvings - Math.round(halvings)) < 1e-9);
});
