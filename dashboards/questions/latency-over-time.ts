/** When was it slow: latencies by time and by how long they took, counted in bins; one panel a policy, all to one scale. */
import type { RunRecord } from '../../results/record.ts';
import { BY_ORDER, DURATION_LABEL, durationText, logAxis, panels, SCHEMA, TIME_AXIS } from '../charts/encodings.ts';
import { themeToken } from '../charts/palette.ts';
import { answered, type DataTable, type Question, type Row, type Sources } from '../charts/question.ts';
import { countedCells } from '../reading/cells.ts';
import { LANE_TITLES, type LaneMap, laneMaps, slowPeriod, spansOf } from '../reading/latency-spans.ts';
import { formatCount, formatDuration, formatShare } from '../reading/quantities.ts';

const MOST_TABLE_ROWS = 480;
const SPANS = 12;
const ALL = 'all';

/** Made once for each record, since rows, controls, table and words all start from them. */
const known = new WeakMap<RunRecord, LaneMap[]>();

function lanesOf(record: RunRecord): LaneMap[] {
  const made = known.get(record) ?? laneMaps(record);
  known.set(record, made);
  return made;
}

function mapRow({ cell, lane, columnNs, layout }: LaneMap, map: number, labels: readonly string[]): Row {
  const { lowestNs, rowsPerDecade } = layout;
  return { map, cell, order: labels.indexOf(cell), lane: LANE_TITLES[lane], columnNs, lowestNs, rowsPerDecade };
}

function spansEach(maps: readonly LaneMap[]): number {
  return Math.min(SPANS, Math.max(1, Math.floor(MOST_TABLE_ROWS / maps.length)));
}

function slowWords(map: LaneMap): string {
  const { leastNs, count, share, fromNs, toNs, inside } = slowPeriod(map, SPANS * 2);
  const slow = `of the slowest ${formatShare(share)} (${formatCount(count)} ${LANE_TITLES[map.lane]} of ${formatDuration(leastNs)} or more)`;
  return `${map.cell}: ${slow}, ${formatCount(inside)} fall between ${formatDuration(fromNs)} and ${formatDuration(toNs)}.`;
}

/** Rules at the powers of ten alone: space is short, and the bins themselves show the steps between. */
const POWERS = logAxis('y', DURATION_LABEL);
const LATENCY_AXIS = {
  ...POWERS,
  gridOpacity: { ...POWERS.gridOpacity, value: 0 },
  tickOpacity: { ...POWERS.tickOpacity, value: 0 },
};

const THIS_LANE = [
  // First, and by the place of the map, which is its number: nothing is worked out for the bins of other lanes.
  { filter: "data('maps')[datum.map].lane === shownLane" },
  {
    lookup: 'map',
    from: {
      data: { name: 'maps' },
      key: 'map',
      fields: ['cell', 'order', 'lane', 'columnNs', 'lowestNs', 'rowsPerDecade'],
    },
  },
  { filter: `shownCell === '${ALL}' || datum.cell === shownCell` },
  { calculate: 'datum.column * datum.columnNs', as: 'from' },
  { calculate: '(datum.column + 1) * datum.columnNs', as: 'to' },
  { calculate: 'datum.lowestNs * pow(10, datum.row / datum.rowsPerDecade)', as: 'low' },
  { calculate: 'datum.lowestNs * pow(10, (datum.row + 1) / datum.rowsPerDecade)', as: 'high' },
];

/** Made when it is asked for: the texts of ten thousand bins take longer than drawing them. */
const TOOLTIP = `{
  policy: datum.cell,
  count: format(datum.count, ','),
  took: ${durationText('datum.low')} + ' to ' + ${durationText('datum.high')},
  began: ${durationText('datum.from')} + ' to ' + ${durationText('datum.to')}
}`;

function sourcesOf(record: RunRecord): Sources {
  const maps = lanesOf(record);
  if (maps.length === 0) return {};
  const labels = countedCells(record).map(({ label }) => label);
  return {
    bins: maps.flatMap(({ bins }, map) => bins.map((bin) => ({ map, ...bin }))),
    maps: maps.map((map, index) => mapRow(map, index, labels)),
  };
}

function tableOf(record: RunRecord): DataTable {
  const maps = lanesOf(record);
  return {
    caption: 'Latency in equal spans of the round nearest to the median; the single bins are in the chart’s data',
    columns: [
      { label: 'Latency of', quantity: 'text' },
      { label: 'Policy', quantity: 'text' },
      { label: 'From', quantity: 'duration', help: 'measured time since the start' },
      { label: 'To', quantity: 'duration', help: 'measured time since the start' },
      { label: 'Count', quantity: 'count', help: 'operations that began in this span' },
      { label: 'p50', quantity: 'duration', help: 'median, to the bin' },
      { label: 'p99', quantity: 'duration', help: '99th percentile, to the bin' },
      { label: 'Slowest', quantity: 'duration', help: 'the upper end of the slowest bin' },
    ],
    rows: maps.flatMap((map) =>
      spansOf(map, spansEach(maps)).map(({ fromNs, toNs, count, p50Ns, p99Ns, slowestNs }) => [
        LANE_TITLES[map.lane],
        map.cell,
        ...[fromNs, toNs, count, p50Ns, p99Ns, slowestNs],
      ]),
    ),
  };
}

export const latencyOverTime: Question = {
  id: 'latency-over-time',
  title: 'When was it slow?',
  reading:
    'Time runs to the right, latency upwards (log scale); a stronger colour means more operations. All policies share the scales; choose one to see it at full width.',
  absent: 'This run recorded no latencies by time.',
  renderer: 'canvas',
  spec: {
    $schema: SCHEMA,
    params: [
      { name: 'shownLane', value: '' },
      { name: 'shownCell', value: ALL },
    ],
    data: { name: 'bins' },
    transform: THIS_LANE,
    columns: 1,
    facet: panels('cell', BY_ORDER),
    spec: {
      width: 640,
      height: 130,
      mark: { type: 'rect', tooltip: { expr: TOOLTIP } },
      encoding: {
        x: {
          field: 'from',
          type: 'quantitative',
          title: 'time since the start',
          scale: { nice: false, zero: true },
          axis: TIME_AXIS,
        },
        x2: { field: 'to' },
        y: {
          field: 'low',
          type: 'quantitative',
          title: 'latency',
          scale: { type: 'log', nice: false },
          axis: LATENCY_AXIS,
        },
        y2: { field: 'high' },
        color: {
          field: 'count',
          type: 'quantitative',
          title: 'count in a bin',
          // Begins below one, so that a single latency can be seen; the same in every report.
          scale: {
            type: 'log',
            domain: [0.03, 10_000],
            clamp: true,
            range: [themeToken('heatLow'), themeToken('heatHigh')],
          },
          legend: { values: [1, 10, 100, 1000, 10_000], format: '~s', gradientLength: 220 },
        },
      },
    },
  },
  ask: (record) =>
    answered(sourcesOf(record), () => ({
      params: { shownLane: shownLanes(record)[0] ?? '', shownCell: ALL },
      controls: [
        { kind: 'select', param: 'shownLane', label: 'Latency of', options: shownLanes(record) },
        {
          kind: 'select',
          param: 'shownCell',
          label: 'Policy',
          options: [ALL, ...new Set(lanesOf(record).map(({ cell }) => cell))],
        },
      ],
      table: tableOf(record),
      words: lanesOf(record)
        .filter(({ lane }) => lane === 'guest-request' || lane === 'guest-flush')
        .map(slowWords),
    })),
};

function shownLanes(record: RunRecord): string[] {
  return [...new Set(lanesOf(record).map(({ lane }) => LANE_TITLES[lane]))];
}
