/**
 * Refcounts of host clusters (qcow2.rst, "Host cluster management"): what they are, raising and lowering them, and the search for
 * those that are 0. Who gets a cluster is the allocator's business.
 *
 * Order: a raised refcount precedes the reference it stands for, a dropped reference precedes the lowered refcount. The first
 * is declared by whoever makes the reference, the second here, before the block is even loaded.
 */
import { corrupt, Qcow2Error } from '../base/errors.ts';
import { exactText, type HostOffset } from '../base/units.ts';
import type { Allocator, ClusterCounts } from '../cache/allocator.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import type { Place, Prerequisite } from '../cache/ordering.ts';
import type { TableCache } from '../cache/table-cache.ts';
import { getRefcount, maxRefcount, setRefcount } from '../format/refcount-block.ts';
import type { DurableFile } from '../io/durability.ts';
import type { Geometry } from './geometry.ts';
import { RefcountGrowth, type RefcountParts } from './refcount-growth.ts';
import type { ImageVars } from './vars.ts';

/** Host offsets are 56 bits in the format, and exact here below 2^53. */
const HOST_OFFSET_MAX = Number.MAX_SAFE_INTEGER;
/** Clusters in use past the end of the file that one search passes: an interrupted writer leaves some, never this many. */
const USED_PAST_END_MAX = 2 ** 20;

/** How far a change came. */
interface Counted {
  /** The cluster after the last one that was changed. */
  end: number;
}

export class Refcounts implements ClusterCounts {
  readonly #parts: RefcountParts;
  readonly #file: DurableFile;
  readonly #geometry: Geometry;
  readonly #vars: ImageVars;
  readonly #blocks: TableCache;
  readonly #growth: RefcountGrowth;

  /** `release` takes the clusters of a refcount table that a larger one has replaced. */
  constructor(parts: RefcountParts, release: Allocator['release']) {
    this.#parts = parts;
    this.#file = parts.file;
    this.#geometry = parts.geometry;
    this.#vars = parts.vars;
    this.#blocks = parts.refcounts;
    this.#growth = new RefcountGrowth(parts, this, release);
  }

  of(cluster: number): number {
    const { clustersPerRefcountBlock, refcountOrder } = this.#geometry;
    const blockOffset = this.#blockOffset(cluster);
    if (blockOffset === 0) return 0;
    const block = this.#block(blockOffset);
    try {
      return getRefcount(block.view, cluster % clustersPerRefcountBlock, refcountOrder);
    } finally {
      this.#blocks.release(block);
    }
  }

  raise(offset: number, lengthBytes: number): readonly CachedTable[] {
    const counted: Counted = { end: this.#geometry.hostCluster(offset) };
    try {
      return this.#change(offset, lengthBytes, 1, counted);
    } catch (error) {
      this.#takeBack(this.#geometry.hostCluster(offset), counted.end, -1);
      throw error;
    }
  }

  lower(offset: number, lengthBytes: number, dropped: readonly Prerequisite[]): readonly CachedTable[] {
    if (lengthBytes === 0) return [];
    const after = this.blocksOf(offset, lengthBytes);
    this.#parts.policy.order({ order: 'dereference-before-refcount', before: dropped, after });
    return this.#change(offset, lengthBytes, -1, { end: 0 });
  }

  lowerUnnamed(offset: number, lengthBytes: number): void {
    const first = this.#geometry.hostCluster(offset);
    const counted: Counted = { end: first };
    try {
      this.#change(offset, lengthBytes, -1, counted);
    } catch (error) {
      if (!(error instanceof Qcow2Error)) throw error;
      if (counted.end > this.#geometry.hostCluster(offset + lengthBytes - 1)) return;
      this.#takeBack(first, counted.end, 1);
      throw error;
    }
  }

  findFree(count: number): HostOffset {
    const endOfFile = this.#geometry.clustersFor(this.#file.sizeBytes());
    let found = 0;
    let usedBehindEnd = 0;
    while (found < count) {
      if (this.of(this.#vars.freeClusterIndex) === 0) found++;
      else {
        found = 0;
        if (this.#vars.freeClusterIndex >= endOfFile && ++usedBehindEnd > USED_PAST_END_MAX)
          throw this.#usedFarBehindEnd();
      }
      this.#vars.freeClusterIndex++;
    }
    const end = this.#vars.freeClusterIndex * this.#geometry.clusterBytes;
    if (end > HOST_OFFSET_MAX) throw new Qcow2Error('NO_SPACE', `the image file would pass ${HOST_OFFSET_MAX} bytes`);
    const offset = this.#geometry.hostOffset(this.#vars.freeClusterIndex - count);
    this.#parts.guard.refuseAllocation(offset, count * this.#geometry.clusterBytes);
    return offset;
  }

  searchFromStart(): void {
    this.#vars.freeClusterIndex = 0;
  }

  freeAt(offset: number, most: number): number {
    const first = this.#geometry.hostCluster(offset);
    let count = 0;
    while (count < most && this.#blockOffset(first + count) !== 0 && this.of(first + count) === 0) count++;
    this.#parts.guard.refuseAllocation(offset, count * this.#geometry.clusterBytes);
    return count;
  }

  /** Where the refcount blocks lie that count the clusters which the bytes touch. */
  blocksOf(offset: number, lengthBytes: number): Place[] {
    const { clustersPerRefcountBlock } = this.#geometry;
    const last = this.#geometry.hostCluster(offset + lengthBytes - 1);
    const blocks: Place[] = [];
    for (
      let cluster: number = this.#geometry.hostCluster(offset);
      cluster <= last;
      cluster += clustersPerRefcountBlock
    ) {
      const at = this.#blockOffset(cluster);
      if (at !== 0) blocks.push({ kind: 'refcount-block', offset: at });
    }
    return blocks;
  }

  /** In memory: what was raised, or lowered, before a failure. What cannot be written out now is written out later. */
  #takeBack(from: number, end: number, change: 1 | -1): void {
    const { clustersPerRefcountBlock, clusterBytes } = this.#geometry;
    for (let cluster = from; cluster < end; ) {
      const next = Math.min(end, (Math.floor(cluster / clustersPerRefcountBlock) + 1) * clustersPerRefcountBlock);
      try {
        this.#change(cluster * clusterBytes, (next - cluster) * clusterBytes, change, { end: cluster });
      } catch (error) {
        if (!(error instanceof Qcow2Error)) throw error;
      }
      cluster = next;
    }
  }

  #change(offset: number, lengthBytes: number, change: 1 | -1, counted: Counted): CachedTable[] {
    const changed: CachedTable[] = [];
    if (lengthBytes === 0) return changed;
    const { clustersPerRefcountBlock } = this.#geometry;
    const last = this.#geometry.hostCluster(offset + lengthBytes - 1);
    let cluster: number = this.#geometry.hostCluster(offset);
    while (cluster <= last) {
      const blockIndex = Math.floor(cluster / clustersPerRefcountBlock);
      const end = Math.min(last + 1, (blockIndex + 1) * clustersPerRefcountBlock);
      if (this.#blockOffset(cluster) === 0 && this.#parts.behaviour.countsAgainAfterNewBlock) {
        // Not pinned meanwhile: counting again needs the cache.
        this.#blocks.release(this.#blockToChange(cluster, change));
        this.#countAgain(offset, cluster, counted);
      }
      const block = this.#blockToChange(cluster, change);
      try {
        this.#changeInBlock(block, cluster, end, change, counted);
      } finally {
        this.#blocks.release(block);
      }
      changed.push(block);
      cluster = end;
    }
    return changed;
  }

  /** Takes back what the bytes from `offset` up to host cluster `end` were counted, and counts it again. */
  #countAgain(offset: number, end: number, counted: Counted): void {
    const lengthBytes = this.#geometry.hostOffset(end) - offset;
    if (lengthBytes <= 0) return;
    const { freeClusterIndex } = this.#vars;
    this.lower(offset, lengthBytes, []);
    counted.end = this.#geometry.hostCluster(offset);
    this.#change(offset, lengthBytes, 1, counted);
    this.#vars.freeClusterIndex = freeClusterIndex;
  }

  /**
   * The block that counts `cluster`, pinned. It is made where there is none, but only for a cluster that was just found free: any
   * other is in use, and a pointer to it that no block counts is a wrong one.
   */
  #blockToChange(cluster: number, change: 1 | -1): CachedTable {
    const blockOffset = this.#blockOffset(cluster);
    if (blockOffset !== 0) return this.#block(blockOffset);
    if (change > 0 && cluster < this.#vars.freeClusterIndex) return this.#growth.addBlock(cluster);
    const offset = this.#geometry.hostOffset(cluster);
    const why = `the cluster at offset ${exactText(offset)} is in use, but no refcount block counts it`;
    throw corrupt(this.#file.name, why, { table: 'refcount-table', offset });
  }

  /** Host offset of the block that counts `cluster`; 0 for none. */
  #blockOffset(cluster: number): number {
    const index = Math.floor(cluster / this.#geometry.clustersPerRefcountBlock);
    return this.#vars.refcountTable.blockOffsets[index] ?? 0;
  }

  /** The refcount block at `blockOffset`, pinned. */
  #block(blockOffset: number): CachedTable {
    // Bits 56 to 63 of an entry are part of what is read, so an offset can be too large to be exact.
    if (!this.#geometry.isClusterAligned(blockOffset) || !Number.isSafeInteger(blockOffset)) {
      const why = `refcount block offset ${exactText(blockOffset)} is not on a cluster boundary below 2^53`;
      throw corrupt(this.#file.name, why, { table: 'refcount-table', offset: blockOffset });
    }
    return this.#blocks.get(blockOffset);
  }

  /** Changes clusters [from, to), all counted by `block`. */
  #changeInBlock(block: CachedTable, from: number, to: number, change: 1 | -1, counted: Counted): void {
    const { clustersPerRefcountBlock, refcountOrder } = this.#geometry;
    const bits = 2 ** refcountOrder;
    const most = maxRefcount(refcountOrder);
    for (let cluster = from; cluster < to; cluster++) {
      const index = cluster % clustersPerRefcountBlock;
      const count = getRefcount(block.view, index, refcountOrder) + change;
      if (count < 0 || count > most) throw this.#impossible(cluster, count);
      const firstByte = Math.floor((index * bits) / 8);
      this.#blocks.markDirty(block, firstByte, firstByte + Math.max(1, bits / 8));
      setRefcount(block.view, index, refcountOrder, count);
      counted.end = cluster + 1;
      if (count === 0) this.#forgetFreed(cluster);
    }
  }

  /** A cluster that nothing references any more can be found by the next search, and takes no more compressed streams. */
  #forgetFreed(cluster: number): void {
    const vars = this.#vars;
    if (cluster < vars.freeClusterIndex) vars.freeClusterIndex = cluster;
    if (this.#geometry.hostCluster(vars.freeByteOffset) === cluster) vars.freeByteOffset = 0;
  }

  #impossible(cluster: number, count: number): Qcow2Error {
    const { refcountOrder } = this.#geometry;
    const facts = { table: 'refcount-block' as const, offset: this.#geometry.hostOffset(cluster), found: count };
    if (count < 0) {
      const why = `the cluster at offset ${facts.offset} is freed but its refcount is 0 already`;
      return corrupt(this.#file.name, why, facts);
    }
    const why = `refcount ${count} of the cluster at offset ${facts.offset} does not fit ${2 ** refcountOrder} bits`;
    return new Qcow2Error('UNSUPPORTED', `${this.#file.name}: ${why}`, { file: this.#file.name, ...facts });
  }

  #usedFarBehindEnd(): Qcow2Error {
    const offset = this.#geometry.hostOffset(this.#vars.freeClusterIndex);
    const why = `refcounts say that clusters up to offset ${offset} are in use, far past the end of the file`;
    return corrupt(this.#file.name, why, { table: 'refcount-block', offset });
  }
}
