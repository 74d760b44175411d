/**
 * Changing what L2 entries name, in the order that keeps references and refcounts in step: data and refcounts before the entry that
 * names a cluster, the entry before the refcount of what it named (qcow2.rst, "L2 table entry").
 */

import type { HostRange } from '../base/units.ts';
import { type GuestOffset, roundDown } from '../base/units.ts';
import type { Allocator } from '../cache/allocator.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import type { Prerequisite } from '../cache/ordering.ts';
import type { CachePolicy, Order } from '../cache/policy.ts';
import type { TableCache } from '../cache/table-cache.ts';
import {
  allocateSubclusters,
  entryOffset,
  L2_COPIED,
  L2_ZERO,
  SUBCLUSTERS_PER_CLUSTER,
  writeBitmaps,
  writeCompressedEntry,
  writeEntry,
  zeroSubclusters,
} from '../format/l2-entry.ts';
import type { DurableFile } from '../io/durability.ts';
import type { L2Entries } from './entries.ts';
import type { FeatureBits } from './feature-bits.ts';
import type { Geometry } from './geometry.ts';
import type { HolePuncher } from './hole-puncher.ts';
import type { L2Tables } from './l2-tables.ts';
import type { Refcounts } from './refcounts.ts';
import type { WriteRun } from './write-runs.ts';

/**
 * How an entry loses its content. `unallocate`: it names nothing, and what lies under the image shows through. `zero`: it names
 * nothing and reads as zeros. `zero-in-place`: it keeps its cluster and reads as zeros.
 */
export type EntryChange = 'unallocate' | 'zero' | 'zero-in-place' | SubclusterZeroing;

/**
 * What the guest reads of a cluster that has a place and was not written: what the file holds there, zeros (version 3), or what lies
 * under the image (extended entries).
 */
export type Unwritten = 'file' | 'zeros' | 'backing';

/** Of an extended entry that is not compressed: the subclusters in [from, to) read as zeros, whether it has a cluster or not. */
export interface SubclusterZeroing {
  readonly from: number;
  readonly to: number;
}

/** The orders that say what was written. */
type DataOrder = Extract<Order, `${string}data-before-mapping`>;

/** Host ranges that the entries of a slice have just ceased to name. */
interface Replaced {
  readonly ranges: readonly HostRange[];
  readonly slice: CachedTable;
}

export interface MappingUpdatesParts {
  readonly file: Pick<DurableFile, 'written'>;
  readonly geometry: Geometry;
  readonly policy: CachePolicy;
  readonly l2: TableCache;
  readonly tables: L2Tables;
  readonly entries: L2Entries;
  readonly counts: Pick<Refcounts, 'blocksOf'>;
  readonly allocator: Allocator;
  readonly puncher: HolePuncher;
  readonly features: FeatureBits;
  /** Refcounts are not ordered before references; the dirty bit says so, and a repair at the next open makes up for it. */
  readonly lazyRefcounts: boolean;
}

export class MappingUpdates {
  readonly #parts: MappingUpdatesParts;

  constructor(parts: MappingUpdatesParts) {
    this.#parts = parts;
  }

  /**
   * Points the entries of a run at its clusters, whose data is in the file; `copied`: some of it came from elsewhere. `onUnnamed` is
   * called when that fails before any of them names a cluster.
   */
  link(run: WriteRun, copied: boolean, onUnnamed: () => void): void {
    const data = copied || run.exposesOldContent ? 'copied-data-before-mapping' : 'data-before-mapping';
    this.release(this.#setEntries(run, data, copied || !run.mayLandFirst, 'file', onUnnamed));
  }

  /** The same for clusters without content. */
  linkWithoutData(run: WriteRun, shown: Unwritten, onUnnamed: () => void): void {
    this.release(this.#setEntries(run, null, false, shown, onUnnamed));
  }

  /** Points the entry at `guestOffset` at the compressed stream in `stream`, whose data is in the file. */
  linkCompressed(
    guestOffset: GuestOffset,
    stream: HostRange,
    wait: readonly Prerequisite[],
    onUnnamed: () => void,
  ): void {
    const before = [this.#parts.file.written, ...wait];
    this.release(this.#setCompressedEntry(guestOffset, stream, wait, before, onUnnamed));
  }

  /**
   * Changes the entries of the clusters that start in [from, end), as `decide` says for each (null: not at all), and frees what they
   * named. An L2 table is neither made nor copied where nothing changes; `missingTables`: a table that is missing is made.
   */
  change(
    from: number,
    end: number,
    missingTables: boolean,
    decide: (slice: CachedTable, index: number) => EntryChange | null,
  ): void {
    const { bytesPerSlice } = this.#parts.geometry;
    for (let at = from; at < end; at = roundDown(at, bytesPerSlice) + bytesPerSlice) {
      const sliceEnd = Math.min(end, roundDown(at, bytesPerSlice) + bytesPerSlice);
      if (!this.#changesAny(at, sliceEnd, missingTables, decide)) continue;
      this.#releaseDiscarded(this.#changeSlice(at, sliceEnd, decide));
    }
  }

  /**
   * Declares that everything written so far (`data` says what it was; null: nothing to wait for), and the refcounts that `wait` names,
   * precede what is about to change in `slice`, which is pinned; null when it is not yet. Without `waits` what was written may be last.
   */
  orderBefore(data: DataOrder | null, wait: readonly Prerequisite[], slice: CachedTable | null, waits = true): void {
    const { file, policy, features, lazyRefcounts } = this.#parts;
    const after = slice === null ? [] : [slice];
    if (data !== null) policy.order({ order: data, before: waits ? [file.written] : [], after });
    // With lazy refcounts the dirty bit takes the place of the order: it says that references may be ahead of refcounts.
    if (lazyRefcounts) features.setDirty();
    else policy.order({ order: 'refcounts-before-mapping', before: wait, after });
  }

  /** Frees what entries have just ceased to name. */
  release({ ranges, slice }: Replaced): void {
    const { policy, allocator, counts } = this.#parts;
    if (ranges.length === 0) return;
    const after = ranges.flatMap(({ offset, lengthBytes }) => counts.blocksOf(offset, lengthBytes));
    policy.order({ order: 'mapping-before-free', before: [slice], after });
    allocator.release(ranges, [slice]);
  }

  /** `waits`: the data must be durable first. */
  #setEntries(
    run: WriteRun,
    data: DataOrder | null,
    waits: boolean,
    shown: Unwritten,
    onUnnamed: () => void,
  ): Replaced {
    const { geometry, l2, entries } = this.#parts;
    const ranges: HostRange[] = [];
    const slice = this.#writable(run.guestOffset, onUnnamed, (slice) => this.orderBefore(data, run.wait, slice, waits));
    try {
      const first = geometry.indexInSlice(run.guestOffset);
      l2.markDirty(slice, entries.at(first), entries.at(first + run.unlinkedClusters));
      for (let count = 0; count < run.unlinkedClusters; count++) {
        const at = entries.at(first + count);
        const hostOffset = run.hostOffset + count * geometry.clusterBytes;
        const old = entries.reference(slice, first + count);
        if (old !== null && old.offset !== hostOffset) ranges.push(old);
        writeEntry(
          slice.view,
          at,
          hostOffset,
          shown === 'zeros' && !geometry.extendedL2 ? L2_COPIED + L2_ZERO : L2_COPIED,
        );
        if (!geometry.extendedL2) continue;
        if (shown === 'file') this.#linkSubclusters(run, slice.view, at, count);
        else writeBitmaps(slice.view, at, 0, shown === 'zeros' ? 0xffffffff : 0);
      }
    } finally {
      l2.release(slice);
    }
    return { ranges, slice };
  }

  /** The slice that maps `guestOffset`, pinned, after `order` has declared what precedes its change; `first` comes before all of it. */
  #writable(
    guestOffset: GuestOffset,
    onUnnamed: () => void,
    order: (slice: CachedTable) => void,
    first?: () => void,
  ): CachedTable {
    const { l2, tables } = this.#parts;
    let slice: CachedTable | null = null;
    try {
      first?.();
      slice = tables.forWrite(guestOffset);
      order(slice);
      return slice;
    } catch (error) {
      if (slice !== null) l2.unpin(slice);
      onUnnamed();
      throw error;
    }
  }

  /** Marks the subclusters of the run's cluster number `count` that the run has filled. */
  #linkSubclusters(run: WriteRun, view: DataView, at: number, count: number): void {
    const { clusterBytes, subclusterBytes } = this.#parts.geometry;
    const clusterStart = roundDown(run.guestOffset, clusterBytes) + count * clusterBytes;
    const from = Math.max(0, roundDown(run.guestOffset, run.unitBytes) - clusterStart);
    const end = Math.ceil((run.guestOffset + run.lengthBytes) / run.unitBytes) * run.unitBytes;
    const to = Math.min(clusterBytes, end - clusterStart);
    allocateSubclusters(view, at, from / subclusterBytes, to / subclusterBytes);
  }

  #setCompressedEntry(
    guestOffset: GuestOffset,
    { offset, lengthBytes }: HostRange,
    wait: readonly Prerequisite[],
    before: readonly Prerequisite[],
    onUnnamed: () => void,
  ): Replaced {
    const { geometry, l2, entries, policy } = this.#parts;
    // History declared the first before it got at the table, which may have to be made.
    const declare = () => this.orderBefore('compressed-data-before-mapping', wait, null);
    const slice = this.#writable(
      guestOffset,
      onUnnamed,
      (slice) => policy.order({ order: null, before, after: [slice] }),
      declare,
    );
    try {
      const index = geometry.indexInSlice(guestOffset);
      const at = entries.at(index);
      const old = entries.reference(slice, index);
      l2.markDirty(slice, at, at + geometry.l2EntryBytes);
      if (geometry.extendedL2) slice.bytes.fill(0, at, at + geometry.l2EntryBytes);
      writeCompressedEntry(slice.view, at, offset, lengthBytes, geometry.clusterBits);
      return { ranges: old === null ? [] : [old], slice };
    } finally {
      l2.release(slice);
    }
  }

  #changesAny(
    from: number,
    end: number,
    missingTables: boolean,
    decide: (slice: CachedTable, index: number) => EntryChange | null,
  ): boolean {
    const { geometry, l2, tables } = this.#parts;
    const slice = tables.forRead(from as GuestOffset);
    if (slice === null) return missingTables;
    try {
      const first = geometry.indexInSlice(from as GuestOffset);
      const count = geometry.clustersFor(end - from);
      for (let index = first; index < first + count; index++) if (decide(slice, index) !== null) return true;
      return false;
    } finally {
      l2.release(slice);
    }
  }

  #changeSlice(from: number, end: number, decide: (slice: CachedTable, index: number) => EntryChange | null): Replaced {
    const { geometry, l2, tables, entries } = this.#parts;
    const ranges: HostRange[] = [];
    const slice = tables.forWrite(from as GuestOffset);
    try {
      const first = geometry.indexInSlice(from as GuestOffset);
      const count = geometry.clustersFor(end - from);
      l2.markDirty(slice, entries.at(first), entries.at(first + count));
      for (let index = first; index < first + count; index++) {
        const change = decide(slice, index);
        const old = change === null ? null : this.#changeEntry(slice, index, change);
        if (old !== null) ranges.push(old);
      }
    } finally {
      l2.release(slice);
    }
    return { ranges, slice };
  }

  /** Returns what the entry no longer names. */
  #changeEntry(slice: CachedTable, index: number, change: EntryChange): HostRange | null {
    const { geometry, entries } = this.#parts;
    const { extendedL2 } = geometry;
    const at = entries.at(index);
    if (typeof change === 'object') {
      zeroSubclusters(slice.view, at, change.from, change.to);
      return null;
    }
    if (change === 'zero-in-place') {
      if (extendedL2) zeroSubclusters(slice.view, at, 0, SUBCLUSTERS_PER_CLUSTER);
      else writeEntry(slice.view, at, entryOffset(slice.view, at), L2_COPIED + L2_ZERO);
      return null;
    }
    const old = entries.reference(slice, index);
    const zero = change === 'zero';
    writeEntry(slice.view, at, 0, zero && !extendedL2 ? L2_ZERO : 0);
    if (extendedL2) writeBitmaps(slice.view, at, 0, zero ? 0xffffffff : 0);
    return old;
  }

  /** Neighbours are freed together; whole clusters may be punched later. */
  #releaseDiscarded({ ranges, slice }: Replaced): void {
    const { geometry, puncher } = this.#parts;
    const joined: { offset: number; lengthBytes: number }[] = [];
    for (const range of ranges) {
      const last = joined.at(-1);
      const continues =
        last !== undefined &&
        last.offset + last.lengthBytes === range.offset &&
        geometry.isClusterAligned(range.offset);
      if (continues) last.lengthBytes += range.lengthBytes;
      else joined.push({ ...range });
    }
    this.release({ ranges: joined, slice });
    puncher.discarded(ranges, [slice]);
  }
}
