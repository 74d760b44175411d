/** What does each policy cost: every figure as a multiple of the baseline's, exact counts as dots, times with their spread. */
import { timedRounds } from '../../results/cell-results.ts';
import type { RunRecord } from '../../results/record.ts';
import { answered, type Question, type Row } from '../charts/question.ts';
import { ratioChart } from '../charts/ratio-chart.ts';
import { type ComparedCell, type CountedCell, comparedCells, waitsOf } from '../reading/cells.ts';
import { imageGroups, isSweep } from '../reading/image-groups.ts';
import {
  CPU_TIME,
  hasInterval,
  intervalWords,
  pairedTime,
  type TimedFigure,
  WALL_TIME,
} from '../reading/paired-times.ts';
import { compareInWords, formatBytes, formatCount, formatDuration, formatRatio } from '../reading/quantities.ts';

interface ExactFigure {
  readonly name: string;
  readonly of: (cell: CountedCell) => number;
  readonly format: (value: number) => string;
}
interface NamedTime extends TimedFigure {
  readonly name: string;
}

const EXACT: readonly ExactFigure[] = [
  { name: 'syncs', of: ({ exact }) => exact.fsyncs, format: formatCount },
  { name: 'syncs + O_DSYNC', of: ({ exact }) => waitsOf(exact), format: formatCount },
  { name: 'writes', of: ({ exact }) => exact.writes, format: formatCount },
  { name: 'bytes written', of: ({ exact }) => exact.writeBytes, format: formatBytes },
  { name: 'bytes read', of: ({ exact }) => exact.readBytes, format: formatBytes },
];
const TIMED: readonly NamedTime[] = [
  { name: 'noisy: wall time', ...WALL_TIME },
  { name: 'noisy: sync time', of: (round) => round.deviceNs.sync },
  { name: 'noisy: CPU time', ...CPU_TIME },
];

function exactRow(figure: ExactFigure, item: CountedCell, baseline: CountedCell): Row[] {
  const value = figure.of(item);
  const reference = figure.of(baseline);
  // A log axis has no place for zero; the chart's table shows it.
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

function timedRow(record: RunRecord, figure: NamedTime, item: ComparedCell): Row[] {
  const times = timedRounds(item.cell).map((round) => formatDuration(figure.of(round)));
  const common = { figure: figure.name, cell: item.label, says: times.slice(0, MOST_TIMES_SAID).join(', ') };
  if (item.baseline === null) {
    return times.length === 0
      ? []
      : [{ ...common, ratio: 1, low: 1, high: 1, shown: formatRatio(1), spread: 'baseline' }];
  }
  const time = pairedTime(record, item.cell, item.baseline.cell, figure);
  if (time === null) return [];
  const { ratio, low, high } = time.interval;
  const rule = hasInterval(time) ? { low, high } : { low: ratio, high: ratio };
  return [{ ...common, ratio, ...rule, shown: formatRatio(ratio), spread: intervalWords(time) }];
}

/** None for a time that no pair of rounds compares. */
function timedRows(record: RunRecord, figure: NamedTime, cells: readonly ComparedCell[]): Row[] {
  const others = cells.filter(({ baseline }) => baseline !== null).flatMap((item) => timedRow(record, figure, item));
  if (others.length === 0) return [];
  return [
    ...cells.filter(({ baseline }) => baseline === null).flatMap((item) => timedRow(record, figure, item)),
    ...others,
  ];
}

/** Tooltips with more would cover the chart. */
const MOST_TIMES_SAID = 6;

/** Rows of one image; without another cell to compare with there are none. */
function rowsOf(record: RunRecord): Row[] {
  const cells = comparedCells(record);
  if (cells.every(({ baseline }) => baseline === null)) return [];
  return [
    ...EXACT.flatMap((figure) => cells.flatMap((item) => exactRow(figure, item, item.baseline ?? item))),
    ...TIMED.flatMap((figure) => timedRows(record, figure, cells)),
  ];
}

function isBaseline(record: RunRecord, label: Row[string] | undefined): boolean {
  return comparedCells(record).some((item) => item.label === label && item.baseline === null);
}

const IMAGE_COLUMN = { label: 'Image', quantity: 'text', help: 'what differs between the images of a sweep' } as const;

export const policyCost: Question = {
  id: 'policy-cost',
  title: 'What does each policy cost, compared with the baseline?',
  reading:
    'Left of 1× is cheaper than the baseline; right of it, more expensive. A line through a dot is the 95\u00a0% interval of a time, from pairs of rounds; exact counts have none.',
  absent: 'Only one policy was run, so there is nothing to compare it with.',
  renderer: 'svg',
  spec: ratioChart(
    [...EXACT, ...TIMED].map(({ name }) => name),
    'times the baseline',
  ),
  ask: (record) =>
    // The baseline is the rule at 1×.
    answered({ rows: rowsOf(record).filter(({ cell }) => !isBaseline(record, cell)) }, () => ({
      table: {
        caption: 'Every metric as a multiple of the baseline; one that is zero on either side has no ratio',
        columns: [
          ...(isSweep(record) ? [IMAGE_COLUMN] : []),
          { label: 'Figure', quantity: 'text' },
          { label: 'Policy', quantity: 'text' },
          { label: 'Ratio', quantity: 'ratio', help: 'value divided by the value of the baseline' },
          {
            label: 'Lowest',
            quantity: 'ratio',
            help: 'lower end of the 95 % interval of the ratio; the ratio itself where there is none',
          },
          {
            label: 'Highest',
            quantity: 'ratio',
            help: 'upper end of the 95 % interval of the ratio; the ratio itself where there is none',
          },
          { label: 'Value', quantity: 'text', help: 'the count, or the times of the first rounds' },
          {
            label: 'Certainty',
            quantity: 'text',
            help: 'exact, or the interval of the ratio and its number of pairs',
          },
        ],
        rows: imageGroups(record).flatMap((group) =>
          rowsOf(group.record).map((row) =>
            [
              ...(group.label === '' ? [] : [group.label]),
              ...[row.figure, row.cell, row.ratio, row.low, row.high, row.says, row.spread],
            ].map((value) => value as string | number),
          ),
        ),
      },
      words: comparedCells(record).flatMap((item) => {
        if (item.baseline === null) return [];
        const { exact, label } = item.baseline;
        const [ours, theirs] = [waitsOf(item.exact), waitsOf(exact)];
        const bytes = compareInWords(item.exact.writeBytes, exact.writeBytes, 'bytes');
        return `${item.label}: ${compareInWords(ours, theirs, 'waits for the disk')} ${label} (${formatCount(ours)} to ${formatCount(theirs)}) and ${bytes} ${label} written.`;
      }),
    })),
};
