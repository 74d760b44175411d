/** The comparison of two commits out of one record: which rows matter, in which order, and what is said of times. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunRecord } from '../../results/record.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { profiledRecord } from '../testing/profiled-record.ts';
import { changesOf } from './changes.ts';
import { comparisonOfRecord } from './commit-record.ts';
import { renderComparison } from './comparison-report.ts';
import { matchCells } from './matched-cells.ts';

const [BASE, HEAD] = ['a'.repeat(40), 'b'.repeat(40)];

/** legacy by two commits: one more sync, a wall time that is 5 % up, a CPU time that is not settled. */
function compared(): RunRecord {
  return fixtureRecord((record) => {
    const [cell] = record.cells;
    const by = (revision: string, commit: string) => {
      const copy = structuredClone(cell!);
      copy.id = `legacy @ ${revision}`;
      copy.policy.parameters = { revision, commit };
      return copy;
    };
    record.cells = [by('HEAD~1', BASE), by('HEAD', HEAD)];
    record.cells[1]!.exact!.fsyncs += 1;
    const interval = { confidence: 0.95, pairs: 20 };
    record.comparisons = [
      {
        baseline: 'legacy @ HEAD~1',
        candidate: 'legacy @ HEAD',
        times: [
          {
            ...{ metric: 'wall', verdict: 'changed', direction: 'higher', floor: 0.02, control: null, morePairs: 0 },
            interval: { ...interval, ratio: 1.05, low: 1.03, high: 1.07 },
          },
          {
            ...{ metric: 'cpu', verdict: 'unsure', direction: 'neither', floor: 0.02, control: null, morePairs: 12 },
            interval: { ...interval, ratio: 0.7, low: 0.5, high: 1.4 },
          },
        ],
        exact: { verdict: 'different', differences: [{ metric: 'fsyncs', baseline: 5850, candidate: 5851 }] },
      },
    ];
  });
}

test('a time that changed comes first, then counts; what is unsure has no ratio and is not significant', () => {
  const { baseline, candidate, timesOf } = comparisonOfRecord(compared())!;
  const { matched } = matchCells(baseline.records, candidate.records);
  const changes = changesOf(matched, timesOf!);
  assert.deepEqual(
    changes.filter(({ isSignificant }) => isSignificant).map(({ metric, ratio }) => [metric, ratio]),
    [
      ['wall time', 1.05],
      ['syncs', 5851 / 5850],
    ],
  );
  const cpu = changes.find(({ metric }) => metric === 'CPU time')!;
  assert.deepEqual([cpu.ratio, cpu.isSignificant], [null, false]);
});

test('the page has the sentence of the terminal, both commits with subject, date and author, and the link to the diff', async () => {
  const fact = (subject: string) => ({ subject, date: '2024-03-01T09:00:00.000Z', author: 'A. Uthor' });
  const commits = new Map([
    [BASE, fact('image: before')],
    [HEAD, fact('image: after <b>')],
  ]);
  const page = await renderComparison({
    ...comparisonOfRecord(compared())!,
    known: { commits, forge: 'https://forge.example/owner/name' },
    history: [fixtureRecord(), compared()],
  });
  assert.match(page, /<p class="verdict">Counts of HEAD differ from HEAD~1 under legacy\. Times: legacy higher\.<\/p>/);
  assert.match(page, /image: before<br>2024-03-01, A\. Uthor/);
  assert.match(page, /image: after &lt;b&gt;/);
  assert.ok(page.includes(`href="https://forge.example/owner/name/compare/${BASE}...${HEAD}"`));
  assert.match(page, /<svg class="spark"[^>]*aria-label="syncs, the last 3 values"/);
});

test('a record that compares policies is no comparison of commits', () => {
  assert.equal(comparisonOfRecord(fixtureRecord()), null);
});

test('the flame graphs of both commits are on the page of a profiled comparison, and of no other', async () => {
  const record = compared();
  assert.doesNotMatch(await renderComparison(comparisonOfRecord(record)!), /id="cpu-flame/);
  const [profiled, judged] = profiledRecord().cells;
  for (const cell of record.cells) cell.cpuStacks = profiled!.cpuStacks!;
  record.cells[1]!.cpuDifference = { ...judged!.cpuDifference!, baseline: record.cells[0]!.id };
  const page = await renderComparison(comparisonOfRecord(record)!);
  const select = /<select id="cpu-flame-shownCell".*?<\/select>/s.exec(page)![0];
  assert.deepEqual(
    [...select.matchAll(/<option>([^<]*)</g)].map(([, label]) => label),
    [`legacy, revision HEAD~1, commit ${BASE}`, `legacy, revision HEAD, commit ${HEAD}`],
  );
  const difference = /<section id="cpu-difference".*?<\/section>/s.exec(page)![0];
  assert.match(
    difference,
    /2 call paths differ, in 6 profiled replays of each side; most of all sync \(.*\), from 25\s?% to 0\s?%/,
  );
});
