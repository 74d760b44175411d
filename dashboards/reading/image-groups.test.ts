/** Sweeps: cells are grouped by what is swept and compared within a group only. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileQuestion } from '../charts/compile.ts';
import { ask } from '../charts/question.ts';
import { QUESTIONS } from '../questions/index.ts';
import { matrixRecord } from '../testing/fixture-answer.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { sweepRecord } from '../testing/sweep-record.ts';
import { comparedCells } from './cells.ts';
import { imageGroups } from './image-groups.ts';

test('one image is one group without a name, also where each policy has caches of its own size', () => {
  const record = fixtureRecord((draft) => {
    draft.cells[0]!.image.l2CacheTables = 8;
  });
  assert.deepEqual(
    imageGroups(record).map(({ label }) => label),
    [''],
  );
});

test('one policy on many images is not a sweep of groups: its cells are compared with each other', () => {
  const record = sweepRecord();
  record.cells = record.cells.filter(({ policy }) => policy.name === 'writeback');
  assert.equal(imageGroups(record).length, 1);
});

test('workloads are groups with records of their own: their cells, their comparisons, their flushes', () => {
  const record = matrixRecord();
  const groups = imageGroups(record);
  assert.deepEqual(
    groups.map(({ label }) => label),
    ['install, guest flushes', 'made-up-updates, guest flushes', 'made-up-updates, no guest flush'],
  );
  assert.deepEqual(
    groups.map(({ record: part }) => part.workload),
    [record.workload, ...record.furtherWorkloads!],
  );
  for (const { record: part } of groups) {
    assert.deepEqual(
      comparedCells(part).map(({ label, baseline }) => [label, baseline?.label ?? null]),
      [
        ['legacy', null],
        ['writethrough', 'legacy'],
        ['writeback', 'legacy'],
      ],
    );
  }
  const whole = comparedCells(record);
  assert.equal(new Set(whole.map(({ label }) => label)).size, 9);
  for (const { cell, baseline } of whole)
    assert.equal(cell.workload, baseline === null ? cell.workload : baseline.cell.workload);
  assert.equal(whole.filter(({ baseline }) => baseline === null).length, 3);
});

test('each cell is compared with the baseline of its own image', () => {
  const groups = imageGroups(sweepRecord([4, 64]));
  assert.deepEqual(
    groups.map(({ label }) => label),
    ['cluster 4\u00a0KiB', 'cluster 64\u00a0KiB'],
  );
  for (const { record } of groups) {
    const cells = comparedCells(record);
    assert.deepEqual(
      cells.map(({ label, baseline }) => [label, baseline?.label ?? null]),
      [
        ['legacy', null],
        ['writethrough', 'legacy'],
        ['writeback', 'legacy'],
      ],
    );
    assert.equal(cells[2]!.baseline?.cell.image.clusterSizeBytes, cells[2]!.cell.image.clusterSizeBytes);
  }
});

test('charts of a sweep hold the rows of each image, and the question about the sweep those of all', () => {
  const record = sweepRecord([4, 64, 256]);
  for (const question of QUESTIONS) {
    const bundle = compileQuestion(ask(question, record));
    // What this sweep did not measure: a raw file, and where the CPU time goes.
    assert.equal(bundle === null, ['raw-multiples', 'cpu-difference', 'cpu-flame'].includes(question.id), question.id);
    if (bundle !== null) assert.equal(bundle.groups?.length, question.scope === 'run' ? undefined : 3, question.id);
  }
  const sweep = compileQuestion(ask(QUESTIONS.find(({ id }) => id === 'sweep')!, record))!;
  // Three policies on three images, four figures each.
  assert.equal(sweep.sources.rows?.rows.length, 36);
});
