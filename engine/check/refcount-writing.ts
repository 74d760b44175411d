/**
 * Repairing refcounts in the existing refcount blocks, one sector-aligned write a block.
 */
import { SECTOR_BYTES } from '../base/units.ts';
import type { ExaminedImage } from './check-image.ts';
import { OWNER_REFCOUNT_BLOCK, OWNER_REFCOUNT_TABLE } from './references.ts';
import { refcountTableRange } from './stored-refcounts.ts';

/** The largest refcount of a width of 2^order bits, as far as the checker counts. */
export function widestRefcount(order: number): number {
  return 2 ** Math.min(2 ** order, 32) - 1;
}

/** Stores a refcount at `index` of a refcount block. */
export function putRefcount(view: DataView, index: number, order: number, value: number): void {
  if (order === 6) {
    view.setUint32(8 * index, 0);
    view.setUint32(8 * index + 4, value);
  } else if (order === 5) view.setUint32(4 * index, value);
  else if (order === 4) view.setUint16(2 * index, value);
  else if (order === 3) view.setUint8(index, value);
  else putSubByteRefcount(view, index, 2 ** order, value);
}

function putSubByteRefcount(view: DataView, index: number, bits: number, value: number): void {
  const perByte = 8 / bits;
  const unit = 2 ** (bits * (index % perByte));
  const at = Math.floor(index / perByte);
  const byte = view.getUint8(at);
  const before = Math.floor(byte / unit) % 2 ** bits;
  view.setUint8(at, byte + (value - before) * unit);
}

/**
 * True when every cluster whose refcount differs from `target` has a refcount block that nothing else uses, in a table without
 * faults.
 */
export function canWriteInPlace(examined: ExaminedImage, target: Uint32Array): boolean {
  const { examination: x, refcountBlocks } = examined;
  if (!x.refcountTableIsSound || !ownsItsTable(examined)) return false;
  const { clusterBytes, refcountOrder } = x.shape;
  const perBlock = (clusterBytes * 8) / 2 ** refcountOrder;
  const usable = new Set<number>();
  for (let i = 0; i < refcountBlocks.length; i += 2) {
    const cluster = refcountBlocks[i + 1]! / clusterBytes;
    const isSole = x.references.owners[cluster] === OWNER_REFCOUNT_BLOCK && x.references.counts[cluster] === 1;
    if (isSole) usable.add(refcountBlocks[i]!);
  }
  return target.every((count, cluster) => count === x.stored[cluster] || usable.has(Math.floor(cluster / perBlock)));
}

function ownsItsTable({ examination: x }: ExaminedImage): boolean {
  const { offset, lengthBytes } = refcountTableRange(x.shape);
  const first = offset / x.shape.clusterBytes;
  const end = first + lengthBytes / x.shape.clusterBytes;
  return x.references.owners.subarray(first, end).every((owner) => owner === OWNER_REFCOUNT_TABLE);
}

/** Writes `target` where it differs from the stored refcounts; not synced. Needs {@link canWriteInPlace}. */
export function writeRefcounts(examined: ExaminedImage, target: Uint32Array): void {
  const { examination: x, refcountBlocks } = examined;
  const { clusterBytes, refcountOrder } = x.shape;
  const perBlock = (clusterBytes * 8) / 2 ** refcountOrder;
  const block = new Uint8Array(clusterBytes);
  const view = new DataView(block.buffer);
  for (let i = 0; i < refcountBlocks.length; i += 2) {
    const first = refcountBlocks[i]! * perBlock;
    const end = Math.min(first + perBlock, target.length);
    const firstChanged = nextDifference(x.stored, target, first, end);
    if (firstChanged === end) continue;
    x.file.read(refcountBlocks[i + 1]!, block, 'refcount-block');
    let lastChanged = firstChanged;
    for (let cluster = firstChanged; cluster < end; cluster = nextDifference(x.stored, target, cluster + 1, end)) {
      putRefcount(view, cluster - first, refcountOrder, target[cluster]!);
      lastChanged = cluster;
    }
    const byteOf = (cluster: number) => Math.floor(((cluster - first) * 2 ** refcountOrder) / 8);
    const startByte = byteOf(firstChanged) - (byteOf(firstChanged) % SECTOR_BYTES);
    const endByte = byteOf(lastChanged) - (byteOf(lastChanged) % SECTOR_BYTES) + SECTOR_BYTES;
    x.file.write(refcountBlocks[i + 1]! + startByte, block.subarray(startByte, endByte), 'refcount-block');
  }
}

function nextDifference(stored: Uint32Array, target: Uint32Array, from: number, end: number): number {
  for (let cluster = from; cluster < end; cluster++) if (stored[cluster] !== target[cluster]) return cluster;
  return end;
}
