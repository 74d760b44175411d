/**
 * From guest offsets to host offsets: what a stretch of guest bytes maps to, and what a write may do about it
 * (qcow2.rst, "L2 table entry").
 */
import { Qcow2Error } from '../base/errors.ts';
import type { GuestOffset } from '../base/units.ts';
import type { CachedTable } from '../cache/table-cache.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_ALLOCATED,
  CLUSTER_ZERO_PLAIN,
  clusterKind,
  entryOffset,
  isCopied,
} from '../format/l2-entry.ts';
import { getL2ForRead, getL2ForWrite } from './l2-tables.ts';
import { allocateClusters } from './refcounts.ts';
import type { ImageState } from './state.ts';

/** A stretch of guest bytes that is mapped in one way. */
export interface Extent {
  /** One of the CLUSTER_ constants of the L2 entry codec. */
  readonly kind: number;
  /** Where its first byte lies in the file; 0 for anything but plain data. */
  readonly hostOffset: number;
  readonly lengthBytes: number;
}

/** How guest bytes from `guestOffset` on are mapped, at most `maxBytes` of them. */
export function mapForRead(state: ImageState, guestOffset: GuestOffset, maxBytes: number): Extent {
  const { geometry } = state;
  const toEndOfSlice = geometry.bytesPerSlice - (guestOffset % geometry.bytesPerSlice);
  const table = getL2ForRead(state, guestOffset);
  if (table === null) {
    return { kind: CLUSTER_UNALLOCATED, hostOffset: 0, lengthBytes: Math.min(maxBytes, toEndOfSlice) };
  }
  try {
    return readExtent(state, table, guestOffset, Math.min(maxBytes, toEndOfSlice));
  } finally {
    state.l2.release(table);
  }
}

function readExtent(state: ImageState, table: CachedTable, guestOffset: GuestOffset, maxBytes: number): Extent {
  const { geometry } = state;
  const index = geometry.indexInSlice(guestOffset);
  const inCluster = geometry.offsetInCluster(guestOffset);
  const kind = kindAt(state, table, index);
  const first = kind === CLUSTER_NORMAL ? dataOffsetAt(state, table, index) : 0;
  const wanted = geometry.clustersFor(inCluster + maxBytes);
  let count = 1;
  if (kind !== CLUSTER_COMPRESSED)
    while (count < wanted && continuesExtent(state, table, index, count, kind, first)) count++;
  const lengthBytes = Math.min(maxBytes, count * geometry.clusterBytes - inCluster);
  return { kind, hostOffset: kind === CLUSTER_NORMAL ? first + inCluster : 0, lengthBytes };
}

function continuesExtent(
  state: ImageState,
  table: CachedTable,
  index: number,
  count: number,
  kind: number,
  first: number,
): boolean {
  if (kind === CLUSTER_NORMAL) return isContiguous(state, table, index, count, kind, first);
  return kindAt(state, table, index + count) === kind;
}

/** Where a piece of a write goes. */
export interface WriteRun {
  readonly guestOffset: GuestOffset;
  readonly lengthBytes: number;
  /** Host offset of the run's first cluster. */
  readonly hostOffset: number;
  /** Clusters whose L2 entries must be set afterwards; 0 when the data goes where it is mapped already. */
  readonly unlinkedClusters: number;
  /** The clusters held something before that must not become readable: their data must be durable before they are linked. */
  readonly exposesOldContent: boolean;
}

/**
 * Where the guest bytes from `guestOffset` on are to be written, at most `maxBytes` of them and never past the end of one L2
 * slice: in place where the clusters are this disk's alone, else in newly allocated clusters, taken in one piece.
 */
export function planWrite(state: ImageState, guestOffset: GuestOffset, maxBytes: number): WriteRun {
  const { geometry } = state;
  const table = getL2ForWrite(state, guestOffset);
  try {
    const index = geometry.indexInSlice(guestOffset);
    const inCluster = geometry.offsetInCluster(guestOffset);
    const wanted = Math.min(geometry.clustersFor(inCluster + maxBytes), geometry.entriesPerSlice - index);
    const kind = kindAt(state, table, index);
    const owned = isCopied(table.view, index * geometry.l2EntryBytes);
    const inPlace = owned && (kind === CLUSTER_NORMAL || kind === CLUSTER_ZERO_ALLOCATED);
    const count = inPlace
      ? countOwned(state, table, index, wanted, kind)
      : countReplaceable(state, table, index, wanted, kind);
    const hostOffset = inPlace
      ? dataOffsetAt(state, table, index)
      : allocateClusters(state, count * geometry.clusterBytes);
    return {
      guestOffset,
      lengthBytes: Math.min(maxBytes, count * geometry.clusterBytes - inCluster),
      hostOffset,
      unlinkedClusters: kind === CLUSTER_NORMAL && inPlace ? 0 : count,
      exposesOldContent: kind === CLUSTER_ZERO_ALLOCATED && inPlace,
    };
  } finally {
    state.l2.release(table);
  }
}

/** How many clusters from `index` on are of this `kind`, this disk's alone, and contiguous in the file. */
function countOwned(state: ImageState, table: CachedTable, index: number, wanted: number, kind: number): number {
  const { l2EntryBytes } = state.geometry;
  const first = dataOffsetAt(state, table, index);
  let count = 1;
  while (count < wanted && isCopied(table.view, (index + count) * l2EntryBytes)) {
    if (!isContiguous(state, table, index, count, kind, first)) break;
    count++;
  }
  return count;
}

/** Whether the cluster `count` entries on is of this `kind` and lies right behind in the file. */
function isContiguous(
  state: ImageState,
  table: CachedTable,
  index: number,
  count: number,
  kind: number,
  first: number,
): boolean {
  const { clusterBytes, l2EntryBytes } = state.geometry;
  if (kindAt(state, table, index + count) !== kind) return false;
  return entryOffset(table.view, (index + count) * l2EntryBytes) === first + count * clusterBytes;
}

/**
 * How many clusters from `index` on can be replaced by newly allocated ones in one run: stretches that continue, contiguous in
 * the file, the first entry's cluster, and empty stretches between them. A compressed cluster is a run of its own.
 */
function countReplaceable(state: ImageState, table: CachedTable, index: number, wanted: number, kind: number): number {
  const single = kind === CLUSTER_COMPRESSED || kind === CLUSTER_ZERO_ALLOCATED;
  if (single) return 1;
  const first = kind === CLUSTER_NORMAL ? dataOffsetAt(state, table, index) : 0;
  let count = 1;
  while (count < wanted) {
    const next = kindAt(state, table, index + count);
    const isEmpty = next === CLUSTER_UNALLOCATED || next === CLUSTER_ZERO_PLAIN;
    const isShared = next === CLUSTER_NORMAL && !isCopied(table.view, (index + count) * state.geometry.l2EntryBytes);
    if (!isEmpty && !(isShared && first !== 0 && isContiguous(state, table, index, count, next, first))) break;
    count++;
  }
  return count;
}

/** The CLUSTER_ kind of entry `index` of a slice, checked against the image's version. */
export function kindAt(state: ImageState, table: CachedTable, index: number): number {
  const kind = clusterKind(table.view, index * state.geometry.l2EntryBytes);
  if (state.header.version === 2 && (kind === CLUSTER_ZERO_PLAIN || kind === CLUSTER_ZERO_ALLOCATED)) {
    throw new Qcow2Error('CORRUPT', `L2 entry ${index} has the zero flag, which a version 2 image cannot have`, {
      table: 'L2',
    });
  }
  return kind;
}

/** Host offset of the data cluster of entry `index`, checked. */
export function dataOffsetAt(state: ImageState, table: CachedTable, index: number): number {
  const offset = entryOffset(table.view, index * state.geometry.l2EntryBytes);
  if (!state.geometry.isClusterAligned(offset)) {
    throw new Qcow2Error(
      'CORRUPT',
      `cluster allocation offset 0x${offset.toString(16)} unaligned (L2 entry ${index})`,
      {
        table: 'L2',
        found: offset,
      },
    );
  }
  return offset;
}
