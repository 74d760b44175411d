/**
 * Refcounts of host clusters (qcow2.rst, "Host cluster management"): what they are, raising and lowering them, the search for those
 * that are 0, and the growth of the blocks and of the table that they lie in. Who gets a cluster is the allocator's business.
 *
 * Order: a raised refcount precedes the reference it stands for, a dropped reference precedes the lowered refcount. The first
 * is stated by whoever makes the reference, the second here, before the block is even loaded.
 *
 * Raising a refcount can need a new refcount block, which needs a cluster, whose refcount must be raised: the methods below
 * call each other in a ring. It ends because a new block counts itself, or lies in clusters that an existing block counts.
 */
import { corrupt, Qcow2Error } from '../base/errors.ts';
import { exactText, type HostOffset } from '../base/units.ts';
import type { Allocator, ClusterCounts } from '../cache/allocator.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import { type Place, Pointer, type Prerequisite } from '../cache/ordering.ts';
import type { CachePolicy } from '../cache/policy.ts';
import type { TableCache } from '../cache/table-cache.ts';
import { HEADER_FIELDS } from '../format/header-fields.ts';
import { getRefcount, maxRefcount, setRefcount } from '../format/refcount-block.ts';
import { writeUint64 } from '../format/uint64.ts';
import type { DurableFile } from '../io/durability.ts';
import type { Geometry } from './geometry.ts';
import type { OverlapGuard } from './overlap.ts';
import {
  encodeRefcountTable,
  growthBlocks,
  planGrowth,
  REFCOUNT_TABLE_ENTRY_BYTES,
  refcountTableFields,
} from './refcount-table.ts';
import type { ImageVars } from './vars.ts';

/** Host offsets are 56 bits in the format, and exact here below 2^53. */
const HOST_OFFSET_MAX = Number.MAX_SAFE_INTEGER;
/** Clusters in use behind the end of the file that one search passes: an interrupted writer leaves some, never so many. */
const USED_BEHIND_END_MAX = 2 ** 20;

export interface RefcountParts {
  readonly file: DurableFile;
  readonly geometry: Geometry;
  readonly vars: ImageVars;
  readonly policy: CachePolicy;
  readonly guard: Pick<OverlapGuard, 'refuseAllocation'>;
  readonly l2: TableCache;
  /** The refcount blocks. */
  readonly refcounts: TableCache;
}

export class Refcounts implements ClusterCounts {
  readonly #parts: RefcountParts;
  readonly #file: DurableFile;
  readonly #geometry: Geometry;
  readonly #vars: ImageVars;
  readonly #blocks: TableCache;
  readonly #release: Allocator['release'];

  /** `release` takes the clusters of a refcount table that a larger one has replaced. */
  constructor(parts: RefcountParts, release: Allocator['release']) {
    this.#parts = parts;
    this.#file = parts.file;
    this.#geometry = parts.geometry;
    this.#vars = parts.vars;
    this.#blocks = parts.refcounts;
    this.#release = release;
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
    return this.#change(offset, lengthBytes, 1);
  }

  lower(offset: number, lengthBytes: number, dropped: readonly Prerequisite[]): readonly CachedTable[] {
    if (lengthBytes === 0) return [];
    const after = this.blocksOf(offset, lengthBytes);
    this.#parts.policy.order({ order: 'dereference-before-refcount', before: dropped, after });
    return this.#change(offset, lengthBytes, -1);
  }

  findFree(count: number): HostOffset {
    const endOfFile = this.#geometry.clustersFor(this.#file.sizeBytes());
    let found = 0;
    let usedBehindEnd = 0;
    while (found < count) {
      if (this.of(this.#vars.freeClusterIndex) === 0) found++;
      else {
        found = 0;
        if (this.#vars.freeClusterIndex >= endOfFile && ++usedBehindEnd > USED_BEHIND_END_MAX)
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

  #change(offset: number, lengthBytes: number, change: 1 | -1): CachedTable[] {
    const changed: CachedTable[] = [];
    if (lengthBytes === 0) return changed;
    const { clustersPerRefcountBlock } = this.#geometry;
    const last = this.#geometry.hostCluster(offset + lengthBytes - 1);
    let cluster: number = this.#geometry.hostCluster(offset);
    while (cluster <= last) {
      const blockIndex = Math.floor(cluster / clustersPerRefcountBlock);
      const end = Math.min(last + 1, (blockIndex + 1) * clustersPerRefcountBlock);
      const block = this.#blockToChange(cluster, change);
      try {
        this.#changeInBlock(block, cluster, end, change);
      } finally {
        this.#blocks.release(block);
      }
      changed.push(block);
      cluster = end;
    }
    return changed;
  }

  /**
   * The block that counts `cluster`, pinned. It is made where there is none, but only for a cluster that was just found free: any
   * other is in use, and a pointer to it that no block counts is a wrong one.
   */
  #blockToChange(cluster: number, change: 1 | -1): CachedTable {
    const blockOffset = this.#blockOffset(cluster);
    if (blockOffset !== 0) return this.#block(blockOffset);
    if (change > 0 && cluster < this.#vars.freeClusterIndex) return this.#addBlock(cluster);
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
  #changeInBlock(block: CachedTable, from: number, to: number, change: 1 | -1): void {
    const { clustersPerRefcountBlock, refcountOrder } = this.#geometry;
    const bits = 2 ** refcountOrder;
    for (let cluster = from; cluster < to; cluster++) {
      const index = cluster % clustersPerRefcountBlock;
      const count = getRefcount(block.view, index, refcountOrder) + change;
      this.#refuseImpossible(cluster, count);
      const firstByte = Math.floor((index * bits) / 8);
      this.#blocks.markDirty(block, firstByte, firstByte + Math.max(1, bits / 8));
      setRefcount(block.view, index, refcountOrder, count);
      if (count === 0) this.#forgetFreed(cluster);
    }
  }

  /** A cluster that nothing references any more can be found by the next search, and takes no more compressed streams. */
  #forgetFreed(cluster: number): void {
    const vars = this.#vars;
    if (cluster < vars.freeClusterIndex) vars.freeClusterIndex = cluster;
    if (this.#geometry.hostCluster(vars.freeByteOffset) === cluster) vars.freeByteOffset = 0;
  }

  #refuseImpossible(cluster: number, count: number): void {
    const { refcountOrder } = this.#geometry;
    if (count >= 0 && count <= maxRefcount(refcountOrder)) return;
    const facts = { table: 'refcount-block' as const, offset: this.#geometry.hostOffset(cluster), found: count };
    if (count < 0) {
      const why = `the cluster at offset ${facts.offset} is freed but its refcount is 0 already`;
      throw corrupt(this.#file.name, why, facts);
    }
    const why = `refcount ${count} of the cluster at offset ${facts.offset} does not fit ${2 ** refcountOrder} bits`;
    throw new Qcow2Error('UNSUPPORTED', `${this.#file.name}: ${why}`, { file: this.#file.name, ...facts });
  }

  #usedFarBehindEnd(): Qcow2Error {
    const offset = this.#geometry.hostOffset(this.#vars.freeClusterIndex);
    const why = `refcounts say that clusters up to offset ${offset} are in use, far past the end of the file`;
    return corrupt(this.#file.name, why, { table: 'refcount-block', offset });
  }

  /** Makes the refcount block that counts host cluster `cluster`, which has none yet. Returned pinned. */
  #addBlock(cluster: number): CachedTable {
    const { policy, l2 } = this.#parts;
    const table: Place = { kind: 'refcount-table', offset: this.#vars.refcountTable.offset };
    policy.order({ order: 'l2-tables-before-refcount-table', before: [...l2.dirtyTables()], after: [table] });
    const tableIndex = Math.floor(cluster / this.#geometry.clustersPerRefcountBlock);
    const newOffset = this.findFree(1);
    const block = this.#newBlock(newOffset, tableIndex);
    const hasEntry = tableIndex < this.#vars.refcountTable.blockOffsets.length;
    const entry = this.#blockPointer(newOffset, tableIndex);
    try {
      this.#blocks.markDirty(block, 0, block.bytes.length);
      policy.order({
        order: 'refcount-block-before-refcount-table',
        before: [block],
        after: [hasEntry ? entry : table],
      });
      if (hasEntry) policy.publish(entry, [block]);
      if (hasEntry) this.#vars.refcountTable.blockOffsets[tableIndex] = newOffset;
    } catch (error) {
      this.#blocks.unpin(block);
      throw error;
    }
    if (hasEntry) return block;
    this.#blocks.release(block);
    this.#growTable(tableIndex, block);
    return this.#block(newOffset);
  }

  /** The refcount table entry that publishes the block at `newOffset`. */
  #blockPointer(newOffset: number, tableIndex: number): Pointer {
    const entry = new Uint8Array(REFCOUNT_TABLE_ENTRY_BYTES);
    writeUint64(new DataView(entry.buffer), 0, newOffset);
    const at = this.#vars.refcountTable.offset + tableIndex * REFCOUNT_TABLE_ENTRY_BYTES;
    return new Pointer('refcount-table', at, entry);
  }

  /** The new block, all zero but for its own count where it counts itself. Pinned. */
  #newBlock(newOffset: number, tableIndex: number): CachedTable {
    const { clusterBytes, clustersPerRefcountBlock, refcountOrder } = this.#geometry;
    const ownCluster = this.#geometry.hostCluster(newOffset);
    const countsItself = Math.floor(ownCluster / clustersPerRefcountBlock) === tableIndex;
    if (!countsItself) {
      // Raised first: changing refcounts uses the same cache, so the new block must not be pinned in it yet.
      const before = this.raise(newOffset, clusterBytes);
      const after: Place[] = [{ kind: 'refcount-block', offset: newOffset }];
      this.#parts.policy.order({ order: 'refcount-before-refcount-block', before, after });
    }
    const block = this.#blocks.getEmpty(newOffset);
    block.bytes.fill(0);
    if (countsItself) setRefcount(block.view, ownCluster % clustersPerRefcountBlock, refcountOrder, 1);
    return block;
  }

  /**
   * Replaces the refcount table by a larger one that also names `newBlock` (table index `newBlockIndex`).
   * The new table and its blocks lie behind everything in use, on the first cluster that a whole refcount block counts, so that
   * nothing that is referenced now has to change before the header does.
   */
  #growTable(newBlockIndex: number, newBlock: CachedTable): void {
    const { policy, guard } = this.#parts;
    const geometry = this.#geometry;
    const old = this.#vars.refcountTable;
    const plan = planGrowth(geometry, old.blockOffsets.length, this.#vars.freeClusterIndex);
    const growthEnd = plan.tableOffset + plan.tableEntries * REFCOUNT_TABLE_ENTRY_BYTES;
    guard.refuseAllocation(plan.blocksOffset, growthEnd - plan.blocksOffset);
    const blockOffsets = new Float64Array(plan.tableEntries);
    blockOffsets.set(old.blockOffsets);
    blockOffsets[newBlockIndex] = newBlock.offset;
    for (let index = 0; index < plan.blockCount; index++) {
      blockOffsets[plan.firstBlockIndex + index] = plan.blocksOffset + index * geometry.clusterBytes;
    }
    const blocks = new Pointer('refcount-block', plan.blocksOffset, growthBlocks(geometry, plan));
    policy.publish(blocks, []);
    const table = new Pointer('refcount-table', plan.tableOffset, encodeRefcountTable(blockOffsets));
    policy.publish(table, []);
    const clusterCount = geometry.clustersFor(plan.tableEntries * REFCOUNT_TABLE_ENTRY_BYTES);
    const fields = refcountTableFields(plan.tableOffset, clusterCount);
    const header = new Pointer('header', HEADER_FIELDS.refcountTableOffset, fields);
    policy.publish(header, [newBlock, blocks, table]);
    this.#vars.refcountTable = { offset: plan.tableOffset, clusterCount, blockOffsets };
    // The caller is in the middle of an allocation that was found from here: the index must not move back under it.
    const { freeClusterIndex } = this.#vars;
    const lengthBytes = old.blockOffsets.length * REFCOUNT_TABLE_ENTRY_BYTES;
    this.#release([{ offset: old.offset, lengthBytes }], [header]);
    this.#vars.freeClusterIndex = freeClusterIndex;
  }
}
