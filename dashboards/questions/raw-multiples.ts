/** How far is each policy from a plain file: every figure as a multiple of what the raw file of the run cost for the same requests. */
import type { RunRecord } from '../../results/record.ts';
import { answered, type Question, type Row } from '../charts/question.ts';
import { ratioChart } from '../charts/ratio-chart.ts';
import { type CountedCell, countedCells } from '../reading/cells.ts';
import { imageGroups, isSweep } from '../reading/image-groups.ts';
import { formatCount, formatRatio, formatShare } from '../reading/quantities.ts';

type Multiples = NonNullable<CountedCell['cell']['rawMultiples']>;

const EXACT = [
  ['syncs + O_DSYNC', 'waits'],
  ['writes', 'writes'],
  ['bytes written', 'writeBytes'],
] as const satisfies readonly (readonly [string, keyof Multiples])[];
const WALL = 'noisy: wall time';

function rowsOf(record: RunRecord): Row[] {
  const cells = countedCells(record).flatMap(({ cell: { rawMultiples }, label }) =>
    rawMultiples === undefined ? [] : [{ label, multiples: rawMultiples }],
  );
  return [
    ...EXACT.flatMap(([figure, name]) =>
      cells.flatMap(({ label, multiples }) => exactRow(figure, label, multiples, multiples[name])),
    ),
    ...cells.flatMap(({ label, multiples }) => wallRow(label, multiples)),
  ];
}

function exactRow(figure: string, cell: string, { raw }: Multiples, ratio: number | null): Row[] {
  // A log axis has no place for zero.
  if (ratio === null || ratio === 0) return [];
  const shown = formatRatio(ratio);
  return [{ figure, cell, ratio, low: ratio, high: ratio, shown, says: raw, spread: 'exact' }];
}

function wallRow(cell: string, { raw, wall }: Multiples): Row[] {
  if (wall === null) return [];
  const { ratio, low, high } = wall;
  return [{ figure: WALL, cell, ratio, low, high, shown: formatRatio(ratio), says: raw, spread: spreadOf(wall) }];
}

function spreadOf({ low, high, confidence, pairs }: NonNullable<Multiples['wall']>): string {
  if (pairs === 1) return confidence === 1 ? 'exact: virtual time' : 'one pair of rounds, so no interval';
  const range = `${formatRatio(low)} to ${formatRatio(high)}`;
  return `${formatShare(confidence)} interval ${range}, ${formatCount(pairs)} pairs`;
}

function sentence({ cell: { rawMultiples }, label }: CountedCell): string[] {
  if (rawMultiples === undefined) return [];
  const { raw, waits, writeBytes, wall } = rawMultiples;
  const parts = [
    ...(wall === null ? [] : [`${formatRatio(wall.ratio)} the time`]),
    ...(waits === null ? [] : [`${formatRatio(waits)} the waits for the disk`]),
    ...(writeBytes === null ? [] : [`${formatRatio(writeBytes)} the bytes written`]),
  ];
  return parts.length === 0 ? [] : [`${label}: ${parts.join(', ')} of ${raw}.`];
}

export const rawMultiples: Question = {
  id: 'raw-multiples',
  title: 'How far is each policy from a plain file?',
  reading:
    'A dot at 1 costs what the raw file cost that took the same requests in this run. A rule through a dot is the interval of a time, from pairs of rounds; exact counts have none.',
  absent: 'No raw file was measured in this run (bench --engine cowbench,raw).',
  optional: true,
  renderer: 'svg',
  spec: ratioChart([...EXACT.map(([figure]) => figure), WALL], 'times the raw file'),
  ask: (record) =>
    answered({ rows: rowsOf(record) }, () => ({
      table: {
        caption: 'Every figure as a multiple of the raw file; a figure that is zero on either side has no ratio',
        columns: [
          ...(isSweep(record)
            ? [{ label: 'Image', quantity: 'text', help: 'what tells the images of a sweep apart' } as const]
            : []),
          { label: 'Figure', quantity: 'text' },
          { label: 'Policy', quantity: 'text' },
          { label: 'Ratio', quantity: 'ratio', help: 'value divided by the value of the raw file' },
          { label: 'Lowest', quantity: 'ratio', help: 'lower end of the interval of the ratio' },
          { label: 'Highest', quantity: 'ratio', help: 'upper end of the interval of the ratio' },
          { label: 'Raw file', quantity: 'text', help: 'which raw file of the run' },
          { label: 'Certainty', quantity: 'text', help: 'exact, or the interval and the pairs that it is made from' },
        ],
        rows: imageGroups(record).flatMap((group) =>
          rowsOf(group.record).map((row) => [
            ...(group.label === '' ? [] : [group.label]),
            ...[row.figure, row.cell, row.ratio, row.low, row.high, row.says, row.spread].map(
              (value) => value as string | number,
            ),
          ]),
        ),
      },
      words: countedCells(record).flatMap(sentence),
    })),
};
