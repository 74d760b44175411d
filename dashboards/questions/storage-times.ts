/** Which policy is fastest on which storage: the time of the workload on each, measured and modelled. */
import type { RunRecord } from '../../results/record.ts';
import { CELL_COLOR, CELL_ROWS, CELL_SHAPE, DOT, logDuration } from '../charts/encodings.ts';
import { answered, type Question, type Row } from '../charts/question.ts';
import { adviceOf, imageAdvice, type StorageAdvice } from '../reading/advice.ts';
import { intervalWords } from '../reading/paired-times.ts';
import { formatDuration, formatRatio } from '../reading/quantities.ts';

function certainty(storage: StorageAdvice, label: string): string {
  const time = storage.times.find((one) => one.label === label);
  if (storage.isModel) return 'model: exact';
  return time?.paired == null ? 'median of the rounds' : intervalWords(time.paired);
}

/** True where the page may say that this policy is the fastest. */
function isFastest({ outcome, best }: StorageAdvice, label: string): boolean {
  return outcome === 'best' && best[0] === label;
}

function rowsOf(record: RunRecord): Row[] {
  return adviceOf(record).storages.flatMap((storage) =>
    storage.times.map(({ label, ns, ratio }) => ({
      storage: storage.title,
      kind: storage.isModel ? 'model' : 'measured',
      cell: label,
      ns,
      took: formatDuration(ns),
      ratio: ratio === null ? '–' : formatRatio(ratio),
      certainty: certainty(storage, label),
      fastest: isFastest(storage, label) ? label : '',
    })),
  );
}

const Y = { field: 'storage', type: 'nominal', sort: null, title: null } as const;

export const storageTimes: Question = {
  id: 'storage-times',
  title: 'How long does this take on each storage?',
  reading: 'Further left is faster (log scale); the fastest is named. This disk is measured, the others are modelled.',
  absent: 'This run has no time on any storage.',
  renderer: 'svg',
  spec: {
    ...CELL_ROWS,
    width: 640,
    height: { step: 28 },
    encoding: { y: { ...Y, axis: { ticks: false, domain: false, grid: true } } },
    layer: [
      {
        mark: DOT,
        encoding: {
          x: {
            ...logDuration('x', 'ns', 'time of the workload (log scale)'),
            scale: { type: 'log', nice: false, padding: 70 },
          },
          color: CELL_COLOR,
          shape: CELL_SHAPE,
          tooltip: [
            { field: 'cell', title: 'policy' },
            { field: 'storage', title: 'storage' },
            { field: 'took', title: 'time' },
            { field: 'ratio', title: 'times the baseline' },
            { field: 'certainty', title: 'certainty' },
          ],
        },
      },
      {
        transform: [{ filter: "datum.fastest != ''" }],
        mark: { type: 'text', align: 'right', dx: -9, fontSize: 11, fontWeight: 600 },
        encoding: { x: { field: 'ns', type: 'quantitative' }, text: { field: 'fastest' } },
      },
    ],
  },
  ask: (record) =>
    answered({ rows: rowsOf(record) }, () => ({
      table: {
        caption: 'Time of the workload on each storage',
        columns: [
          { label: 'Storage', quantity: 'text' },
          { label: 'Kind', quantity: 'text', help: 'measured on this disk, or calculated by a device model' },
          { label: 'Policy', quantity: 'text' },
          { label: 'Time', quantity: 'duration', help: 'median of the rounds, or exact of a model' },
          { label: 'Times the baseline', quantity: 'ratio', help: 'from pairs of rounds where measured' },
          { label: 'Certainty', quantity: 'text' },
        ],
        rows: tableRows(record),
      },
      words: adviceOf(record).storages.map(sentenceOf),
    })),
};

/** A sweep has rows for each of its images, which the labels of the policies name. */
function tableRows(record: RunRecord): (string | number | null)[][] {
  return imageAdvice(record).flatMap(({ image, advice }) =>
    advice.storages.flatMap((storage) =>
      storage.times.map(({ label, ns, ratio }) => [
        ...[storage.title, storage.isModel ? 'model' : 'measured', image === '' ? label : `${label}, ${image}`],
        ...[Math.round(ns), ratio, certainty(storage, label)],
      ]),
    ),
  );
}

function sentenceOf({ title, outcome, best, factor, versus, moreRounds }: StorageAdvice): string {
  if (outcome === 'none') return `${title}: no policy can be recommended.`;
  if (outcome === 'unsure')
    return `${title}: ${best.join(', ')} cannot be distinguished yet${moreRounds > 0 ? ` (about ${moreRounds} more rounds)` : ''}.`;
  const names = best.join(' or ');
  const against = factor === null || versus === null ? '' : `, ${formatRatio(factor)} faster than ${versus}`;
  return `${title}: ${names}${against}.`;
}
