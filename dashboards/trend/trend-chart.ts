/** The trend of one figure: a panel for each series, points with intervals, the line of levels, and where the level changed. */
import type { TopLevelSpec } from 'vega-lite';
import type { ChartParts } from '../charts/compile.ts';
import {
  BY_ORDER,
  bytesText,
  CELL_COLOR,
  CELL_SHAPE,
  CELLS_PARAM,
  durationText,
  panels,
  SCHEMA,
} from '../charts/encodings.ts';
import { themeToken } from '../charts/palette.ts';
import type { DataTable, Row } from '../charts/question.ts';
import { commitLabel, type FigureKind, type Series } from './series.ts';

const AXIS_TEXT: Readonly<Record<FigureKind['quantity'], string>> = {
  count: "format(datum.value, ',~r')",
  bytes: bytesText('datum.value'),
  duration: durationText('datum.value'),
};

/** One or two steps of a power of two: decimal ones of bytes have odd labels. */
const LARGEST = "domain('child_y')[1]";
const BINARY_TICKS = `sequence(0, ${LARGEST} * 1.001, pow(2, ceil(log(${LARGEST} / 2) / LN2)))`;

/** Margin above and below a series, so that a change of a hundredth does not look like a cliff. */
const ROOM = 0.08;

/** Panels of several workloads or machines are distinguished by them. */
function panelName({ label, workload, machine }: Series, all: readonly Series[]): string {
  const several = (of: (series: Series) => string) => new Set(all.map(of)).size > 1;
  const words = [
    ...(several((one) => one.workload) ? [workload] : []),
    ...(several((one) => one.machine) ? [machine] : []),
  ];
  return [label, ...words].join(' · ');
}

function rowsOf(series: Series, order: number, all: readonly Series[]): Row[] {
  const { figure, points, values, levels, changes } = series;
  const bounds = points.map((point) => point.figures[figure.id] ?? { low: 0, high: 0 });
  // Exact counts are seen from zero: a difference of a hundredth is no cliff.
  const floor = figure.exact ? 0 : Math.min(...bounds.map(({ low }) => low)) * (1 - ROOM);
  const ceiling = Math.max(...bounds.map(({ high }) => high)) * (1 + ROOM);
  return points.map((point, index) => {
    const change = changes.find((found) => found.index === index);
    return {
      machine: series.machine,
      workload: series.workload,
      cell: series.policy,
      series: panelName(series, all),
      order,
      run: `${commitLabel(point)} ${point.runId}`,
      at: point.date + point.runId,
      value: values[index] ?? 0,
      low: bounds[index]?.low ?? 0,
      high: bounds[index]?.high ?? 0,
      level: levels[index] ?? 0,
      floor,
      ceiling,
      change: change === undefined ? '' : change.after > change.before ? 'worse' : 'better',
      shown: figure.show(values[index] ?? 0),
      commit: commitLabel(point),
      date: point.date.slice(0, 10),
      subject: point.subject.slice(0, 120),
      href: `runs/${point.runId}.html`,
    };
  });
}

const SHOWN = {
  filter:
    "(workload == '' || datum.workload == workload) && (machine == '' || datum.machine == machine) && (policy == '' || datum.cell == policy)",
};
const X = {
  field: 'run',
  type: 'nominal',
  title: null,
  sort: { field: 'at', op: 'min' },
  axis: { labelAngle: 0, labelOverlap: true, labelExpr: "split(datum.label, ' ')[0]" },
} as const;

function specOf(figure: FigureKind): TopLevelSpec {
  const change = (kind: string) => [{ filter: `datum.change == '${kind}'` }];
  return {
    $schema: SCHEMA,
    params: [
      CELLS_PARAM,
      { name: 'machine', value: '' },
      { name: 'workload', value: '' },
      { name: 'policy', value: '' },
    ],
    data: { name: 'rows' },
    transform: [SHOWN],
    columns: 1,
    facet: panels('series', BY_ORDER),
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: 640,
      height: 92,
      encoding: { x: X },
      layer: [
        {
          mark: { type: 'rule', opacity: 0 },
          encoding: {
            y: {
              field: 'floor',
              type: 'quantitative',
              title: null,
              scale: { zero: false, nice: false },
              axis: {
                labelExpr: AXIS_TEXT[figure.quantity],
                tickCount: 3,
                ...(figure.quantity === 'bytes' && { values: { expr: BINARY_TICKS } }),
              },
            },
            y2: { field: 'ceiling' },
          },
        },
        {
          transform: [{ filter: "datum.change != ''" }],
          mark: { type: 'rule', strokeDash: [4, 3], color: themeToken('soft') },
          encoding: {},
        },
        {
          mark: { type: 'line', interpolate: 'step-after', strokeWidth: 1.5, opacity: 0.75 },
          encoding: { y: { field: 'level', type: 'quantitative' }, color: CELL_COLOR },
        },
        {
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: { y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' }, color: CELL_COLOR },
        },
        ...(['worse', 'better'] as const).map((kind) => ({
          transform: change(kind),
          mark: {
            type: 'text' as const,
            text: kind === 'worse' ? '▲' : '▼',
            dy: kind === 'worse' ? -14 : 15,
            fontSize: 13,
            color: themeToken(kind === 'worse' ? 'bad' : 'good'),
          },
          encoding: { y: { field: 'value', type: 'quantitative' as const } },
        })),
        {
          mark: { type: 'point', filled: true, size: 70, opacity: 1, tooltip: true, cursor: 'pointer' },
          encoding: {
            y: { field: 'value', type: 'quantitative' },
            color: CELL_COLOR,
            shape: CELL_SHAPE,
            tooltip: [
              { field: 'series', title: 'policy' },
              { field: 'shown', title: figure.title.toLowerCase() },
              { field: 'commit', title: 'commit' },
              { field: 'date', title: 'date' },
              { field: 'subject', title: 'message' },
            ],
          },
        },
      ],
    },
  } as TopLevelSpec;
}

export function trendId(figure: FigureKind): string {
  return `trend-${figure.id}`;
}

/** The chart of all series of one figure; the page's filters choose what is seen. */
export function trendChart(figure: FigureKind, series: readonly Series[], policies: readonly string[]): ChartParts {
  const changed = series.filter(({ changes }) => changes.length > 0).length;
  return {
    id: trendId(figure),
    description: `${figure.title} over the runs: ${series.length} series, of which ${changed} changed their level. The table below has every point.`,
    renderer: 'svg',
    spec: specOf(figure),
    params: { cells: policies },
    policyNames: policies,
    sources: { rows: series.flatMap((one, order) => rowsOf(one, order, series)) },
  };
}

/** Its table; rows carry what the filters ask for. */
export function trendTable(figure: FigureKind, series: readonly Series[]): DataTable {
  const rows = series.flatMap((one) => one.points.map((point, index) => ({ one, point, index })));
  return {
    caption: `${figure.title} of every run, in the order of the commits`,
    columns: [
      { label: 'Workload', quantity: 'text' },
      { label: 'Policy', quantity: 'text' },
      { label: 'Commit', quantity: 'text', help: 'a plus: with uncommitted changes' },
      { label: 'Run', quantity: 'text' },
      { label: figure.title, quantity: figure.quantity, help: figure.help },
      { label: 'Level', quantity: figure.quantity, help: 'the level that this point belongs to' },
    ],
    rows: rows.map(({ one, point, index }) => [
      ...[one.workload, one.label, commitLabel(point), point.runId],
      ...[one.values[index] ?? null, one.levels[index] ?? null],
    ]),
    marks: rows.map(({ one: { machine, workload, policy } }) => ({ machine, workload, policy })),
  };
}
