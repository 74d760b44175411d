/**
 * Where guest data is to be written: in place, or into newly allocated clusters that are linked afterwards
 * (qcow2.rst, "Cluster mapping" and "Copy-on-write").
 */
import { corrupt } from '../base/errors.ts';
import { exactText, type GuestOffset, roundDown } from '../base/units.ts';
import type { Allocator, PartialAllocation } from '../cache/allocator.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import type { Prerequisite } from '../cache/ordering.ts';
import type { TableCache } from '../cache/table-cache.ts';
import type { GuestDisk } from '../disk/device.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_ALLOCATED,
  CLUSTER_ZERO_PLAIN,
  type ClusterKind,
  subclustersAllocated,
} from '../format/l2-entry.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { L2Entries } from './entries.ts';
import type { Geometry } from './geometry.ts';
import { giveBack } from './give-back.ts';
import type { L2Tables } from './l2-tables.ts';
import type { ImageVars } from './vars.ts';

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
  /** What must be durable before an entry names the clusters. */
  readonly wait: readonly Prerequisite[];
  /** Bytes of the clusters that were allocated for it; 0 where they are mapped already. */
  readonly allocatedBytes: number;
  /** The clusters are new and read as zeros where nothing is written to them. */
  readonly readsAsZeros: boolean;
  /** Nothing durable names the clusters: what they hold can be destroyed before they are linked. */
  readonly isUnnamed: boolean;
  /** The guest read zeros there until now, and the clusters do, too: an entry that lands before the data shows nothing new. */
  readonly mayLandFirst: boolean;
}

/** Of a run in clusters that are there already: what of them must be completed and linked. */
type OwnedLinks = Pick<WriteRun, 'unlinkedClusters' | 'unitBytes' | 'copiesHead' | 'copiesTail' | 'exposesOldContent'>;

const NOTHING: readonly Prerequisite[] = [];

/** A write that needs new clusters, from entry `index` of `slice` on. */
interface Asked {
  readonly slice: CachedTable;
  readonly index: number;
  readonly guestOffset: GuestOffset;
  readonly maxBytes: number;
  /** The most clusters that it takes. */
  readonly wanted: number;
  /** Of the first. */
  readonly kind: ClusterKind;
  /** Host offset that the first must have; null: any. */
  readonly wantedOffset: number | null;
}

export interface WriteRunsParts {
  readonly file: BlockFile;
  readonly dataFile: BlockFile | null;
  readonly backing: GuestDisk | null;
  readonly geometry: Geometry;
  readonly vars: ImageVars;
  readonly l2: TableCache;
  readonly tables: L2Tables;
  readonly entries: L2Entries;
  readonly allocator: Allocator;
}

export class WriteRuns {
  readonly #parts: WriteRunsParts;
  /** Of a run in clusters that are mapped already. */
  readonly #nothingToLink: OwnedLinks;

  constructor(parts: WriteRunsParts) {
    this.#parts = parts;
    this.#nothingToLink = {
      ...{ unlinkedClusters: 0, unitBytes: parts.geometry.clusterBytes },
      ...{ copiesHead: false, copiesTail: false, exposesOldContent: false },
    };
  }

  /**
   * Finds a place for the guest bytes from `guestOffset` on, at most `maxBytes` of them and never past the end of one L2 slice:
   * where they are mapped if the clusters are this disk's alone, else in newly allocated ones, taken in one piece.
   */
  prepare(guestOffset: GuestOffset, maxBytes: number): WriteRun {
    return this.#prepare(guestOffset, maxBytes, null)!;
  }

  /** The same for bytes that start a cluster, if their place is, or can be, host offset `hostOffset`; null if it is elsewhere. */
  continueAt(hostOffset: number, guestOffset: GuestOffset, maxBytes: number): WriteRun | null {
    return this.#prepare(guestOffset, maxBytes, hostOffset);
  }

  /** Null only where `wantedOffset` is given and cannot be had. */
  #prepare(guestOffset: GuestOffset, maxBytes: number, wantedOffset: number | null): WriteRun | null {
    const { geometry, l2, tables, entries } = this.#parts;
    const slice = tables.forWrite(guestOffset);
    try {
      const index = geometry.indexInSlice(guestOffset);
      const inCluster = geometry.offsetInCluster(guestOffset);
      const wanted = Math.min(geometry.clustersFor(inCluster + maxBytes), geometry.entriesPerSlice - index);
      const kind = entries.kind(slice, index);
      const inPlace = entries.isOwned(slice, index) && (kind === CLUSTER_NORMAL || kind === CLUSTER_ZERO_ALLOCATED);
      if (!inPlace) return this.#inNewClusters({ slice, index, guestOffset, maxBytes, wanted, kind, wantedOffset });
      if (wantedOffset !== null && entries.dataOffset(slice, index) !== wantedOffset) return null;
      const count = this.#countOwned(slice, index, wanted);
      const lengthBytes = Math.min(maxBytes, count * geometry.clusterBytes - inCluster);
      const hostOffset = entries.dataOffset(slice, index);
      this.#refuseOutside(hostOffset);
      const links = geometry.extendedL2
        ? this.#subclusterLinks(slice, index, inCluster, lengthBytes, count)
        : this.#clusterLinks(slice, index, count, kind);
      return inOwnedClusters(guestOffset, lengthBytes, hostOffset, links);
    } finally {
      l2.release(slice);
    }
  }

  /** After a failure before the run was linked: nothing names its new clusters. */
  giveBack({ hostOffset, allocatedBytes }: WriteRun): void {
    if (allocatedBytes > 0) giveBack(this.#parts, { offset: hostOffset, lengthBytes: allocatedBytes });
  }

  /**
   * Data reaches the file before the entry that names it, so an entry past the end of the file is corruption, and writing there would
   * hide it. A data file may be shorter than the disk that it is for.
   */
  #refuseOutside(hostOffset: number): void {
    const { file, dataFile, vars } = this.#parts;
    const holder = dataFile ?? file;
    const sizeBytes = Math.max(holder.sizeBytes(), dataFile === null ? 0 : vars.sizeBytes);
    if (hostOffset < sizeBytes) return;
    const why = `data cluster at offset ${exactText(hostOffset)} is outside the file of ${sizeBytes} bytes`;
    throw corrupt(holder.name, why, { table: 'l2', found: hostOffset });
  }

  #inNewClusters({ slice, index, guestOffset, maxBytes, wanted, kind, wantedOffset }: Asked): WriteRun | null {
    const { geometry, backing, dataFile } = this.#parts;
    const replaceable = this.#countReplaceable(slice, index, wanted, kind);
    const inCluster = geometry.offsetInCluster(guestOffset);
    const isEmpty = kind === CLUSTER_UNALLOCATED || kind === CLUSTER_ZERO_PLAIN;
    const place = this.#newPlace(replaceable, guestOffset - inCluster, wantedOffset);
    if (place === null) return null;
    const count = place.clusters ?? replaceable;
    return {
      guestOffset,
      lengthBytes: Math.min(maxBytes, count * geometry.clusterBytes - inCluster),
      hostOffset: place.offset,
      unlinkedClusters: count,
      // What a replaced cluster held moves with it as a whole; an empty one has only the subclusters that are written.
      unitBytes: isEmpty ? geometry.subclusterBytes : geometry.clusterBytes,
      copiesHead: true,
      copiesTail: true,
      exposesOldContent: dataFile !== null,
      wait: place.wait,
      allocatedBytes: dataFile === null ? count * geometry.clusterBytes : 0,
      readsAsZeros: place.readsAsZeros,
      isUnnamed: place.isUnnamed,
      mayLandFirst: place.readsAsZeros && isEmpty && backing === null,
    };
  }

  /** Newly allocated clusters, fewer than asked for where they must start at `wantedOffset`; null if they cannot. */
  #newPlace(clusters: number, clusterStart: number, wantedOffset: number | null): PartialAllocation | null {
    const { dataFile, allocator } = this.#parts;
    if (dataFile === null) {
      return wantedOffset === null
        ? allocator.allocate(clusters)
        : (allocator.allocateAt?.(wantedOffset, clusters) ?? null);
    }
    // An external data file has a place for each guest cluster: its own offset.
    if (wantedOffset !== null && wantedOffset !== clusterStart) return null;
    return { offset: clusterStart, wait: [], readsAsZeros: false, isUnnamed: false };
  }

  /** Of a run in an owned cluster with extended entries: which subclusters must be completed and linked. */
  #subclusterLinks(
    slice: CachedTable,
    index: number,
    inCluster: number,
    lengthBytes: number,
    count: number,
  ): OwnedLinks {
    const { subclusterBytes } = this.#parts.geometry;
    const end = inCluster + lengthBytes;
    const isAllocated = (offset: number) => this.#subclusterIsAllocated(slice, index, offset);
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
  #subclusterIsAllocated(slice: CachedTable, index: number, offset: number): boolean {
    const { geometry, entries } = this.#parts;
    const { clusterBytes, subclusterBytes } = geometry;
    const at = entries.at(index + Math.floor(offset / clusterBytes));
    const subcluster = Math.floor((offset % clusterBytes) / subclusterBytes);
    return subclustersAllocated(slice.view, at, subcluster, subcluster + 1);
  }

  /** Of a run in owned clusters: those that were zeros must be linked, and completed where they are the first or the last. */
  #clusterLinks(slice: CachedTable, index: number, count: number, kind: ClusterKind): OwnedLinks {
    const { entries, geometry } = this.#parts;
    const firstIsZero = kind === CLUSTER_ZERO_ALLOCATED;
    let lastIsZero = firstIsZero;
    let links = firstIsZero;
    for (let at = index + 1; at < index + count; at++) {
      lastIsZero = entries.kind(slice, at) === CLUSTER_ZERO_ALLOCATED;
      links ||= lastIsZero;
    }
    if (!links) return this.#nothingToLink;
    return {
      unlinkedClusters: count,
      unitBytes: geometry.clusterBytes,
      copiesHead: firstIsZero,
      copiesTail: lastIsZero,
      exposesOldContent: true,
    };
  }

  /** How many clusters from `index` on are this disk's alone and contiguous in the file, data or preallocated zeros. */
  #countOwned(slice: CachedTable, index: number, wanted: number): number {
    const { entries, geometry } = this.#parts;
    if (wanted === 1) return 1;
    const first = entries.dataOffset(slice, index);
    let count = 1;
    while (count < wanted && entries.isOwned(slice, index + count)) {
      const kind = entries.kind(slice, index + count);
      if (kind !== CLUSTER_NORMAL && kind !== CLUSTER_ZERO_ALLOCATED) break;
      if (entries.dataOffset(slice, index + count) !== first + count * geometry.clusterBytes) break;
      count++;
    }
    return count;
  }

  /**
   * How many clusters from `index` on can be replaced by newly allocated ones in one run: stretches that continue, contiguous in
   * the file, the first entry's cluster, and empty stretches between them. A compressed cluster is a run of its own.
   */
  #countReplaceable(slice: CachedTable, index: number, wanted: number, kind: ClusterKind): number {
    const { entries } = this.#parts;
    if (kind === CLUSTER_COMPRESSED || kind === CLUSTER_ZERO_ALLOCATED) return 1;
    const first = kind === CLUSTER_NORMAL ? entries.dataOffset(slice, index) : 0;
    let count = 1;
    while (count < wanted) {
      const next = entries.kind(slice, index + count);
      const isEmpty = next === CLUSTER_UNALLOCATED || next === CLUSTER_ZERO_PLAIN;
      const isShared = first !== 0 && next === CLUSTER_NORMAL && !entries.isOwned(slice, index + count);
      if (!isEmpty && !(isShared && entries.continues(slice, index, count, next, first))) break;
      count++;
    }
    return count;
  }
}

/** Field by field: this is made for every write in place, and spreading costs as much as the rest of it. */
function inOwnedClusters(
  guestOffset: GuestOffset,
  lengthBytes: number,
  hostOffset: number,
  links: OwnedLinks,
): WriteRun {
  return {
    guestOffset,
    lengthBytes,
    hostOffset,
    unlinkedClusters: links.unlinkedClusters,
    unitBytes: links.unitBytes,
    copiesHead: links.copiesHead,
    copiesTail: links.copiesTail,
    exposesOldContent: links.exposesOldContent,
    wait: NOTHING,
    allocatedBytes: 0,
    readsAsZeros: false,
    isUnnamed: false,
    mayLandFirst: false,
  };
}
