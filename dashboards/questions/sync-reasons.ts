/** Why was there a sync: the reasons that the engine gave, and how many of those syncs found anything to write. */
import type { Cell, RunRecord } from '../../results/record.ts';
import { syncWork } from '../../results/sync-work.ts';
import type { ThemeColor } from '../charts/palette.ts';
import { answered, type Question } from '../charts/question.ts';
import { type Bar, type BarPart, barRows, stackedBars } from '../charts/stacked-bars.ts';
import { type CountedCell, countedCells } from '../reading/cells.ts';
import { counted, formatCount, formatShare } from '../reading/quantities.ts';

/** Reasons in the order of `SYNC_CAUSES` (`engine/io/block-file.ts`), which a record keeps; each has its colour in every report. */
const COLORS: readonly (readonly [cause: string, color: ThemeColor])[] = [
  ['data-before-mapping', 'vermillion'],
  ['refcounts-before-table', 'orange'],
  ['table-before-pointer', 'purple'],
  ['dependency', 'blue'],
  ['hook-up', 'sky'],
  ['cache-flush', 'green'],
  ['guest-flush', 'yellow'],
  ['close', 'soft'],
];
const OTHER = ['other reasons', 'ink'] as const;

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

/** Of each reason the syncs with work, and then, hollow, those without. */
function partsOf({ exact }: CountedCell): BarPart[] {
  const parts = new Map<string, { working: number; idle: number }>();
  for (const [cause, syncs] of Object.entries(exact.syncsByCause)) {
    const name = COLORS.some(([known]) => known === cause) ? cause : OTHER[0];
    const sum = parts.get(name) ?? { working: 0, idle: 0 };
    const working = exact.workingSyncsByCause?.[cause] ?? syncs;
    sum.working += working;
    sum.idle += syncs - working;
    parts.set(name, sum);
  }
  return [...COLORS, OTHER].flatMap(([name]): BarPart[] => {
    const { working, idle } = parts.get(name) ?? { working: 0, idle: 0 };
    return [
      { part: name, value: working, says: counted(working, 'sync') },
      { part: name, value: idle, hollow: true, says: `${counted(idle, 'sync')} with nothing to write` },
    ];
  });
}

function barLabel(cell: Cell, syncs: number): string {
  const work = syncWork(cell);
  return work === null
    ? formatCount(syncs)
    : `${formatCount(work.working)} with work, ${formatCount(work.idle)} without`;
}

/** The two numbers of {@link barLabel}. */
function shortLabel(cell: Cell, syncs: number): string {
  const work = syncWork(cell);
  return work === null ? formatCount(syncs) : `${formatCount(work.working)} + ${formatCount(work.idle)}`;
}

function barsOf(record: RunRecord): Bar[] {
  return countedCells(record)
    .filter(({ exact }) => exact.fsyncs > 0)
    .map((item) => ({
      panel: '',
      cell: item.label,
      parts: partsOf(item),
      label: barLabel(item.cell, item.exact.fsyncs),
      short: shortLabel(item.cell, item.exact.fsyncs),
    }));
}

function mainReason(record: RunRecord, { cell, exact, label }: CountedCell): string {
  const most = reasonsOf(record)
    .filter((reason) => reason.cell === label)
    .reduce<Reason | null>((best, next) => (best === null || next.syncs > best.syncs ? next : best), null);
  if (most === null || exact.fsyncs === 0) return `${label} made no sync.`;
  const work = syncWork(cell);
  const idle = work === null ? '' : ` ${formatShare(work.idle / exact.fsyncs)} of all found nothing to write.`;
  return `${label}: ${formatShare(most.syncs / exact.fsyncs)} of ${formatCount(exact.fsyncs)} syncs are “${most.cause}” during a guest ${most.request}.${idle}`;
}

export const syncReasons: Question = {
  id: 'sync-reasons',
  title: 'Why was there a sync?',
  reading:
    'Syncs by why the engine had to make them. Hollow: the sync found nothing to write, and cost next to nothing. Exact counts.',
  absent: 'This run made no sync, so there is no reason to show.',
  renderer: 'svg',
  spec: stackedBars({ panels: [''], parts: [...COLORS, OTHER] }),
  ask: (record) =>
    answered({ rows: barRows(barsOf(record)) }, () => ({
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
      words: countedCells(record).map((item) => mainReason(record, item)),
    })),
};
