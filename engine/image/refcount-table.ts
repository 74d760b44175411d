/**
 * The refcount table's bytes, and the plan of a larger one (qcow2.rst, "Host cluster management"). Nothing here touches the file.
 */
import { Qcow2Error } from '../base/errors.ts';
import { REFCOUNT_TABLE_BYTES_MAX } from '../format/header-fields.ts';
import { setRefcount } from '../format/refcount-block.ts';
import { writeUint64 } from '../format/uint64.ts';
import type { Geometry } from './geometry.ts';

export const REFCOUNT_TABLE_ENTRY_BYTES = 8;

/** Decodes a refcount table into block offsets. Reserved bits 0-8 are ignored; the checker reports them. */
export function decodeRefcountTable(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offsets = new Float64Array(Math.floor(bytes.length / REFCOUNT_TABLE_ENTRY_BYTES));
  for (let index = 0; index < offsets.length; index++) {
    const low = view.getUint32(index * REFCOUNT_TABLE_ENTRY_BYTES + 4);
    offsets[index] = view.getUint32(index * REFCOUNT_TABLE_ENTRY_BYTES) * 2 ** 32 + (low - (low % 512));
  }
  return offsets;
}

export function encodeRefcountTable(offsets: Float64Array): Uint8Array {
  const bytes = new Uint8Array(offsets.length * REFCOUNT_TABLE_ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < offsets.length; index++)
    writeUint64(view, index * REFCOUNT_TABLE_ENTRY_BYTES, offsets[index]!);
  return bytes;
}

/** Where a new, larger table goes, with the blocks that count it and themselves. */
export interface GrowthPlan {
  readonly firstBlockIndex: number;
  readonly blockCount: number;
  readonly blocksOffset: number;
  readonly tableOffset: number;
  readonly tableEntries: number;
}

/** Plans a table for an image whose clusters from `freeClusterIndex` on are free; `presentEntries` is the table's size now. */
export function planGrowth(geometry: Geometry, presentEntries: number, freeClusterIndex: number): GrowthPlan {
  const perBlock = geometry.clustersPerRefcountBlock;
  const firstBlockIndex = Math.ceil(freeClusterIndex / perBlock);
  let tableEntries = grownTableEntries(geometry, presentEntries, firstBlockIndex + 1);
  let blockCount: number;
  // Larger tables need more blocks to count them, and those more table entries: repeat until it fits itself.
  for (;;) {
    const tableClusters = geometry.clustersFor(tableEntries * REFCOUNT_TABLE_ENTRY_BYTES);
    blockCount = 1 + Math.ceil(tableClusters / perBlock);
    const next = grownTableEntries(
      geometry,
      presentEntries,
      firstBlockIndex + Math.ceil((tableClusters + blockCount) / perBlock),
    );
    if (next === tableEntries) break;
    tableEntries = next;
  }
  const blocksOffset = geometry.hostOffset(firstBlockIndex * perBlock);
  const tableOffset = blocksOffset + blockCount * geometry.clusterBytes;
  return { firstBlockIndex, blockCount, blocksOffset, tableOffset, tableEntries };
}

/** Table size in entries, whole clusters: the present one times 1.5, again and again, until `minEntries` fit. */
function grownTableEntries(geometry: Geometry, presentEntries: number, minEntries: number): number {
  const perCluster = geometry.clusterBytes / REFCOUNT_TABLE_ENTRY_BYTES;
  const minClusters = Math.floor(minEntries / perCluster) + 1;
  let clusters = Math.max(1, Math.floor(presentEntries / perCluster));
  while (clusters < minClusters) clusters = Math.floor((clusters * 3 + 1) / 2);
  if (clusters * geometry.clusterBytes > REFCOUNT_TABLE_BYTES_MAX) {
    throw new Qcow2Error(
      'NO_SPACE',
      `the image is full: its refcount table would pass ${REFCOUNT_TABLE_BYTES_MAX} bytes`,
    );
  }
  return clusters * perCluster;
}

/** The blocks of a growth: each cluster of the blocks and of the table has count 1. */
export function growthBlocks(geometry: Geometry, plan: GrowthPlan): Uint8Array {
  const bytes = new Uint8Array(plan.blockCount * geometry.clusterBytes);
  const view = new DataView(bytes.buffer);
  const used = plan.blockCount + geometry.clustersFor(plan.tableEntries * REFCOUNT_TABLE_ENTRY_BYTES);
  for (let index = 0; index < used; index++) setRefcount(view, index, geometry.refcountOrder, 1);
  return bytes;
}

/** The two adjacent header fields, 12 bytes, that publish a refcount table. */
export function refcountTableFields(tableOffset: number, clusterCount: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  writeUint64(view, 0, tableOffset);
  view.setUint32(8, clusterCount);
  return bytes;
}
