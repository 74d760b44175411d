/** What is written: exact numbers of bytes and writes by the kind of structure they touch, and what the guest wrote for it. */
import type { ExactCounters, RunRecord } from '../../results/record.ts';
import type { ThemeColor } from '../charts/palette.ts';
import { answered, type Question } from '../charts/question.ts';
import { type Bar, barRows, stackedBars } from '../charts/stacked-bars.ts';
import { countedCells } from '../reading/cells.ts';
import { formatBytes, formatCount, formatRatio } from '../reading/quantities.ts';

/** Kinds of structure that are distinguished in the chart; its table has every kind. */
const PARTS: readonly (readonly [part: string, color: ThemeColor, kinds: readonly string[]])[] = [
  ['guest data', 'sky', ['data']],
  ['copies (copy-on-write)', 'purple', ['cow']],
  ['L1 and L2 tables', 'vermillion', ['l1', 'l2']],
  ['refcounts', 'orange', ['refcount-block', 'refcount-table']],
];
const OTHERS = ['header, snapshots, others', 'green'] as const;

type Field = 'writes' | 'writeBytes';

function partsOf({ byKind }: ExactCounters, field: Field): [part: string, value: number][] {
  const named = PARTS.flatMap(([, , kinds]) => kinds);
  const sum = (wanted: (kind: string) => boolean) =>
    Object.entries(byKind).reduce((total, [kind, counts]) => total + (wanted(kind) ? counts[field] : 0), 0);
  return [
    ...PARTS.map(([part, , kinds]): [string, number] => [part, sum((kind) => kinds.includes(kind))]),
    [OTHERS[0], sum((kind) => !named.includes(kind))],
  ];
}

const PANELS = [
  ['Bytes written', 'writeBytes', formatBytes],
  ['Writes', 'writes', formatCount],
] as const;

/** Bytes written for each byte of the guest; null for a guest that wrote none. */
function amplification({ guest, writeBytes }: ExactCounters): number | null {
  return guest.writeBytes === 0 ? null : writeBytes / guest.writeBytes;
}

function barsOf(record: RunRecord): Bar[] {
  return PANELS.flatMap(([panel, field, show]) =>
    countedCells(record)
      .filter(({ exact }) => exact[field] > 0)
      .map(({ exact, label }): Bar => {
        const factor = field === 'writeBytes' ? amplification(exact) : null;
        return {
          panel,
          cell: label,
          parts: partsOf(exact, field).map(([part, value]) => ({ part, value, says: show(value) })),
          short: factor === null ? show(exact[field]) : `${show(exact[field])}, ${formatRatio(factor)}`,
          label: factor === null ? show(exact[field]) : `${show(exact[field])}, ${formatRatio(factor)} the guest’s`,
        };
      }),
  );
}

export const countsByKind: Question = {
  id: 'counts-by-kind',
  title: 'What is written to the file?',
  reading:
    'Guest data first, then what the image adds to it. Exact; the multiple of what the guest wrote is the write amplification.',
  absent: 'Nothing was written in this run.',
  renderer: 'svg',
  spec: stackedBars({
    panels: PANELS.map(([panel]) => panel),
    parts: [...PARTS.map(([part, color]) => [part, color] as const), OTHERS],
  }),
  ask: (record) =>
    answered({ rows: barRows(barsOf(record)) }, () => ({
      table: {
        caption: 'Exact operations by kind of structure',
        columns: [
          { label: 'Policy', quantity: 'text' },
          { label: 'Kind', quantity: 'text' },
          { label: 'Writes', quantity: 'count', help: 'write calls that touched this kind' },
          { label: 'Written', quantity: 'bytes', help: 'bytes of those writes' },
          { label: 'Reads', quantity: 'count', help: 'read calls that touched this kind' },
          { label: 'Read', quantity: 'bytes', help: 'bytes of those reads' },
        ],
        rows: countedCells(record).flatMap(({ exact, label }) =>
          Object.entries(exact.byKind).map(([kind, c]) => [label, kind, c.writes, c.writeBytes, c.reads, c.readBytes]),
        ),
      },
      words: countedCells(record).map(({ exact, label }) => {
        const guest = exact.guest.writeBytes;
        const tables = exact.writeBytes - (exact.byKind.data?.writeBytes ?? 0);
        return `${label} wrote ${formatBytes(exact.writeBytes)} for ${formatBytes(guest)} of guest writes, ${formatBytes(tables)} of it tables and copies.`;
      }),
    })),
};
