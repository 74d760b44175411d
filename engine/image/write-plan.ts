/**
 * Where guest data is to be written: in place, or into newly allocated clusters that are linked afterwards
 * (qcow2.rst, "Cluster mapping" and "Copy-on-write").
 */
import { Qcow2Error } from '../base/errors.ts';
import { type GuestOffset, roundDown } from '../base/units.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_ALLOCATED,
  CLUSTER_ZERO_PLAIN,
  type ClusterKind,
  subclustersAllocated,
} from '../format/l2-entry.ts';
import { dataFileOf, type ImageState } from './state.ts';

/** A piece of a write that goes to one stretch of the file. */
export interface WriteRun {
  readonly guestOffset: GuestOffset;
  readonly lengthBytes: number;
  /** Host offset of the run's first cluster. */
  readonly hostOffset: number;
  /** Clusters whose L2 entries must be set afterwards; 0 when the data goes where it is mapped already. */
  readonly unlinkedClusters: number;
  /** New content must fill whole units of this size, so what the write leaves out of its first and last unit is copied. */
  readonly unitBytes: number;
  readonly copiesHead: boolean;
  readonly copiesTail: boolean;
  /** The clusters held something that must not become readable: their data must be durable before they are linked. */
  readonly exposesOldContent: boolean;
}

/**
 * Plans the write of the guest bytes from `guestOffset` on, at most `maxBytes` of them and never past the end of one L2 slice:
 * in place where the clusters are this disk's alone, else in newly allocated ones, taken in one piece.
 */
export function planWrite(state: ImageState, guestOffset: GuestOffset, maxBytes: number): WriteRun {
  const { geometry } = state;
  const slice = state.tables.forWrite(guestOffset);
  try {
    const index = geometry.indexInSlice(guestOffset);
    const inCluster = geometry.offsetInCluster(guestOffset);
    const wanted = Math.min(geometry.clustersFor(inCluster + maxBytes), geometry.entriesPerSlice - index);
    const kind = state.entries.kind(slice, index);
    const inPlace = state.entries.isOwned(slice, index) && (kind === CLUSTER_NORMAL || kind === CLUSTER_ZERO_ALLOCATED);
    if (!inPlace) return planNewClusters(state, slice, index, guestOffset, maxBytes, wanted, kind);
    const count = countOwned(state, slice, index, wanted, kind);
    const lengthBytes = Math.min(maxBytes, count * geometry.clusterBytes - inCluster);
    const run = { guestOffset, lengthBytes, hostOffset: state.entries.dataOffset(slice, index) };
    refuseBehindEnd(state, run.hostOffset);
    if (geometry.extendedL2) return { ...run, ...subclusterLinks(state, slice, index, inCluster, lengthBytes, count) };
    const links = kind === CLUSTER_ZERO_ALLOCATED;
    return { ...run, unlinkedClusters: links ? count : 0, ...wholeClusters(state), exposesOldContent: links };
  } finally {
    state.l2.release(slice);
  }
}

/**
 * Data reaches the file before the entry that names it: a cluster behind the end is no cluster, and writing it no repair. A data
 * file may be shorter than the disk that it is for.
 */
function refuseBehindEnd(state: ImageState, hostOffset: number): void {
  const file = dataFileOf(state);
  const sizeBytes = Math.max(file.sizeBytes(), state.dataFile === null ? 0 : state.vars.sizeBytes);
  if (hostOffset < sizeBytes) return;
  const message = `${file.name}: data cluster at offset ${hostOffset} is outside the file of ${sizeBytes} bytes`;
  throw new Qcow2Error('CORRUPT', message, { file: file.name, table: 'l2', found: hostOffset });
}

function wholeClusters(state: ImageState): Pick<WriteRun, 'unitBytes' | 'copiesHead' | 'copiesTail'> {
  return { unitBytes: state.geometry.clusterBytes, copiesHead: true, copiesTail: true };
}

function planNewClusters(
  state: ImageState,
  slice: CachedTable,
  index: number,
  guestOffset: GuestOffset,
  maxBytes: number,
  wanted: number,
  kind: ClusterKind,
): WriteRun {
  const { clusterBytes, subclusterBytes } = state.geometry;
  const count = countReplaceable(state, slice, index, wanted, kind);
  const inCluster = state.geometry.offsetInCluster(guestOffset);
  const isEmpty = kind === CLUSTER_UNALLOCATED || kind === CLUSTER_ZERO_PLAIN;
  return {
    guestOffset,
    lengthBytes: Math.min(maxBytes, count * clusterBytes - inCluster),
    // An external data file has a place for each guest cluster: its own offset.
    hostOffset: state.dataFile === null ? state.allocator.allocate(count).offset : guestOffset - inCluster,
    unlinkedClusters: count,
    ...wholeClusters(state),
    // What a replaced cluster held moves with it as a whole; an empty one has only the subclusters that are written.
    unitBytes: isEmpty ? subclusterBytes : clusterBytes,
    exposesOldContent: state.dataFile !== null,
  };
}

/** Of a run in an owned cluster with extended entries: which subclusters must be completed and linked. */
function subclusterLinks(
  state: ImageState,
  slice: CachedTable,
  index: number,
  inCluster: number,
  lengthBytes: number,
  count: number,
): Omit<WriteRun, 'guestOffset' | 'lengthBytes' | 'hostOffset'> {
  const { subclusterBytes } = state.geometry;
  const end = inCluster + lengthBytes;
  const isAllocated = (offset: number) => subclusterIsAllocated(state, slice, index, offset);
  let complete = true;
  for (let at = roundDown(inCluster, subclusterBytes); at < end; at += subclusterBytes)
    complete = complete && isAllocated(at);
  return {
    unlinkedClusters: complete ? 0 : count,
    unitBytes: subclusterBytes,
    copiesHead: !isAllocated(inCluster),
    copiesTail: !isAllocated(end - 1),
    exposesOldContent: true,
  };
}

/** `offset` counts from the start of the cluster of entry `index` and may pass its end. */
function subclusterIsAllocated(state: ImageState, slice: CachedTable, index: number, offset: number): boolean {
  const { clusterBytes, subclusterBytes } = state.geometry;
  const at = state.entries.at(index + Math.floor(offset / clusterBytes));
  const subcluster = Math.floor((offset % clusterBytes) / subclusterBytes);
  return subclustersAllocated(slice.view, at, subcluster, subcluster + 1);
}

/** How many clusters from `index` on are of this `kind`, this disk's alone, and contiguous in the file. */
function countOwned(state: ImageState, slice: CachedTable, index: number, wanted: number, kind: ClusterKind): number {
  const first = state.entries.dataOffset(slice, index);
  let count = 1;
  while (count < wanted && state.entries.isOwned(slice, index + count)) {
    if (!state.entries.continues(slice, index, count, kind, first)) break;
    count++;
  }
  return count;
}

/**
 * How many clusters from `index` on can be replaced by newly allocated ones in one run: stretches that continue, contiguous in
 * the file, the first entry's cluster, and empty stretches between them. A compressed cluster is a run of its own.
 */
function countReplaceable(
  state: ImageState,
  slice: CachedTable,
  index: number,
  wanted: number,
  kind: ClusterKind,
): number {
  if (kind === CLUSTER_COMPRESSED || kind === CLUSTER_ZERO_ALLOCATED) return 1;
  const first = kind === CLUSTER_NORMAL ? state.entries.dataOffset(slice, index) : 0;
  let count = 1;
  while (count < wanted) {
    const next = state.entries.kind(slice, index + count);
    const isEmpty = next === CLUSTER_UNALLOCATED || next === CLUSTER_ZERO_PLAIN;
    const isShared = first !== 0 && next === CLUSTER_NORMAL && !state.entries.isOwned(slice, index + count);
    if (!isEmpty && !(isShared && state.entries.continues(slice, index, count, next, first))) break;
    count++;
  }
  return count;
}
