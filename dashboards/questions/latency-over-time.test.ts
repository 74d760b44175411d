/** When was it slow: the fixture's slow period is found where it was put, and coarse pictures lose no latency. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, type Spec, View } from 'vega';
import { LatencyMapBuilder, latencyBins } from '../../results/latency-map.ts';
import type { LatencyLane, LatencyMap, RunRecord } from '../../results/record.ts';
import { vegaWithRows } from '../charts/chart-bundle.ts';
import { compileQuestion } from '../charts/compile.ts';
import { ask } from '../charts/question.ts';
import { coarserInTime } from '../reading/latency-map-bins.ts';
import { LANE_TITLES, laneMaps, spansOf } from '../reading/latency-spans.ts';
import { SLOW_FROM, SLOW_TO } from '../testing/fixture-latency-map.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { latencyOverTime } from './latency-over-time.ts';

function total(map: LatencyMap, lane: LatencyLane): number {
  return latencyBins(map, lane).reduce((sum, { count }) => sum + count, 0);
}

/** Latencies in the rows of the chart, by policy and lane. */
function drawnTotals(record: RunRecord): Record<string, number> {
  const { bins = [], maps = [] } = latencyOverTime.ask(record)!.sources;
  return Object.fromEntries(
    maps.map(({ map, cell, lane }) => {
      const own = bins.filter((bin) => bin.map === map);
      return [`${cell} ${lane}`, own.reduce((sum, { count }) => sum + Number(count), 0)];
    }),
  );
}

test('every latency of the record is in one row of the chart', () => {
  const record = fixtureRecord();
  const expected = record.cells.flatMap(({ policy, latencyMap }) =>
    (Object.keys(latencyMap!.lanes) as LatencyLane[]).map((lane) => [
      `${policy.name} ${LANE_TITLES[lane]}`,
      total(latencyMap!, lane),
    ]),
  );
  assert.deepEqual(drawnTotals(record), Object.fromEntries(expected));
});

test('a picture made coarser has fewer bins and the same latencies', () => {
  const map = fixtureRecord().cells[0]!.latencyMap!;
  for (const most of [1000, 300, 1]) {
    const coarse = coarserInTime(map, most);
    const lanes = Object.keys(map.lanes) as LatencyLane[];
    const bins = lanes.reduce((sum, lane) => sum + latencyBins(coarse, lane).length, 0);
    assert.ok(bins <= most || coarse.columns === 1, `${bins} bins`);
    for (const lane of lanes) assert.equal(total(coarse, lane), total(map, lane), lane);
  }
});

const wholeRun = (map: ReturnType<typeof laneMaps>[number]) => spansOf(map, 1)[0]!;

test('the table and the words name the slow period', () => {
  const record = fixtureRecord();
  for (const map of laneMaps(record)) {
    const runNs = map.columns * map.columnNs;
    const spans = spansOf(map, 24);
    const usual = wholeRun(map).p50Ns;
    assert.equal(
      spans.reduce((sum, { count }) => sum + count, 0),
      wholeRun(map).count,
    );
    for (const { fromNs, toNs, p50Ns, p99Ns } of spans) {
      const inside = fromNs >= SLOW_FROM * runNs && toNs <= SLOW_TO * runNs;
      const outside = toNs <= SLOW_FROM * runNs || fromNs >= SLOW_TO * runNs + map.columnNs;
      if (inside) assert.ok(p50Ns > usual * 20, `${map.cell} ${map.lane} from ${fromNs}`);
      if (outside) assert.ok(p99Ns < usual * 20, `${map.cell} ${map.lane} from ${fromNs}`);
    }
  }
  // Legacy of the fixture runs for 24 s, and is slow from 9.6 to 10.8 s.
  const said = latencyOverTime.ask(record)!.words[0]!.replaceAll('\u00a0', ' ');
  const words =
    /^legacy: of the slowest .* % \((\d+) guest requests of [\d.]+ ms or more\), (\d+) fall between ([\d.]+) s and ([\d.]+) s\.$/;
  const [count = 0, inside = 0, from = 0, to = 0] = (words.exec(said) ?? []).slice(1).map(Number);
  assert.ok(count >= 60 && inside > count / 2 && inside <= count, said);
  assert.ok(from >= 8.5 && from < 10.8 && to > 9.6 && to <= 12, said);
});

test('quantiles are the upper ends of their bins; the last row ends where the slowest was', () => {
  const builder = new LatencyMapBuilder();
  for (let n = 0; n < 98; n++) builder.record('device-sync', 0, 1000);
  builder.record('device-sync', 0, 20_000);
  builder.record('device-sync', 0, 500e9);
  const record = fixtureRecord(({ cells }) => {
    cells.length = 1;
    cells[0]!.latencyMap = builder.summary()!;
    cells[0]!.histograms.deviceSync!.maxNs = 500e9;
  });
  const { count, p50Ns, p99Ns, slowestNs } = wholeRun(laneMaps(record)[0]!);
  assert.deepEqual([count, p50Ns, p99Ns, slowestNs], [100, 1334, 23_714, 500e9]);
});

test('a record of an earlier version has no latencies by time, and says so', () => {
  const early = fixtureRecord(({ cells }) => {
    for (const cell of cells) delete cell.latencyMap;
  });
  assert.equal(latencyOverTime.ask(early), null);
  assert.equal(compileQuestion(ask(latencyOverTime, early)), null);
});

interface Item {
  readonly tooltip?: { readonly took: string; readonly began: string; readonly policy: string };
  readonly items?: readonly Item[];
}

test('the words of a bin have both of its bounds, in latency and in time', async () => {
  const bundle = compileQuestion(ask(latencyOverTime, fixtureRecord()))!;
  const view = await new View(parse(vegaWithRows(bundle) as unknown as Spec), { renderer: 'none' }).runAsync();
  const tooltips = ({ tooltip, items = [] }: Item): NonNullable<Item['tooltip']>[] => [
    ...(tooltip === undefined ? [] : [tooltip]),
    ...items.flatMap(tooltips),
  ];
  const found = tooltips((view.scenegraph() as unknown as { root: Item }).root);
  assert.ok(found.length > 100, `${found.length} bins`);
  const span = /^[\d.]+ (ns|µs|ms|s) to [\d.]+ (ns|µs|ms|s)$/;
  for (const { took, began } of found) {
    assert.match(took, span);
    assert.match(began, span);
  }
});
