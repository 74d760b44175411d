/**
 * More room for refcounts (qcow2.rst, "Host cluster management"): new refcount blocks, and a longer refcount table to name them.
 *
 * Raising a refcount can need a new block, which needs a cluster, whose refcount must be raised: {@link ClusterCounts} calls this, and
 * this calls it. The ring ends because a new block counts itself, or lies in clusters that an existing block counts.
 */
import type { Allocator, ClusterCounts } from '../cache/allocator.ts';
import type { Behaviour } from '../cache/behaviour.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import { type Place, Pointer } from '../cache/ordering.ts';
import type { CachePolicy } from '../cache/policy.ts';
import type { TableCache } from '../cache/table-cache.ts';
import { HEADER_FIELDS } from '../format/header-fields.ts';
import { setRefcount } from '../format/refcount-block.ts';
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

export interface RefcountParts {
  readonly file: DurableFile;
  readonly geometry: Geometry;
  readonly vars: ImageVars;
  readonly policy: CachePolicy;
  readonly behaviour: Pick<Behaviour, 'countsAgainAfterNewBlock'>;
  readonly guard: Pick<OverlapGuard, 'refuseAllocation'>;
  readonly l2: TableCache;
  /** The refcount blocks. */
  readonly refcounts: TableCache;
}

export class RefcountGrowth {
  readonly #parts: RefcountParts;
  readonly #geometry: Geometry;
  readonly #vars: ImageVars;
  readonly #blocks: TableCache;
  readonly #counts: Pick<ClusterCounts, 'findFree' | 'raise'>;
  readonly #release: Allocator['release'];

  /** `release` takes the clusters of a refcount table that a larger one has replaced. */
  constructor(parts: RefcountParts, counts: Pick<ClusterCounts, 'findFree' | 'raise'>, release: Allocator['release']) {
    this.#parts = parts;
    this.#geometry = parts.geometry;
    this.#vars = parts.vars;
    this.#blocks = parts.refcounts;
    this.#counts = counts;
    this.#release = release;
  }

  /** Makes the refcount block that counts host cluster `cluster`, which has none yet. Returned pinned. */
  addBlock(cluster: number): CachedTable {
    const { policy, l2 } = this.#parts;
    const table: Place = { kind: 'refcount-table', offset: this.#vars.refcountTable.offset };
    policy.order({ order: 'l2-tables-before-refcount-table', before: [...l2.dirtyTables()], after: [table] });
    const tableIndex = Math.floor(cluster / this.#geometry.clustersPerRefcountBlock);
    const newOffset = this.#counts.findFree(1);
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
    return this.#blocks.get(newOffset);
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
      const before = this.#counts.raise(newOffset, clusterBytes);
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
   * The new table and its blocks follow everything in use, on the first cluster that a whole refcount block counts, so that
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
    policy.place(blocks);
    const table = new Pointer('refcount-table', plan.tableOffset, encodeRefcountTable(blockOffsets));
    policy.place(table);
    const clusterCount = geometry.clustersFor(plan.tableEntries * REFCOUNT_TABLE_ENTRY_BYTES);
    const fields = refcountTableFields(plan.tableOffset, clusterCount);
    const header = new Pointer('header', HEADER_FIELDS.refcountTableOffset, fields);
    policy.publish(header, [newBlock, blocks, table]);
    const replaced = { offset: old.offset, lengthBytes: old.blockOffsets.length * REFCOUNT_TABLE_ENTRY_BYTES };
    policy.withdraw(replaced, header);
    this.#vars.refcountTable = { offset: plan.tableOffset, clusterCount, blockOffsets };
    // The caller is in the middle of an allocation that was found from here: the index must not move back under it.
    const { freeClusterIndex } = this.#vars;
    this.#release([replaced], [header]);
    this.#vars.freeClusterIndex = freeClusterIndex;
  }
}
