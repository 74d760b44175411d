/**
 * Every workload, image and storage of a run at a glance: small multiples, one panel for each workload and image, in it each policy's time
 * on each storage as a multiple of the baseline's. All panels share their axis.
 */
import type { RunRecord } from '../../results/record.ts';
import { CELL_COLOR, CELL_ROWS, CELL_SHAPE, DOT, logAxis, panels, RATIO_LABEL } from '../charts/encodings.ts';
import { answered, type Question, type Row } from '../charts/question.ts';
import { imageAdvice, type StorageAdvice } from '../reading/advice.ts';
import { formatDuration, formatRatio } from '../reading/quantities.ts';
import type { PolicyTime } from '../reading/storages.ts';

interface Point {
  readonly image: string;
  readonly place: number;
  readonly storage: StorageAdvice;
  readonly time: PolicyTime;
}

function pointsOf(record: RunRecord): Point[] {
  const all = imageAdvice(record);
  if (all.length < 2) return [];
  return all.flatMap(({ image, advice }, place) =>
    advice.storages.flatMap((storage) => storage.times.map((time) => ({ image, place, storage, time }))),
  );
}

/** A multiple of the baseline that is not settled is drawn hollow. */
function certaintyOf({ verdict }: PolicyTime): 'settled' | 'not settled' {
  return verdict === 'unsure' ? 'not settled' : 'settled';
}

function rowsOf(record: RunRecord): Row[] {
  return pointsOf(record).flatMap(({ image, place, storage, time }) => {
    const { label, ns, ratio } = time;
    if (ratio === null) return [];
    return [
      {
        ...{ image, place, storage: storage.title, cell: label, ratio, certainty: certaintyOf(time) },
        ...{ took: formatDuration(ns), shown: time.verdict === 'unsure' ? 'not settled' : formatRatio(ratio) },
      },
    ];
  });
}

function sentencesOf(record: RunRecord): string[] {
  return imageAdvice(record).map(({ image, advice }) => `${image}: ${advice.sentence}`);
}

const TOOLTIP = [
  { field: 'image', title: 'workload or image' },
  { field: 'storage', title: 'storage' },
  { field: 'cell', title: 'policy' },
  { field: 'took', title: 'time' },
  { field: 'shown', title: 'times the baseline' },
];

export const matrix: Question = {
  id: 'matrix',
  title: 'Which policy for which workload or image, on which storage?',
  reading:
    'One panel per workload and image; left of 1× is faster than the baseline, right of it slower (log scale, the same in all panels). Hollow: not settled.',
  absent: 'This run has one workload on one image.',
  optional: true,
  scope: 'run',
  renderer: 'svg',
  spec: {
    ...CELL_ROWS,
    columns: 1,
    facet: panels('image', { field: 'place', op: 'min' }),
    spec: {
      width: 600,
      height: { step: 18 },
      encoding: {
        y: {
          field: 'storage',
          type: 'nominal',
          sort: null,
          title: null,
          axis: { ticks: false, domain: false, grid: true },
        },
        x: {
          field: 'ratio',
          type: 'quantitative',
          title: 'times the baseline',
          scale: { type: 'log', nice: false, padding: 14 },
          axis: logAxis('x', RATIO_LABEL),
        },
        color: CELL_COLOR,
        shape: CELL_SHAPE,
        tooltip: TOOLTIP,
      },
      layer: [
        { transform: [{ filter: "datum.certainty == 'settled'" }], mark: DOT },
        {
          transform: [{ filter: "datum.certainty != 'settled'" }],
          mark: { ...DOT, filled: false, strokeWidth: 1.5 },
        },
      ],
    },
  },
  ask: (record) =>
    answered({ rows: rowsOf(record) }, () => ({
      table: {
        caption: 'Each policy under each workload, on each storage',
        columns: [
          { label: 'Workload or image', quantity: 'text' },
          { label: 'Storage', quantity: 'text' },
          { label: 'Policy', quantity: 'text' },
          { label: 'Time', quantity: 'duration', help: 'median of the rounds, or exact of a model' },
          { label: 'Times the baseline', quantity: 'ratio', help: 'from pairs of rounds where measured' },
          { label: 'Certainty', quantity: 'text' },
        ],
        rows: pointsOf(record).map(({ image, storage, time }) => [
          ...[image, storage.title, time.label, Math.round(time.ns), time.ratio],
          storage.isModel ? 'model: exact' : certaintyOf(time),
        ]),
      },
      words: sentencesOf(record),
    })),
};
