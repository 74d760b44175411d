/**
 * Syncs by whether they had work: a sync of a file in which nothing has changed since the sync before asks a device for next to nothing,
 * and a disk with a slow flush answers it a hundred times faster.
 */
import type { Cell } from './record.ts';

export interface SyncWork {
  /** Something had changed in the file since the sync before. */
  readonly working: number;
  readonly idle: number;
}

/** Null where a record does not tell them apart. */
export function syncWork({ exact, cleanSyncs }: Pick<Cell, 'exact' | 'cleanSyncs'>): SyncWork | null {
  if (exact === null) return null;
  const working = exact.workingSyncs ?? (cleanSyncs === undefined ? null : exact.fsyncs - cleanSyncs);
  return working === null ? null : { working, idle: exact.fsyncs - working };
}
