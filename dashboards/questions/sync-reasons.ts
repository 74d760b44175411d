/** Why was there a sync: the guest request that was being served against the reason that the engine gave. */
import type { RunRecord } from '../../results/record.ts';
import { BY_ORDER, panels, SCHEMA } from '../charts/encodings.ts';
import { MATRIX_LAYERS, matrixRows, type Square } from '../charts/matrix.ts';
import { answered, type Question, type Sources } from '../charts/question.ts';
import { countedCells } from '../reading/cells.ts';
import { formatCount, formatShare } from '../reading/quantities.ts';

interface Reason {
  readonly cell: string;
  readonly request: string;
  readonly cause: string;
  readonly syncs: number;
}

function reasonsOf(record: RunRecord): Reason[] {
  return countedCells(record).flatMap(({ exact, label }) =>
    Object.entries(exact.syncsByTrigger).flatMap(([request, causes]) =>
      Object.entries(causes).map(([cause, syncs]) => ({ cell: label, request, cause, syncs })),
    ),
  );
}

function squaresOf(record: RunRecord): Square[] {
  const reasons = reasonsOf(record).filter(({ syncs }) => syncs > 0);
  const requests = [...new Set(reasons.map(({ request }) => request))];
  const causes = [...new Set(reasons.map(({ cause }) => cause))];
  const cells = [...new Set(reasons.map(({ cell }) => cell))];
  const key = (...words: string[]) => JSON.stringify(words);
  const counts = new Map(reasons.map((r) => [key(r.cell, r.request, r.cause), r.syncs]));
  return cells.flatMap((panel) =>
    causes.flatMap((y) =>
      requests.map((x) => {
        const value = counts.get(key(panel, x, y)) ?? 0;
        return {
          panel,
          x,
          y,
          value,
          shown: value === 0 ? '·' : formatCount(value),
          says: `${formatCount(value)} syncs`,
        };
      }),
    ),
  );
}

function mainReason(record: RunRecord, label: string, syncs: number): string {
  const own = reasonsOf(record).filter(({ cell }) => cell === label);
  const most = own.reduce<Reason | null>(
    (best, next) => (best === null || next.syncs > best.syncs ? next : best),
    null,
  );
  if (most === null || syncs === 0) return `${label} made no sync.`;
  return `${label}: ${formatShare(most.syncs / syncs)} of ${formatCount(syncs)} syncs are “${most.cause}” during a guest ${most.request}.`;
}

function sourcesOf(record: RunRecord): Sources {
  const labels = countedCells(record).map(({ label }) => label);
  return {
    rows: matrixRows(squaresOf(record)).map((row) => ({ ...row, order: labels.indexOf(String(row.panel)) })),
  };
}

export const syncReasons: Question = {
  id: 'sync-reasons',
  title: 'Why was there a sync?',
  reading: 'Columns: the guest request being served. Rows: why the engine had to sync. Exact counts.',
  absent: 'This run made no sync, so there is no reason to show.',
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    data: { name: 'rows' },
    columns: 1,
    facet: panels('panel', BY_ORDER),
    spec: { width: 600, height: { step: 27 }, layer: [...MATRIX_LAYERS] },
  },
  ask: (record) =>
    answered(sourcesOf(record), () => ({
      table: {
        caption: 'Exact numbers of syncs by guest request and reason',
        columns: [
          { label: 'Policy', quantity: 'text' },
          { label: 'During a guest', quantity: 'text', help: 'the guest request that was being served' },
          { label: 'Reason', quantity: 'text', help: 'the ordering constraint or promise that the sync enforced' },
          { label: 'Syncs', quantity: 'count', help: 'fdatasync calls' },
        ],
        rows: reasonsOf(record).map(({ cell, request, cause, syncs }) => [cell, request, cause, syncs]),
      },
      words: countedCells(record).map(({ exact, label }) => mainReason(record, label, exact.fsyncs)),
    })),
};
