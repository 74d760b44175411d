/** Which cells of two sets of runs belong together, and what differs between them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workloadParts } from '../../results/workload-parts.ts';
import { matrixRecord } from '../testing/fixture-answer.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { sweepRecord } from '../testing/sweep-record.ts';
import { changesOf } from './changes.ts';
import { matchCells } from './matched-cells.ts';

test('equal sides match cell by cell and nothing differs, whatever the file system and the machine', () => {
  const other = fixtureRecord((draft) => {
    draft.environment.machine = 'another';
    for (const cell of draft.cells) cell.device.name = 'xfs';
  });
  const { matched, onlyBaseline, onlyCandidate } = matchCells([fixtureRecord()], [other]);
  assert.deepEqual(
    matched.map(({ label, exact }) => [label, exact.verdict]),
    [
      ['legacy', 'equal'],
      ['writethrough', 'equal'],
      ['writeback', 'equal'],
    ],
  );
  assert.deepEqual([onlyBaseline, onlyCandidate], [[], []]);
  assert.ok(changesOf(matched, null).every(({ isSignificant }) => !isSignificant));
});

test('a run of several workloads matches runs of each of them', () => {
  const record = matrixRecord();
  const apart = workloadParts(record).map((part) => ({
    ...part,
    cells: part.cells.map(({ workload: _, ...cell }) => cell),
  }));
  const { matched, onlyBaseline, onlyCandidate } = matchCells([record], apart);
  assert.deepEqual([matched.length, onlyBaseline, onlyCandidate], [9, [], []]);
  assert.ok(matched.every(({ exact }) => exact.verdict === 'equal'));
  assert.equal(new Set(matched.map(({ workload }) => workload)).size, 3);
  assert.equal(matchCells([record], [apart[1]!]).onlyBaseline.length, 6);
});

test('a difference of one is found and comes first; commits in the parameters do not keep cells apart', () => {
  const head = fixtureRecord((draft) => {
    draft.cells[2]!.exact!.fsyncs += 1;
    for (const cell of draft.cells) cell.policy.parameters = { revision: 'head', commit: 'abc' };
  });
  const { matched } = matchCells([fixtureRecord()], [head]);
  assert.deepEqual(matched[2]?.exact.differences, [{ metric: 'fsyncs', baseline: 37, candidate: 38 }]);
  const [first, ...others] = changesOf(matched, null);
  assert.deepEqual(
    [first?.policy, first?.metric, first?.base, first?.head, first?.tone],
    ['writeback', 'syncs', 37, 38, 'warn'],
  );
  assert.ok(others.every(({ isSignificant }) => !isSignificant));
});

test('two runs of one side that disagree are no difference but an error', () => {
  const other = fixtureRecord((draft) => {
    draft.cells[0]!.exact!.writes += 1;
  });
  const { matched } = matchCells([fixtureRecord(), other], [fixtureRecord()]);
  assert.equal(matched[0]?.exact.verdict, 'nondeterministic');
});

test('what only one side measured is named', () => {
  const { matched, onlyCandidate } = matchCells([fixtureRecord()], [sweepRecord([4, 64])]);
  assert.equal(matched.length, 3);
  assert.equal(onlyCandidate.length, 3);
  assert.match((onlyCandidate[0] ?? '').replaceAll('\u00a0', ' '), /^legacy, cluster 4 KiB on install/);
});

test('sides that measured different files of one name have nothing in common, and the page says why', () => {
  const side = (digit: string, name = 'trace:w.log') =>
    fixtureRecord((draft) => {
      draft.workload.name = name;
      draft.workload.inputs = [{ role: 'trace', name, sha256: digit.repeat(64) }];
    });
  const { matched, onlyBaseline, changedInputs } = matchCells([side('a')], [side('b')]);
  assert.deepEqual([matched.length, onlyBaseline.length], [0, 3]);
  assert.match(onlyBaseline[0]!, /^legacy, content aaaaaaaa on trace:w\.log/);
  assert.deepEqual(changedInputs, [
    'trace:w.log is not the same file on both sides: its content was aaaaaaaa and is bbbbbbbb.',
  ]);
  assert.equal(matchCells([side('a')], [side('a', 'trace:moved.log')]).matched.length, 3);
});

test('the same workload on disks of different sizes is not the same', () => {
  const larger = fixtureRecord((draft) => {
    draft.workload.diskSizeBytes *= 2;
  });
  assert.equal(matchCells([fixtureRecord()], [larger]).matched.length, 0);
});
