/** What does each policy cost: every figure as a multiple of the baseline's, exact counts as dots, times with their spread. */
import type { Round, RunRecord } from '../../results/record.ts';
import { baselineOf, type CountedCell, countedCells, pairedRatio, waitsOf } from '../cells.ts';
import { compareInWords, formatBytes, formatCount, formatDuration, formatRatio } from '../quantities.ts';
import type { Question, Row } from '../question.ts';
import { CELL_COLOR, CELL_SHAPE, CELLS_PARAM, logAxis, RATIO_LABEL, SCHEMA } from './encodings.ts';

interface ExactFigure {
  readonly name: string;
  readonly of: (cell: CountedCell) => number;
  readonly format: (value: number) => string;
}
interface TimedFigure {
  readonly name: string;
  readonly of: (round: Round) => number;
}

const EXACT: readonly ExactFigure[] = [
  { name: 'syncs', of: ({ exact }) => exact.fsyncs, format: formatCount },
  { name: 'syncs + O_DSYNC', of: ({ exact }) => waitsOf(exact), format: formatCount },
  { name: 'writes', of: ({ exact }) => exact.writes, format: formatCount },
  { name: 'bytes written', of: ({ exact }) => exact.writeBytes, format: formatBytes },
  { name: 'bytes read', of: ({ exact }) => exact.readBytes, format: formatBytes },
];
const TIMED: readonly TimedFigure[] = [
  { name: 'noisy: wall time', of: (round) => round.wallNs },
  { name: 'noisy: sync time', of: (round) => round.deviceNs.sync },
  { name: 'noisy: CPU time', of: (round) => round.userCpuNs + round.systemCpuNs },
];

function exactRow(figure: ExactFigure, item: CountedCell, baseline: CountedCell): Row[] {
  const value = figure.of(item);
  const reference = figure.of(baseline);
  // A log axis has no place for zero; the table behind the chart shows it.
  if (value === 0 || reference === 0) return [];
  const ratio = value / reference;
  return [
    {
      figure: figure.name,
      cell: item.label,
      ratio,
      low: ratio,
      high: ratio,
      shown: formatRatio(ratio),
      says: figure.format(value),
      spread: 'exact',
    },
  ];
}

function timedRow(figure: TimedFigure, item: CountedCell, baseline: CountedCell): Row[] {
  const ratio = pairedRatio(item.cell, baseline.cell, figure.of);
  if (ratio === null || !(ratio.low > 0)) return [];
  const rounds = item.cell.rounds.map((round) => formatDuration(figure.of(round)));
  const { middle, low, high } = ratio;
  const spread =
    rounds.length === 1 ? 'one round' : `${formatRatio(low)} to ${formatRatio(high)} over ${rounds.length} rounds`;
  return [
    {
      figure: figure.name,
      cell: item.label,
      ratio: middle,
      low,
      high,
      shown: formatRatio(middle),
      says: rounds.join(', '),
      spread,
    },
  ];
}

function rowsOf(record: RunRecord): Row[] {
  const cells = countedCells(record);
  const baseline = baselineOf(cells);
  if (baseline === undefined || cells.length < 2) return [];
  return [
    ...EXACT.flatMap((figure) => cells.flatMap((item) => exactRow(figure, item, baseline))),
    ...TIMED.flatMap((figure) => cells.flatMap((item) => timedRow(figure, item, baseline))),
  ];
}

export const policyCost: Question = {
  id: 'policy-cost',
  title: 'What does each policy cost, compared with the baseline?',
  reading:
    'A dot left of 1 is cheaper than the baseline, right of it dearer. Rules through a dot span the rounds; exact counts have none.',
  absent: 'Only one policy was run, so there is nothing to compare it with.',
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    params: [CELLS_PARAM],
    data: { name: 'rows' },
    width: 640,
    height: { step: 15, for: 'offset' },
    encoding: {
      y: {
        field: 'figure',
        type: 'nominal',
        sort: [...EXACT, ...TIMED].map(({ name }) => name),
        title: null,
        scale: { paddingInner: 0.35 },
        axis: { ticks: false, domain: false, grid: true, bandPosition: 0 },
      },
      yOffset: { field: 'cell', type: 'nominal', scale: { domain: { expr: 'cells' } } },
    },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: {
          x: { field: 'low', type: 'quantitative', scale: { type: 'log', nice: false, padding: 16 } },
          x2: { field: 'high' },
          color: CELL_COLOR,
        },
      },
      {
        mark: { type: 'point', filled: true, size: 85, opacity: 1, tooltip: true },
        encoding: {
          x: {
            field: 'ratio',
            type: 'quantitative',
            title: 'times the baseline (log scale)',
            axis: logAxis('x', RATIO_LABEL),
          },
          color: CELL_COLOR,
          shape: CELL_SHAPE,
          tooltip: [
            { field: 'cell', title: 'policy' },
            { field: 'figure', title: 'figure' },
            { field: 'shown', title: 'times the baseline' },
            { field: 'says', title: 'value' },
            { field: 'spread', title: 'spread' },
          ],
        },
      },
    ],
  },
  data: (record) => ({ rows: rowsOf(record) }),
  table: (record) => ({
    caption: 'Every figure as a multiple of the baseline; a figure that is zero on either side has no ratio',
    columns: [
      { label: 'Figure', quantity: 'text' },
      { label: 'Policy', quantity: 'text' },
      { label: 'Ratio', quantity: 'ratio', help: 'value divided by the value of the baseline' },
      { label: 'Lowest', quantity: 'ratio', help: 'lowest ratio of one round with the same round of the baseline' },
      { label: 'Highest', quantity: 'ratio', help: 'highest ratio of one round with the same round of the baseline' },
      { label: 'Value', quantity: 'text', help: 'the count, or the time of each round' },
    ],
    rows: rowsOf(record).map((row) =>
      [row.figure, row.cell, row.ratio, row.low, row.high, row.says].map((value) => value as string | number),
    ),
  }),
  answer(record) {
    const cells = countedCells(record);
    const baseline = baselineOf(cells);
    if (baseline === undefined) return [];
    return cells
      .filter((item) => item !== baseline)
      .map((item) => {
        const [ours, theirs] = [waitsOf(item.exact), waitsOf(baseline.exact)];
        const bytes = compareInWords(item.exact.writeBytes, baseline.exact.writeBytes, 'bytes');
        return `${item.label}: ${compareInWords(ours, theirs, 'waits for the disk')} ${baseline.label} (${formatCount(ours)} to ${formatCount(theirs)}) and ${bytes} ${baseline.label} written.`;
      });
  },
};
