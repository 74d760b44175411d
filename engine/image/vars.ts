/** What changes while an image is open, all of it in one record, so that it can be copied and put back whole. */
import type { HostRange } from '../base/units.ts';
import type { SnapshotEntry } from '../format/snapshot-table.ts';
import type { L1Table } from './l1-table.ts';

/** The refcount table in memory: host offset of each refcount block, 0 where there is none. */
export interface RefcountTable {
  readonly offset: number;
  readonly clusterCount: number;
  /** An entry changes when a block is added; a longer table is another object. */
  readonly blockOffsets: Float64Array;
}

/** A new table that the file may name although its pointer could not be written: by this sector of the L1 table, or by the header. */
export interface UnpublishedTable {
  readonly range: HostRange;
  /** Host offset of the L1 sector; or nothing does, and only freeing it failed. */
  readonly namedBy: number | 'header' | 'nothing';
}

export interface ImageVars {
  /** Size of the virtual disk. */
  sizeBytes: number;
  l1: L1Table;
  refcountTable: RefcountTable;
  snapshots: readonly SnapshotEntry[];
  snapshotsOffset: number;
  /** The search for free clusters starts here; no cluster below it is free. Host cluster index. */
  freeClusterIndex: number;
  /** Where the next compressed cluster may go, inside a host cluster that others share; 0: none. */
  freeByteOffset: number;
  /** New tables whose pointer could not be written. */
  unpublished: readonly UnpublishedTable[];
}

/** A copy that later changes do not reach. The bytes of an L1 table are not copied: the table is, but not what it holds. */
export function copyVars(vars: ImageVars): ImageVars {
  const { refcountTable } = vars;
  return { ...vars, refcountTable: { ...refcountTable, blockOffsets: refcountTable.blockOffsets.slice() } };
}

/** Puts a copy back; it can be put back again. */
export function restoreVars(vars: ImageVars, copy: ImageVars): void {
  Object.assign(vars, copyVars(copy));
}
