/** Points of runs, their series, and the changes that are found in them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, type Spec, View } from 'vega';
import { vegaWithRows } from '../charts/chart-bundle.ts';
import { compileChart } from '../charts/compile.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { COMMITS, FASTER_AT, fixtureCommits, fixtureRuns, WORSE_AT } from '../testing/fixture-runs.ts';
import { type RunSummary, summariseRun, underNewestNames } from './run-points.ts';
import { allSeries, FIGURES, lastChange } from './series.ts';
import { trendChart } from './trend-chart.ts';

const commits = fixtureCommits();
const runs = fixtureRuns().map((record) => summariseRun(record, commits));

function seriesOf(summaries: readonly RunSummary[], figure: string, policy: string) {
  return allSeries(summaries).filter((series) => series.figure.id === figure && series.policy === policy);
}

test('an exact figure changes at the commit that changed it, on every machine and workload', () => {
  const found = seriesOf(runs, 'waits', 'writeback');
  assert.equal(found.length, 3);
  for (const series of found) {
    assert.deepEqual(series.changes, [{ index: WORSE_AT, before: 37, after: 49 }]);
    assert.equal(lastChange(series)?.worse, true);
    assert.equal(series.points[WORSE_AT]?.subject, `image: fixture change ${WORSE_AT}`);
  }
});

test('a noisy figure changes where its level does, and nowhere else', () => {
  for (const series of seriesOf(runs, 'wall', 'legacy')) {
    assert.deepEqual(
      series.changes.map(({ index }) => index),
      [FASTER_AT],
    );
    assert.equal(lastChange(series)?.worse, false);
    assert.equal(new Set(series.levels).size, 2);
  }
  for (const policy of ['writethrough', 'writeback'])
    for (const series of seriesOf(runs, 'wall', policy)) assert.deepEqual(series.changes, []);
});

test('points are in the order of their commits, whenever they were measured', () => {
  const late = fixtureRuns().reverse();
  for (const [index, record] of late.entries())
    record.startedAt = new Date(Date.parse('2025-01-01T00:00:00Z') + index * 1000).toISOString();
  const [series] = seriesOf(
    late.map((record) => summariseRun(record, commits)),
    'waits',
    'writeback',
  );
  assert.equal(series?.points.length, COMMITS);
  assert.deepEqual(series?.changes, [{ index: WORSE_AT, before: 37, after: 49 }]);
});

test('a cell of another commit counts for that commit; unsound cells and meaningless times count for nothing', () => {
  const [hash] = [...commits.keys()];
  const summary = summariseRun(
    fixtureRecord((record) => {
      record.cells[0]!.policy.parameters = { revision: 'base', commit: hash!.slice(0, 12) };
      record.cells[1]!.deterministic = false;
      record.cells[2]!.hostCacheMode = 'unsafe';
    }),
    commits,
  );
  const [legacy, writeback] = summary.points;
  assert.equal(summary.points.length, 2);
  assert.deepEqual([legacy?.commit, legacy?.subject], [hash!.slice(0, 12), 'image: fixture change 0']);
  assert.ok(legacy?.attributes.every(([name]) => name !== 'commit' && name !== 'revision'));
  assert.equal(writeback?.figures.wall, undefined);
  assert.equal(summary.findings.length, 1);
});

test('the interval of a time is that of the median over the rounds', () => {
  const record = fixtureRecord((draft) => {
    draft.cells[0]!.rounds.forEach((round, index) => {
      round.wallNs = 1000 + index;
    });
  });
  const wall = summariseRun(record, commits).points[0]?.figures.wall;
  assert.equal(wall?.value, 1003.5);
  assert.ok(wall !== undefined && wall.low > 1000 && wall.high < 1007 && wall.low < 1003.5 && wall.high > 1003.5);
});

/** Runs of a trace at two commits: under `names`, with the content that a digit of its digest identifies. */
function traceRuns(...runsOf: readonly { readonly name: string; readonly digit: string | null }[]): RunSummary[] {
  return runsOf.map(({ name, digit }, index) =>
    summariseRun(
      fixtureRecord((record) => {
        record.runId = `fixture-trace-${index}`;
        record.startedAt = `2024-05-0${index + 1}T10:00:00.000Z`;
        record.workload.name = name;
        if (digit !== null) record.workload.inputs = [{ role: 'trace', name, sha256: digit.repeat(64) }];
        record.cells[2]!.exact!.fsyncs += index;
      }),
      commits,
    ),
  );
}

test('a trace that changed under its name is no change of the program: each content has a series of its own', () => {
  const found = seriesOf(
    traceRuns({ name: 'trace:w.log', digit: 'a' }, { name: 'trace:w.log', digit: 'b' }),
    'waits',
    'writeback',
  );
  assert.deepEqual(
    found.map(({ label, changes }) => [label, changes]),
    [
      ['writeback, content aaaaaaaa', []],
      ['writeback, content bbbbbbbb', []],
    ],
  );
});

test('a record without a digest is in no series with one that has it, and is still shown', () => {
  const found = seriesOf(
    traceRuns({ name: 'trace:w.log', digit: null }, { name: 'trace:w.log', digit: 'b' }),
    'waits',
    'writeback',
  );
  assert.deepEqual(
    found.map(({ label }) => label),
    ['writeback, content not recorded', 'writeback, content bbbbbbbb'],
  );
});

test('a trace that was moved goes on in its series, under its newest name', () => {
  const moved = underNewestNames(
    traceRuns({ name: 'trace:/a/w.log', digit: 'a' }, { name: 'trace:/b/w.log', digit: 'a' }),
  );
  const [series, ...others] = seriesOf(moved, 'waits', 'writeback');
  assert.deepEqual([series?.points.length, others.length], [2, 0]);
  assert.match(series?.workload ?? '', /^trace:\/b\/w\.log, /);
});

test('B20: the axis of bytes has ticks at binary steps, not at decimal ones with odd labels', async () => {
  const figure = FIGURES.find(({ id }) => id === 'written')!;
  const shown = seriesOf(runs, 'written', 'writeback').slice(0, 1);
  const bundle = compileChart(trendChart(figure, shown, ['writeback']));
  const view = new View(parse(vegaWithRows(bundle) as unknown as Spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  const ticks = [...svg.matchAll(/>([\d.]+) ([KMG])iB</g)].map(
    ([, number, unit]) => Number(number) * 1024 ** ('KMG'.indexOf(unit!) + 1),
  );
  assert.ok(ticks.length >= 1);
  const step = Math.min(...ticks);
  assert.equal(Math.log2(step) % 1, 0, `${ticks}`);
  assert.ok(
    ticks.every((tick) => tick % step === 0),
    `${ticks}`,
  );
});
