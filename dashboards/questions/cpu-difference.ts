/** Where do two sides spend their time differently? A differential flame graph: the call paths of both, coloured where their shares differ. */
import type { CpuDifference, RunRecord } from '../../results/record.ts';
import { SCHEMA } from '../charts/encodings.ts';
import { themeToken } from '../charts/palette.ts';
import { answered, type DataTable, type Question, type Row } from '../charts/question.ts';
import { countedCells } from '../reading/cells.ts';
import { formatShare } from '../reading/quantities.ts';
import { FRAME_DEPTH, FRAME_FILL, FRAME_NAME, placeOf, WIDE_ENOUGH } from './flame-frames.ts';

interface Compared {
  readonly cell: string;
  readonly difference: CpuDifference;
}

type Frame = CpuDifference['frames'][number];

function comparedCells(record: RunRecord): Compared[] {
  return countedCells(record).flatMap(({ cell, label }) =>
    cell.cpuDifference === undefined || cell.cpuDifference.frames.length === 0
      ? []
      : [{ cell: label, difference: cell.cpuDifference }],
  );
}

const VERDICTS = [
  ['more', 'more of the time', 'vermillion'],
  ['less', 'less of the time', 'blue'],
  ['same', 'not distinguishable', 'soft'],
] as const;
const WORDS = Object.fromEntries(VERDICTS.map(([verdict, words]) => [verdict, words])) as Record<string, string>;

/** Side by side from the caller's start on, as wide as the mean of both sides, which no caller is narrower than. */
function rowsOf({ cell, difference: { frames } }: Compared): Row[] {
  const ends: number[] = [];
  return frames.map(({ depth, name, place, part, base, head, verdict }) => {
    const from = ends[depth] ?? 0;
    const to = from + (base + head) / 2;
    ends[depth] = to;
    ends[depth + 1] = from;
    return {
      ...{ cell, depth, name, place: placeOf({ place, part }), from, to },
      ...{ base: formatShare(base), head: formatShare(head), verdict: WORDS[verdict]! },
    };
  });
}

const differing = ({ frames }: CpuDifference) =>
  frames
    .filter(({ verdict }) => verdict !== 'same')
    .sort((a, b) => Math.abs(b.head - b.base) - Math.abs(a.head - a.base));

function tableOf(compared: readonly Compared[]): DataTable {
  return {
    caption: 'Call paths whose share differs, the largest difference first',
    columns: [
      { label: 'Side', quantity: 'text' },
      { label: 'Function', quantity: 'text', help: 'the last one of the path' },
      { label: 'Place', quantity: 'text', help: 'its file' },
      { label: 'Part', quantity: 'text' },
      { label: 'Base', quantity: 'share', help: 'with what it calls, of the whole time of the base' },
      { label: 'Head', quantity: 'share', help: 'with what it calls, of the whole time of the head' },
      { label: 'Share', quantity: 'text' },
    ],
    rows: compared.flatMap(({ cell, difference }) =>
      differing(difference).map(({ name, place, part, base, head, verdict }) => [
        ...[cell, name, place, part],
        ...[base, head, WORDS[verdict]!],
      ]),
    ),
  };
}

function sentence({ cell, difference }: Compared): string {
  const found = differing(difference);
  const replays = `${difference.replays} profiled replays of each side`;
  const [largest] = found;
  if (largest === undefined) return `${cell}: no call path takes a distinguishable share more or less, in ${replays}.`;
  return `${cell}: ${found.length === 1 ? 'one call path differs' : `${found.length} call paths differ`}, in ${replays}; most of all ${pathWords(largest)}.`;
}

function pathWords(frame: Frame): string {
  const { name, base, head } = frame;
  return `${name} (${placeOf(frame)}), from ${formatShare(base)} to ${formatShare(head)}`;
}

export const cpuDifference: Question = {
  id: 'cpu-difference',
  title: 'Where do the two sides spend CPU time differently?',
  reading:
    'A differential flame graph: the call paths of both sides, each on its caller and as wide as its share of the time, the mean of both. Coloured is what differs by more than the profiles of the same code do in 99 of 100 comparisons, all paths together. Shares add up to 100 %: what takes more makes the rest look smaller. Syncs do not wait for a device here.',
  absent: 'This run compares no two sides that were profiled: compare them with --cpu-prof.',
  optional: true,
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    params: [{ name: 'shownCell', value: '' }],
    data: { name: 'frames' },
    width: 640,
    height: { step: 18 },
    transform: [{ filter: 'datum.cell === shownCell' }],
    encoding: { y: FRAME_DEPTH },
    layer: [
      {
        mark: { type: 'rect', clip: true, fillOpacity: FRAME_FILL, stroke: themeToken('page'), tooltip: true },
        encoding: {
          x: {
            ...{ field: 'from', type: 'quantitative', title: 'share of the time', scale: { domain: [0, 1] } },
            axis: { format: '%' },
          },
          x2: { field: 'to' },
          color: {
            ...{ field: 'verdict', type: 'nominal', title: null },
            scale: {
              domain: VERDICTS.map(([, words]) => words),
              range: VERDICTS.map(([, , color]) => themeToken(color)),
            },
            legend: { symbolType: 'square', labelLimit: 190, columns: { expr: 'narrow ? 1 : 3' } },
          },
          tooltip: [
            { field: 'name', title: 'function' },
            { field: 'place', title: 'place' },
            { field: 'base', title: 'base' },
            { field: 'head', title: 'head' },
            { field: 'verdict', title: 'share' },
          ],
        },
      },
      {
        transform: [{ calculate: 'width * (datum.to - datum.from)', as: 'widthPx' }, WIDE_ENOUGH],
        mark: FRAME_NAME,
        encoding: { x: { field: 'from', type: 'quantitative' }, text: { field: 'name' } },
      },
    ],
  },
  ask: (record) => {
    const compared = comparedCells(record);
    return answered({ frames: compared.flatMap(rowsOf) }, () => ({
      params: { shownCell: compared[0]?.cell ?? '' },
      controls: [{ kind: 'select', param: 'shownCell', label: 'Policy', options: compared.map(({ cell }) => cell) }],
      table: tableOf(compared),
      words: compared.map(sentence),
    }));
  },
};
