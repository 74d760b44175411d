/** What several requesters share: how many syncs a flush of theirs costs, and how long it takes. */
import type { RunRecord } from '../../results/record.ts';
import { countedCells } from '../reading/cells.ts';
import { textTable } from './text-table.ts';

const HEADER = ['requests in flight at once', 'requesters', 'flushes', 'syncs per flush', 'p50 flush', 'p99 flush'];

/** Empty where each cell has one requester. */
export function requesterLines(record: RunRecord, width?: number): string[] {
  if (record.cells.every(({ requesters }) => requesters === undefined)) return [];
  const rows = countedCells(record).map(({ cell: { id, requesters = 1, histograms }, exact: { fsyncs, guest } }) => [
    id,
    String(requesters),
    String(guest.flushes),
    guest.flushes === 0 ? '-' : (fsyncs / guest.flushes).toFixed(3),
    milliseconds(histograms.guestFlush?.p50Ns),
    milliseconds(histograms.guestFlush?.p99Ns),
  ]);
  return rows.length === 0 ? [] : textTable(HEADER, rows, width);
}

function milliseconds(ns: number | undefined): string {
  return ns === undefined ? '-' : `${(ns / 1e6).toFixed(2)} ms`;
}
