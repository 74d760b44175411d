/** Labels of cells, pairing of rounds, styles of policies, coarser pictures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellLabels, median, pairedRatio } from './cells.ts';
import { coarsen } from './questions/file-map-bins.ts';
import { fixtureRecord } from './testing/fixture-record.ts';
import { styleSlots } from './theme.ts';

test('namesakes are told apart by what differs, else by number', () => {
  const record = fixtureRecord((draft) => {
    const [legacy, , writeback] = draft.cells;
    const small = structuredClone(writeback!);
    small.image.clusterSizeBytes = 4096;
    draft.cells = [legacy!, writeback!, small, structuredClone(small)];
  });
  assert.deepEqual(cellLabels(record), [
    'legacy',
    'writeback, cluster 64 KiB',
    'writeback, cluster 4 KiB',
    'writeback, cluster 4 KiB (2)',
  ]);
});

test('ratios pair rounds of the same index and skip those without a partner', () => {
  const [baseline, , other] = fixtureRecord().cells;
  const wall = [
    [10, 20, 30],
    [5, 20],
  ];
  [baseline!, other!].forEach((cell, which) => {
    cell.rounds = wall[which]!.map((wallNs, index) => ({ ...cell.rounds[index]!, wallNs }));
  });
  const ratio = pairedRatio(other!, baseline!, (round) => round.wallNs);
  assert.deepEqual(ratio, { middle: 0.75, low: 0.5, high: 1, rounds: 2 });
  assert.equal(median([3, 1, 2]), 2);
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
