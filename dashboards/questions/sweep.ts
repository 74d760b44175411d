/** What does the image change: the cost of each policy over the images (or devices) of a sweep. */
import { timedRounds } from '../../results/cell-results.ts';
import type { RunRecord } from '../../results/record.ts';
import { CELL_COLOR, CELL_ROWS, CELL_SHAPE, DOT, logAxis, panels } from '../charts/encodings.ts';
import { answered, type Question, type Row } from '../charts/question.ts';
import { type CountedCell, countedCells, median, timesMeaningless, waitsOf } from '../reading/cells.ts';
import { type ImageGroup, imageGroups, isSweep } from '../reading/image-groups.ts';
import { compareInWords, counted, formatBytes, formatCount, formatDuration } from '../reading/quantities.ts';

interface Figure {
  readonly name: string;
  readonly of: (item: CountedCell) => number;
  readonly show: (value: number) => string;
}

const WAITS: Figure = { name: 'Waits for the disk', of: ({ exact }) => waitsOf(exact), show: formatCount };
const WRITTEN: Figure = { name: 'MiB written', of: ({ exact }) => exact.writeBytes, show: formatBytes };
const FILE: Figure = { name: 'MiB of the image file', of: ({ exact }) => exact.imageBytes, show: formatBytes };
const EXACT: readonly Figure[] = [WAITS, WRITTEN, FILE];
const WALL: Figure = {
  name: 'Seconds, noisy: median wall time',
  of: ({ cell }) => median(timedRounds(cell).map(({ wallNs }) => wallNs)),
  show: formatDuration,
};

/** What one unit of the axis is: the panels share their label expression, so each is given in the unit that its head names. */
const UNIT = new Map<Figure, number>([
  [WRITTEN, 1024 ** 2],
  [FILE, 1024 ** 2],
  [WALL, 1e9],
]);

function rowsOf(record: RunRecord): Row[] {
  if (!isSweep(record)) return [];
  return [...EXACT, WALL].flatMap((figure, panel) =>
    imageGroups(record).flatMap(({ label, record: part }, place) =>
      countedCells(part).flatMap((item): Row[] => {
        const value = figure.of(item);
        // A log axis has no place for zero, and a time that says nothing has none in a picture.
        if (!(value > 0) || (figure === WALL && timesMeaningless(part, item.cell) !== null)) return [];
        const shown = figure.show(value);
        return [
          {
            figure: figure.name,
            panel,
            image: label,
            place,
            cell: item.label,
            value: value / (UNIT.get(figure) ?? 1),
            shown,
          },
        ];
      }),
    ),
  );
}

/** The image on which a policy waits least, and what that is against the one on which it waits most. */
function rangeOf(groups: readonly ImageGroup[], label: string): string {
  const found = groups.flatMap(({ label: image, record }) =>
    countedCells(record).flatMap((item) => (item.label === label ? [{ image, waits: waitsOf(item.exact) }] : [])),
  );
  const [least, most] = [
    found.toSorted((a, b) => a.waits - b.waits)[0],
    found.toSorted((a, b) => b.waits - a.waits)[0],
  ];
  if (least === undefined || most === undefined) return '';
  if (least.waits === most.waits) return `${label} waits ${counted(least.waits, 'time')} on every image.`;
  return `${label} waits ${counted(least.waits, 'time')} with ${least.image}: ${compareInWords(least.waits, most.waits, 'waits')} with ${most.image} (${formatCount(most.waits)}).`;
}

function wordsOf(record: RunRecord): string[] {
  const groups = imageGroups(record);
  const labels = new Set(groups.flatMap((group) => countedCells(group.record).map(({ label }) => label)));
  return [...labels].map((label) => rangeOf(groups, label));
}

export const sweep: Question = {
  id: 'sweep',
  title: 'What does the image change?',
  reading:
    'One column per image, one line per policy. Counts are exact; both axes of a panel show the same metric (log scale).',
  absent: 'All policies of this run were run on the same image.',
  optional: true,
  scope: 'run',
  renderer: 'svg',
  spec: {
    ...CELL_ROWS,
    columns: 1,
    facet: panels('figure', { field: 'panel', op: 'min' }),
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: 640,
      height: 130,
      encoding: {
        x: {
          field: 'image',
          type: 'nominal',
          title: null,
          sort: { field: 'place', op: 'min' },
          axis: { labelAngle: 0, labelOverlap: true, labelLimit: 150 },
        },
        y: {
          field: 'value',
          type: 'quantitative',
          title: null,
          scale: { type: 'log', nice: false, padding: 10 },
          axis: logAxis('child_y', "format(datum.value, ',~r')"),
        },
        color: CELL_COLOR,
      },
      layer: [
        { mark: { type: 'line', strokeWidth: 2 } },
        {
          mark: DOT,
          encoding: {
            shape: CELL_SHAPE,
            tooltip: [
              { field: 'cell', title: 'policy' },
              { field: 'image', title: 'image' },
              { field: 'figure', title: 'figure' },
              { field: 'shown', title: 'value' },
            ],
          },
        },
      ],
    },
  },
  ask: (record) =>
    answered({ rows: rowsOf(record) }, () => ({
      table: {
        caption: 'Each policy on each image of the sweep',
        columns: [
          { label: 'Image', quantity: 'text' },
          { label: 'Policy', quantity: 'text' },
          { label: 'Waits for the disk', quantity: 'count', help: 'syncs plus O_DSYNC writes' },
          { label: 'Written', quantity: 'bytes', help: 'bytes of all write calls' },
          { label: 'Image file', quantity: 'bytes', help: 'size of the image file at the end' },
          { label: 'Wall time', quantity: 'duration', help: 'median over the rounds, noisy' },
        ],
        rows: imageGroups(record).flatMap(({ label, record: part }) =>
          countedCells(part).map((item) => [
            label,
            item.label,
            ...[...EXACT, WALL].map(({ of }) => of(item)).map((value) => (Number.isFinite(value) ? value : null)),
          ]),
        ),
      },
      words: wordsOf(record),
    })),
};
