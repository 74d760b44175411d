/**
 * From guest offsets to host offsets, for reading: what a stretch of guest bytes maps to (qcow2.rst, "Cluster mapping").
 */
import type { GuestOffset } from '../base/units.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  entryOffset,
  subclusterKind,
} from '../format/l2-entry.ts';
import { compressedRangeAt, dataOffsetAt, entryAt, kindAt } from './entries.ts';
import type { HostRange } from './geometry.ts';
import { getL2ForRead } from './l2-tables.ts';
import type { ImageState } from './state.ts';

/** A stretch of guest bytes that is mapped in one way. */
export interface Extent {
  /** One of the CLUSTER_ constants of the L2 entry codec. */
  readonly kind: number;
  /** Where its first byte lies, for plain data; 0 for anything else. */
  readonly hostOffset: number;
  readonly lengthBytes: number;
  /** The stream of a compressed cluster. */
  readonly compressed?: HostRange;
}

/** How guest bytes from `guestOffset` on are mapped, at most `maxBytes` of them and never past the end of one L2 slice. */
export function mapForRead(state: ImageState, guestOffset: GuestOffset, maxBytes: number): Extent {
  const { geometry } = state;
  const inSlice = Math.min(maxBytes, geometry.bytesPerSlice - (guestOffset % geometry.bytesPerSlice));
  const slice = getL2ForRead(state, guestOffset);
  if (slice === null) return { kind: CLUSTER_UNALLOCATED, hostOffset: 0, lengthBytes: inSlice };
  try {
    const index = geometry.indexInSlice(guestOffset);
    const inCluster = geometry.offsetInCluster(guestOffset);
    const kind = kindAt(state, slice, index);
    if (kind === CLUSTER_COMPRESSED) {
      const lengthBytes = Math.min(inSlice, geometry.clusterBytes - inCluster);
      return { kind, hostOffset: 0, lengthBytes, compressed: compressedRangeAt(state, slice, index) };
    }
    if (geometry.extendedL2) return subclusterExtent(state, slice, index, inCluster, inSlice);
    return clusterExtent(state, slice, index, inCluster, inSlice);
  } finally {
    state.l2.release(slice);
  }
}

function clusterExtent(
  state: ImageState,
  slice: CachedTable,
  index: number,
  inCluster: number,
  maxBytes: number,
): Extent {
  const { geometry } = state;
  const kind = kindAt(state, slice, index);
  const first = kind === CLUSTER_NORMAL ? dataOffsetAt(state, slice, index) : 0;
  const wanted = geometry.clustersFor(inCluster + maxBytes);
  let count = 1;
  while (count < wanted && continues(state, slice, index, count, kind, first)) count++;
  const lengthBytes = Math.min(maxBytes, count * geometry.clusterBytes - inCluster);
  return { kind, hostOffset: kind === CLUSTER_NORMAL ? first + inCluster : 0, lengthBytes };
}

/** Whether the cluster `count` entries on is of this `kind` and, for data, lies right behind in the file. */
export function continues(
  state: ImageState,
  slice: CachedTable,
  index: number,
  count: number,
  kind: number,
  first: number,
): boolean {
  if (kindAt(state, slice, index + count) !== kind) return false;
  if (first === 0 && kind !== CLUSTER_NORMAL) return true;
  return entryOffset(slice.view, entryAt(state, index + count)) === first + count * state.geometry.clusterBytes;
}

/** The subclusters from `inCluster` on that are of one kind; never past the end of the cluster. */
function subclusterExtent(
  state: ImageState,
  slice: CachedTable,
  index: number,
  inCluster: number,
  maxBytes: number,
): Extent {
  const { clusterBytes, subclusterBytes } = state.geometry;
  const at = entryAt(state, index);
  const first = Math.floor(inCluster / subclusterBytes);
  const kind = subclusterKind(slice.view, at, first);
  const wanted = Math.min(maxBytes, clusterBytes - inCluster);
  let end = first + 1;
  while (end * subclusterBytes - inCluster < wanted && subclusterKind(slice.view, at, end) === kind) end++;
  const hostOffset = kind === CLUSTER_NORMAL ? dataOffsetAt(state, slice, index) + inCluster : 0;
  return { kind, hostOffset, lengthBytes: Math.min(wanted, end * subclusterBytes - inCluster) };
}
