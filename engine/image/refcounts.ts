/**
 * Refcounts of host clusters, and the allocator that lives on them (qcow2.rst, "Host cluster management").
 *
 * Order: a raised refcount precedes the reference it stands for, a dropped reference precedes the lowered refcount. The first
 * is stated by whoever makes the reference, the second here, before the block is even loaded.
 *
 * Raising a refcount can need a new refcount block, which needs a cluster, whose refcount must be raised: the functions below
 * call each other in a ring. It ends because a new block counts itself, or lies in clusters that an existing block counts.
 */
import { Qcow2Error } from '../base/errors.ts';
import type { HostOffset } from '../base/units.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import { HEADER_FIELDS } from '../format/header-fields.ts';
import { getRefcount, maxRefcount, setRefcount } from '../format/refcount-block.ts';
import { writeUint64 } from '../format/uint64.ts';
import {
  encodeRefcountTable,
  growthBlocks,
  planGrowth,
  REFCOUNT_TABLE_ENTRY_BYTES,
  refcountTableFields,
} from './refcount-table.ts';
import type { ImageState } from './state.ts';

/** Host offsets are 56 bits in the format, and exact here below 2^53. */
const HOST_OFFSET_MAX = Number.MAX_SAFE_INTEGER;
/** Clusters in use behind the end of the file that one search passes: an interrupted writer leaves some, never so many. */
const USED_BEHIND_END_MAX = 2 ** 20;

/** The refcount of host cluster `cluster`; 0 where no refcount block exists. */
export function refcountOf(state: ImageState, cluster: number): number {
  const { geometry } = state;
  const blockOffset =
    state.vars.refcountTable.blockOffsets[Math.floor(cluster / geometry.clustersPerRefcountBlock)] ?? 0;
  if (blockOffset === 0) return 0;
  const block = getRefcountBlock(state, blockOffset);
  try {
    return getRefcount(block.view, cluster % geometry.clustersPerRefcountBlock, geometry.refcountOrder);
  } finally {
    state.refcounts.release(block);
  }
}

/**
 * Adds `change` to the refcount of each cluster that the `lengthBytes` bytes at host `offset` touch.
 * @throws Qcow2Error CORRUPT when a refcount would fall below 0, UNSUPPORTED when it would not fit its width.
 */
export function changeRefcounts(state: ImageState, offset: number, lengthBytes: number, change: 1 | -1): void {
  if (lengthBytes === 0) return;
  if (change < 0) state.policy.require('dereference-before-refcount');
  const { geometry } = state;
  const last = geometry.hostCluster(offset + lengthBytes - 1);
  let cluster: number = geometry.hostCluster(offset);
  while (cluster <= last) {
    const blockIndex = Math.floor(cluster / geometry.clustersPerRefcountBlock);
    const end = Math.min(last + 1, (blockIndex + 1) * geometry.clustersPerRefcountBlock);
    const block = blockToChange(state, cluster, change);
    try {
      changeInBlock(state, block, cluster, end, change);
    } finally {
      state.refcounts.release(block);
    }
    cluster = end;
  }
}

/**
 * The block that counts `cluster`, pinned. It is made where there is none, but only for a cluster that was just found free: any
 * other is in use, and a pointer to it that no block counts is a wrong one.
 */
function blockToChange(state: ImageState, cluster: number, change: 1 | -1): CachedTable {
  const { geometry } = state;
  const { refcountTable } = state.vars;
  const blockOffset = refcountTable.blockOffsets[Math.floor(cluster / geometry.clustersPerRefcountBlock)] ?? 0;
  if (blockOffset !== 0) return getRefcountBlock(state, blockOffset);
  if (change > 0 && cluster < state.vars.freeClusterIndex) return addRefcountBlock(state, cluster);
  const offset = geometry.hostOffset(cluster);
  const message = `the cluster at offset ${offset} is in use, but no refcount block counts it`;
  throw new Qcow2Error('CORRUPT', message, { table: 'refcount-table', offset });
}

/** Lowers the refcount of every cluster that the range touches; those that reach 0 can be allocated again. */
export function freeClusters(state: ImageState, offset: number, lengthBytes: number): void {
  changeRefcounts(state, offset, lengthBytes, -1);
}

/** The refcount block at `blockOffset`, pinned. */
function getRefcountBlock(state: ImageState, blockOffset: number): CachedTable {
  // Bits 56 to 63 of an entry are part of what is read, so an offset can be too large to be exact.
  if (!state.geometry.isClusterAligned(blockOffset) || !Number.isSafeInteger(blockOffset)) {
    throw new Qcow2Error('CORRUPT', `refcount block offset ${blockOffset} is not on a cluster boundary below 2^53`, {
      table: 'refcount-table',
      offset: blockOffset,
    });
  }
  return state.refcounts.get(blockOffset);
}

/** Changes clusters [from, to), all counted by `block`. */
function changeInBlock(state: ImageState, block: CachedTable, from: number, to: number, change: 1 | -1): void {
  const { clustersPerRefcountBlock, refcountOrder } = state.geometry;
  const bits = 2 ** refcountOrder;
  for (let cluster = from; cluster < to; cluster++) {
    const index = cluster % clustersPerRefcountBlock;
    const count = getRefcount(block.view, index, refcountOrder) + change;
    refuseImpossible(state, cluster, count);
    const firstByte = Math.floor((index * bits) / 8);
    state.refcounts.markDirty(block, firstByte, firstByte + Math.max(1, bits / 8));
    setRefcount(block.view, index, refcountOrder, count);
    if (count === 0) forgetFreed(state, cluster);
  }
}

/** A cluster that nothing references any more can be found by the next search, and takes no more compressed streams. */
function forgetFreed(state: ImageState, cluster: number): void {
  if (cluster < state.vars.freeClusterIndex) state.vars.freeClusterIndex = cluster;
  if (state.geometry.hostCluster(state.vars.freeByteOffset) === cluster) state.vars.freeByteOffset = 0;
}

function refuseImpossible(state: ImageState, cluster: number, count: number): void {
  const { geometry } = state;
  const facts = { table: 'refcount-block' as const, offset: geometry.hostOffset(cluster), found: count };
  if (count < 0) {
    throw new Qcow2Error(
      'CORRUPT',
      `the cluster at offset ${facts.offset} is freed but its refcount is 0 already`,
      facts,
    );
  }
  if (count > maxRefcount(geometry.refcountOrder)) {
    const bits = 2 ** geometry.refcountOrder;
    throw new Qcow2Error(
      'UNSUPPORTED',
      `refcount ${count} of the cluster at offset ${facts.offset} does not fit ${bits} bits`,
      facts,
    );
  }
}

/**
 * Host offset of the first `count` consecutive free clusters. Their refcounts stay 0; the next search starts behind them.
 * For 0 clusters: where the next search starts.
 */
export function findFreeClusters(state: ImageState, count: number): HostOffset {
  const endOfFile = state.geometry.clustersFor(state.file.sizeBytes());
  let found = 0;
  let usedBehindEnd = 0;
  while (found < count) {
    if (refcountOf(state, state.vars.freeClusterIndex) === 0) found++;
    else {
      found = 0;
      if (state.vars.freeClusterIndex >= endOfFile && ++usedBehindEnd > USED_BEHIND_END_MAX)
        throw usedFarBehindEnd(state);
    }
    state.vars.freeClusterIndex++;
  }
  const end = state.vars.freeClusterIndex * state.geometry.clusterBytes;
  if (end > HOST_OFFSET_MAX) throw new Qcow2Error('NO_SPACE', `the image file would pass ${HOST_OFFSET_MAX} bytes`);
  return state.geometry.hostOffset(state.vars.freeClusterIndex - count);
}

function usedFarBehindEnd(state: ImageState): Qcow2Error {
  const offset = state.geometry.hostOffset(state.vars.freeClusterIndex);
  const message = `${state.file.name}: refcounts say that clusters up to offset ${offset} are in use, far behind the end of the file`;
  return new Qcow2Error('CORRUPT', message, { file: state.file.name, table: 'refcount-block', offset });
}

/** Takes the clusters that `lengthBytes` need, in one piece, and raises their refcounts. */
export function allocateClusters(state: ImageState, lengthBytes: number): HostOffset {
  const offset = findFreeClusters(state, state.geometry.clustersFor(lengthBytes));
  state.guard.refuseAllocation(offset, lengthBytes);
  changeRefcounts(state, offset, lengthBytes, 1);
  return offset;
}

/** Makes the refcount block that counts host cluster `cluster`, which has none yet. Returned pinned. */
function addRefcountBlock(state: ImageState, cluster: number): CachedTable {
  const { geometry, policy } = state;
  policy.require('l2-tables-before-refcount-table');
  const tableIndex = Math.floor(cluster / geometry.clustersPerRefcountBlock);
  const newOffset = findFreeClusters(state, 1);
  state.guard.refuseAllocation(newOffset, geometry.clusterBytes);
  const block = newRefcountBlock(state, newOffset, tableIndex);
  const hasEntry = tableIndex < state.vars.refcountTable.blockOffsets.length;
  try {
    state.refcounts.markDirty(block, 0, block.bytes.length);
    policy.require('refcount-block-before-refcount-table', block);
    if (hasEntry) publishRefcountBlock(state, newOffset, tableIndex);
  } catch (error) {
    state.refcounts.unpin(block);
    throw error;
  }
  if (hasEntry) return block;
  state.refcounts.release(block);
  growRefcountTable(state, tableIndex, newOffset);
  return getRefcountBlock(state, newOffset);
}

function publishRefcountBlock(state: ImageState, newOffset: number, tableIndex: number): void {
  const entry = new Uint8Array(REFCOUNT_TABLE_ENTRY_BYTES);
  writeUint64(new DataView(entry.buffer), 0, newOffset);
  const entryOffset = state.vars.refcountTable.offset + tableIndex * REFCOUNT_TABLE_ENTRY_BYTES;
  state.policy.hookUp(entryOffset, entry, 'refcount-table');
  state.vars.refcountTable.blockOffsets[tableIndex] = newOffset;
}

/** The new block, all zero but for its own count where it counts itself. Pinned. */
function newRefcountBlock(state: ImageState, newOffset: number, tableIndex: number): CachedTable {
  const { geometry, policy } = state;
  const ownCluster = geometry.hostCluster(newOffset);
  const countsItself = Math.floor(ownCluster / geometry.clustersPerRefcountBlock) === tableIndex;
  if (!countsItself) {
    // Raised first: changing refcounts uses the same cache, so the new block must not be pinned in it yet.
    changeRefcounts(state, newOffset, geometry.clusterBytes, 1);
    policy.require('refcount-before-refcount-block');
  }
  const block = state.refcounts.getEmpty(newOffset);
  block.bytes.fill(0);
  if (countsItself) setRefcount(block.view, ownCluster % geometry.clustersPerRefcountBlock, geometry.refcountOrder, 1);
  return block;
}

/**
 * Replaces the refcount table by a larger one that also names the block at `newBlockOffset` (table index `newBlockIndex`).
 * The new table and its blocks lie behind everything in use, on the first cluster that a whole refcount block counts, so that
 * nothing that is referenced now has to change before the header does.
 */
function growRefcountTable(state: ImageState, newBlockIndex: number, newBlockOffset: number): void {
  const { geometry, policy } = state;
  const { refcountTable } = state.vars;
  const plan = planGrowth(geometry, refcountTable.blockOffsets.length, state.vars.freeClusterIndex);
  const growthEnd = plan.tableOffset + plan.tableEntries * REFCOUNT_TABLE_ENTRY_BYTES;
  state.guard.refuseAllocation(plan.blocksOffset, growthEnd - plan.blocksOffset);
  const offsets = new Float64Array(plan.tableEntries);
  offsets.set(refcountTable.blockOffsets);
  offsets[newBlockIndex] = newBlockOffset;
  for (let index = 0; index < plan.blockCount; index++) {
    offsets[plan.firstBlockIndex + index] = plan.blocksOffset + index * geometry.clusterBytes;
  }
  policy.hookUp(plan.blocksOffset, growthBlocks(geometry, plan), 'refcount-block');
  policy.hookUp(plan.tableOffset, encodeRefcountTable(offsets), 'refcount-table');
  const tableClusters = geometry.clustersFor(plan.tableEntries * REFCOUNT_TABLE_ENTRY_BYTES);
  policy.hookUp(HEADER_FIELDS.refcountTableOffset, refcountTableFields(plan.tableOffset, tableClusters), 'header');

  const old = {
    offset: refcountTable.offset,
    lengthBytes: refcountTable.blockOffsets.length * REFCOUNT_TABLE_ENTRY_BYTES,
  };
  refcountTable.offset = plan.tableOffset;
  refcountTable.clusterCount = tableClusters;
  refcountTable.blockOffsets = offsets;
  // The caller is in the middle of an allocation that was found from here: the index must not move back under it.
  const { freeClusterIndex } = state.vars;
  freeClusters(state, old.offset, old.lengthBytes);
  state.vars.freeClusterIndex = freeClusterIndex;
}
