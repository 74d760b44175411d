/** What a run says at its end, on the terminal. */
import type { Cell, RunRecord } from '../../results/record.ts';
import { median } from '../../results/statistics.ts';
import { syncWork } from '../../results/sync-work.ts';
import { textTable } from './text-table.ts';

const HEADER = [
  'policy',
  'syncs',
  'with / without work',
  'O_DSYNC writes',
  'writes',
  'MiB written',
  'syncs / 1000 guest writes',
  'syncs, ratio',
  'time, median',
  'p99 flush',
  'verified',
];

/** One row a cell; ratios are to the first cell. A cell without a finished sample has dashes. */
export function summaryTable(record: RunRecord): string[] {
  const baseline = record.cells[0]?.exact?.fsyncs ?? null;
  const rows = record.cells.map((cell) => summaryRow(cell, baseline));
  if (record.cells.every(({ crash }) => crash === null)) return textTable(HEADER, rows);
  return textTable(
    [...HEADER, 'power cut'],
    rows.map((row, index) => [...row, crashText(record.cells[index]!.crash)]),
  );
}

function crashText(crash: Cell['crash']): string {
  if (crash === null) return '-';
  if (crash.verdict === 'survived') return `survived ${crash.distinctStates} states`;
  if (crash.verdict === 'leaks') return `survived ${crash.distinctStates} states, leaks`;
  const broken = Object.keys(crash.violations).filter((kind) => kind !== 'copiedOnly' && crash.violations[kind]! > 0);
  return `VIOLATED: ${broken.join(', ')}`;
}

function summaryRow(cell: Cell, baselineSyncs: number | null): string[] {
  const { exact } = cell;
  const work = syncWork(cell);
  if (exact === null) return [cell.id, ...HEADER.slice(1).map(() => '-')];
  return [
    cell.id,
    String(exact.fsyncs),
    work === null ? '-' : `${work.working} / ${work.idle}`,
    String(exact.odsyncWrites),
    String(exact.writes),
    (exact.writeBytes / 1024 ** 2).toFixed(1),
    exact.guest.writes === 0 ? '-' : ((exact.fsyncs / exact.guest.writes) * 1000).toFixed(1),
    baselineSyncs ? (exact.fsyncs / baselineSyncs).toFixed(3) : '-',
    timeText(median(cell.rounds.map((round) => round.wallNs))),
    cell.histograms.guestFlush === undefined ? '-' : timeText(cell.histograms.guestFlush.p99Ns),
    verdictText(cell),
  ];
}

function timeText(ns: number): string {
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(2)} s`;
  return ns >= 1e6 ? `${(ns / 1e6).toFixed(2)} ms` : `${(ns / 1e3).toFixed(0)} µs`;
}

function verdictText({ verification, deterministic }: Cell): string {
  if (!deterministic) return 'COUNTS DIFFER';
  if (verification.content === 'different') return 'CONTENT DIFFERS';
  if (verification.check === 'corrupt') return 'IMAGE CORRUPT';
  if (verification.content === 'not-run') return '-';
  return verification.check === 'leaks' ? `yes, ${verification.leaks} leaks` : 'yes';
}

/** Everything that speaks against the results, one line each. */
export function findings(record: RunRecord): string[] {
  return record.cells.flatMap(({ id, deterministic, verification: { content, check, detail, corruptions } }) => {
    const lines: string[] = [];
    if (!deterministic) lines.push(`${id}: two rounds of the same requests counted differently`);
    if (content === 'different') lines.push(`${id}: the guest reads something else than it wrote: ${detail ?? ''}`);
    if (check === 'corrupt') lines.push(`${id}: the image is corrupt, ${corruptions} errors`);
    return lines;
  });
}
