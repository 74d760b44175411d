/**
 * From guest offsets to host offsets, for reading: what a stretch of guest bytes maps to (qcow2.rst, "Cluster mapping").
 */
import type { GuestOffset, HostRange } from '../base/units.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import type { TableCache } from '../cache/table-cache.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_ALLOCATED,
  type ClusterKind,
  subclusterKind,
} from '../format/l2-entry.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { L2Entries } from './entries.ts';
import type { Geometry } from './geometry.ts';
import type { L2Tables } from './l2-tables.ts';

/** A stretch of guest bytes that is mapped in one way. */
export interface Extent {
  readonly kind: ClusterKind;
  /** Where its first byte lies, or would lie, for what has a place of its own; 0 for anything else. */
  readonly hostOffset: number;
  readonly hasPlace: boolean;
  readonly lengthBytes: number;
  /** The stream of a compressed cluster. */
  readonly compressed?: HostRange;
}

export interface MappingParts {
  readonly geometry: Geometry;
  readonly l2: TableCache;
  readonly tables: L2Tables;
  readonly entries: L2Entries;
}

const NO_PLACE = { hostOffset: 0, hasPlace: false } as const;

export class Mapping {
  readonly #parts: MappingParts;

  constructor(parts: MappingParts) {
    this.#parts = parts;
  }

  /** How guest bytes from `guestOffset` on are mapped, at most `maxBytes` of them and never past the end of one L2 slice. */
  extentAt(guestOffset: GuestOffset, maxBytes: number): Extent {
    const { geometry, l2, tables, entries } = this.#parts;
    const inSlice = Math.min(maxBytes, geometry.bytesPerSlice - (guestOffset % geometry.bytesPerSlice));
    const slice = tables.forRead(guestOffset);
    if (slice === null) return { kind: CLUSTER_UNALLOCATED, ...NO_PLACE, lengthBytes: inSlice };
    try {
      const index = geometry.indexInSlice(guestOffset);
      const inCluster = geometry.offsetInCluster(guestOffset);
      const kind = entries.kind(slice, index);
      if (kind === CLUSTER_COMPRESSED) {
        const lengthBytes = Math.min(inSlice, geometry.clusterBytes - inCluster);
        return { kind, ...NO_PLACE, lengthBytes, compressed: entries.compressedRange(slice, index) };
      }
      if (geometry.extendedL2) return this.#subclusterExtent(slice, index, inCluster, inSlice);
      return this.#clusterExtent(slice, index, inCluster, inSlice, kind);
    } finally {
      l2.release(slice);
    }
  }

  #clusterExtent(slice: CachedTable, index: number, inCluster: number, maxBytes: number, kind: ClusterKind): Extent {
    const { geometry, entries } = this.#parts;
    const hasPlace = kind === CLUSTER_NORMAL || kind === CLUSTER_ZERO_ALLOCATED;
    const first = hasPlace ? entries.dataOffset(slice, index) : 0;
    const wanted = geometry.clustersFor(inCluster + maxBytes);
    let count = 1;
    while (count < wanted && entries.continues(slice, index, count, kind, first)) count++;
    const lengthBytes = Math.min(maxBytes, count * geometry.clusterBytes - inCluster);
    return { kind, hostOffset: hasPlace ? first + inCluster : 0, hasPlace, lengthBytes };
  }

  /** The subclusters from `inCluster` on that are of one kind; never past the end of the cluster. */
  #subclusterExtent(slice: CachedTable, index: number, inCluster: number, maxBytes: number): Extent {
    const { geometry, entries } = this.#parts;
    const { clusterBytes, subclusterBytes } = geometry;
    const at = entries.at(index);
    const first = Math.floor(inCluster / subclusterBytes);
    const kind = subclusterKind(slice.view, at, first);
    const wanted = Math.min(maxBytes, clusterBytes - inCluster);
    let end = first + 1;
    while (end * subclusterBytes - inCluster < wanted && subclusterKind(slice.view, at, end) === kind) end++;
    const hasPlace = entries.kind(slice, index) === CLUSTER_NORMAL;
    const place = hasPlace ? { hostOffset: entries.dataOffset(slice, index) + inCluster, hasPlace } : NO_PLACE;
    return { kind, ...place, lengthBytes: Math.min(wanted, end * subclusterBytes - inCluster) };
  }
}

/** How much of plain data `file` stores, or leaves out, alike: preallocated clusters that nobody wrote are holes. */
export function heldAlike(
  file: BlockFile,
  { hostOffset, lengthBytes }: Extent,
): { lengthBytes: number; isHole: boolean } {
  const held = hostOffset < file.sizeBytes() ? file.extentAt(hostOffset) : null;
  if (held === null) return { lengthBytes, isHole: false };
  return { lengthBytes: Math.min(lengthBytes, held.endOffset - hostOffset), isHole: held.isHole };
}
