/** What is written: exact numbers of writes and bytes by the kind of structure they touch. */
import type { RunRecord } from '../../results/record.ts';
import { panels, SCHEMA } from '../charts/encodings.ts';
import { MATRIX_LAYERS, matrixRows, type Square } from '../charts/matrix.ts';
import { answered, type Question } from '../charts/question.ts';
import { countedCells } from '../reading/cells.ts';
import { formatBytes, formatCount } from '../reading/quantities.ts';

const FILE_ORDER = ['data', 'cow', 'l2', 'l1', 'refcount-block', 'refcount-table', 'header', 'snapshot-table'];

/** Kinds that some cell wrote, in a fixed order; unknown ones follow. */
function kindsOf(record: RunRecord): string[] {
  const kinds = new Set<string>();
  for (const { exact } of countedCells(record)) {
    for (const [kind, counts] of Object.entries(exact.byKind)) if (counts.writes > 0) kinds.add(kind);
  }
  const rank = (kind: string) => (FILE_ORDER.includes(kind) ? FILE_ORDER.indexOf(kind) : FILE_ORDER.length);
  return [...kinds].sort((a, b) => rank(a) - rank(b));
}

function squaresOf(record: RunRecord): Square[] {
  const kinds = kindsOf(record);
  const square = (panel: string, format: (value: number) => string, field: 'writes' | 'writeBytes') =>
    kinds.flatMap((kind) =>
      countedCells(record).map(({ exact, label }) => {
        const value = exact.byKind[kind]?.[field] ?? 0;
        return { panel, x: label, y: kind, value, shown: format(value), says: formatCount(value) };
      }),
    );
  return [...square('Writes', formatCount, 'writes'), ...square('Bytes written', formatBytes, 'writeBytes')];
}

export const countsByKind: Question = {
  id: 'counts-by-kind',
  title: 'What is written to the file?',
  reading: 'Guest data first, then the tables that map it. Exact counts; darker means more (log scale within a panel).',
  absent: 'Nothing was written in this run.',
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    data: { name: 'rows' },
    columns: 1,
    facet: panels('panel', ['Writes', 'Bytes written']),
    spec: { width: 640, height: { step: 27 }, layer: [...MATRIX_LAYERS] },
  },
  ask: (record) =>
    answered({ rows: matrixRows(squaresOf(record)) }, () => ({
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
