/**
 * The walk over everything that an L1 table references, which every snapshot operation is made of: change each refcount by
 * +1, -1 or not at all, and set COPIED exactly where the refcount is then 1 (qcow2.rst, "Snapshots" and "L2 table entry").
 */
import { Qcow2Error } from '../base/errors.ts';
import type { ClusterCounts } from '../cache/allocator.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import { type Place, Pointer } from '../cache/ordering.ts';
import type { CachePolicy, SnapshotWalk } from '../cache/policy.ts';
import type { TableCache } from '../cache/table-cache.ts';
import { L1_ENTRY_BYTES, l1EntryIsCopied, l1EntryOffset, setL1EntryCopied } from '../format/l1-entry.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_PLAIN,
  isCopied,
  setCopied,
} from '../format/l2-entry.ts';
import type { DurableFile } from '../io/durability.ts';
import type { L2Entries } from './entries.ts';
import type { Geometry } from './geometry.ts';
import type { L1Table } from './l1-table.ts';
import type { L2Tables } from './l2-tables.ts';

export interface WalkParts {
  readonly file: DurableFile;
  readonly geometry: Geometry;
  readonly policy: CachePolicy;
  readonly snapshotWalk: SnapshotWalk;
  readonly l2: TableCache;
  readonly counts: ClusterCounts;
  readonly entries: L2Entries;
  readonly tables: L2Tables;
}

export type WalkChange = 1 | 0 | -1;

/** A compressed cluster is never written in place, so it never carries COPIED: as if it were shared. */
const SHARED = 2;

/**
 * Walks `l1`, which is then written back where it lies if one of its COPIED flags changed. `dropped`: nothing names it any more, so that
 * neither it nor a table that only it named is written again.
 */
export function walkL1(parts: WalkParts, l1: L1Table, change: WalkChange, use: 'in-use' | 'dropped' = 'in-use'): void {
  refuseRepeatedTables(parts, l1);
  parts.snapshotWalk.begin();
  let changed = false;
  let complete = false;
  try {
    for (let index = 0; index < l1.entryCount; index++) {
      changed = walkL1Entry(parts, l1, index, change) || changed;
      if (use === 'dropped') forgetUnused(parts, l1, index);
    }
    complete = true;
  } finally {
    parts.snapshotWalk.end(() => {
      if (complete && changed && use === 'in-use')
        parts.policy.publish(new Pointer('l1', l1.offset, l1.entryBytes), []);
    });
  }
}

/** A disk names each of its L2 tables once. A table named a thousand times would be walked as often, and its clusters miscounted. */
function refuseRepeatedTables(parts: WalkParts, l1: L1Table): void {
  const offsets = new Float64Array(l1.entryCount);
  for (let index = 0; index < offsets.length; index++) offsets[index] = l1EntryOffset(l1.view, index * L1_ENTRY_BYTES);
  offsets.sort();
  const repeated = offsets.find((offset, index) => offset !== 0 && offset === offsets[index + 1]);
  if (repeated === undefined) return;
  const message = `${parts.file.name}: the L1 table at offset ${l1.offset} names the L2 table at offset ${repeated} more than once`;
  throw new Qcow2Error('CORRUPT', message, { file: parts.file.name, table: 'l1', offset: l1.offset, found: repeated });
}

/** A table that was freed holds nothing that is worth writing. */
function forgetUnused({ tables, counts, geometry, l2 }: WalkParts, l1: L1Table, index: number): void {
  const offset = tables.offsetAt(l1, index);
  if (offset === 0 || counts.of(geometry.hostCluster(offset)) > 0) return;
  for (let start = 0; start < geometry.clusterBytes; start += geometry.l2SliceBytes) l2.forget(offset + start);
}

/** Returns true when the entry's COPIED flag changed. */
function walkL1Entry(parts: WalkParts, l1: L1Table, index: number, change: WalkChange): boolean {
  const offset = parts.tables.offsetAt(l1, index);
  if (offset === 0) return false;
  for (let start = 0; start < parts.geometry.clusterBytes; start += parts.geometry.l2SliceBytes) {
    walkSlice(parts, offset + start, change);
  }
  const copied = changeAndCount(parts, offset, change, { kind: 'l1', offset: l1.offset }).count === 1;
  if (copied === l1EntryIsCopied(l1.view, index * L1_ENTRY_BYTES)) return false;
  setL1EntryCopied(l1.view, index * L1_ENTRY_BYTES, copied);
  return true;
}

function walkSlice(parts: WalkParts, sliceOffset: number, change: WalkChange): void {
  const slice = parts.l2.get(sliceOffset);
  try {
    for (let index = 0; index < parts.geometry.entriesPerSlice; index++) walkEntry(parts, slice, index, change);
  } finally {
    parts.l2.release(slice);
  }
}

function walkEntry(parts: WalkParts, slice: CachedTable, index: number, change: WalkChange): void {
  const kind = parts.entries.kind(slice, index);
  if (kind === CLUSTER_UNALLOCATED || kind === CLUSTER_ZERO_PLAIN) return;
  const { count, changed } =
    kind === CLUSTER_COMPRESSED
      ? changeCompressed(parts, slice, index, change)
      : changeAndCount(parts, parts.entries.dataOffset(slice, index), change, slice);
  const at = index * parts.geometry.l2EntryBytes;
  if (isCopied(slice.view, at) === (count === 1)) return;
  // A cleared flag says "shared": it must not be forgotten once the other owner can be freed, so the raised count comes first.
  if (change > 0) parts.policy.order({ order: 'refcounts-before-copied-flag', before: changed, after: [slice] });
  parts.l2.markDirty(slice, at, at + parts.geometry.l2EntryBytes);
  setCopied(slice.view, at, count === 1);
}

interface Counted {
  readonly count: number;
  /** The refcount blocks that were changed. */
  readonly changed: readonly CachedTable[];
}

/** Changes the refcount of the cluster at `offset`, if asked to; `named` is the table that names it. */
function changeAndCount(parts: WalkParts, offset: number, change: WalkChange, named: Place): Counted {
  const changed = shift(parts, offset, parts.geometry.clusterBytes, change);
  if (change !== 0) parts.policy.order({ order: 'snapshot-walk-step', before: changed, after: [named] });
  return { count: parts.counts.of(parts.geometry.hostCluster(offset)), changed };
}

/** The same for every host cluster that a compressed cluster touches. */
function changeCompressed(parts: WalkParts, slice: CachedTable, index: number, change: WalkChange): Counted {
  if (change === 0) return { count: SHARED, changed: [] };
  const { offset, lengthBytes } = parts.entries.compressedRange(slice, index);
  const changed = shift(parts, offset, lengthBytes, change);
  parts.policy.order({ order: 'compressed-walk-step', before: changed, after: [slice] });
  return { count: SHARED, changed };
}

/** At once, whatever the allocator: COPIED says what the refcount is now. */
function shift({ counts }: WalkParts, offset: number, lengthBytes: number, change: WalkChange): readonly CachedTable[] {
  if (change > 0) return counts.raise(offset, lengthBytes);
  return change < 0 ? counts.lower(offset, lengthBytes, []) : [];
}
