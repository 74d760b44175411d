/**
 * L2 table entries, in place in a table's bytes (qcow2.rst, "L2 table entry", "Extended L2 Entries").
 *
 *   bit  63      COPIED: the host cluster has refcount exactly 1, it may be written in place
 *   bit  62      COMPRESSED: bits 0..61 are a compressed descriptor
 *   bits 56..61  reserved
 *   bits  9..55  host offset of the cluster; 0: unallocated (with an external data file only if COPIED is clear too)
 *   bits  1..8   reserved
 *   bit   0      ZERO: reads as zeros (version 3; reserved in version 2 and in extended entries)
 *
 * Compressed descriptor, with x = 62 - (cluster bits - 8): bits 0..x-1 host byte offset, bits x..61 count of 512-byte sectors
 * after the first. Extended entries are 16 bytes: after the entry, 32 bits "subcluster reads as zeros", 32 bits "allocated".
 *
 * `byteIndex` is the entry's byte offset in the table. Nothing here allocates. Cluster offsets are exact (multiples of 512 below
 * 2^56); whether they lie inside the file and on a cluster boundary is for the caller to check.
 */
import { TWO_POW_32 } from './uint64.ts';

export const L2_ENTRY_BYTES = 8;
export const EXTENDED_L2_ENTRY_BYTES = 16;
export const SUBCLUSTERS_PER_CLUSTER = 32;

/** Flags for {@link writeEntry}. */
export const L2_COPIED = 1;
export const L2_ZERO = 4;

/** What an entry says about its guest cluster; see {@link clusterKind}. */
export const CLUSTER_UNALLOCATED = 0;
export const CLUSTER_ZERO_PLAIN = 1;
export const CLUSTER_ZERO_ALLOCATED = 2;
export const CLUSTER_NORMAL = 3;
export const CLUSTER_COMPRESSED = 4;
export type ClusterKind =
  | typeof CLUSTER_UNALLOCATED
  | typeof CLUSTER_ZERO_PLAIN
  | typeof CLUSTER_ZERO_ALLOCATED
  | typeof CLUSTER_NORMAL
  | typeof CLUSTER_COMPRESSED;

const COPIED_HIGH = 0x8000_0000;
const COMPRESSED_HIGH = 0x4000_0000;
const OFFSET_HIGH = 0x00ff_ffff;
const OFFSET_LOW = 0xffff_fe00;
const ZERO_LOW = 1;
const DESCRIPTOR_HIGH = 0x3fff_ffff;

/** Host offset in bytes of an uncompressed cluster; 0 where none is allocated. Meaningless for a compressed entry. */
export function entryOffset(view: DataView, byteIndex: number): number {
  return (view.getUint32(byteIndex) & OFFSET_HIGH) * TWO_POW_32 + ((view.getUint32(byteIndex + 4) & OFFSET_LOW) >>> 0);
}

export function isCopied(view: DataView, byteIndex: number): boolean {
  return (view.getUint8(byteIndex) & 0x80) !== 0;
}

/** What a standard (8-byte) entry says; extended entries have their bitmaps instead of ZERO. */
export function clusterKind(view: DataView, byteIndex: number, hasDataFile = false): ClusterKind {
  const high = view.getUint32(byteIndex);
  const low = view.getUint32(byteIndex + 4);
  if ((high & COMPRESSED_HIGH) !== 0) return CLUSTER_COMPRESSED;
  const hasOffset = (high & OFFSET_HIGH) !== 0 || (low & OFFSET_LOW) !== 0;
  const isAllocated = hasOffset || (hasDataFile && (high & COPIED_HIGH) !== 0);
  if ((low & ZERO_LOW) !== 0) return isAllocated ? CLUSTER_ZERO_ALLOCATED : CLUSTER_ZERO_PLAIN;
  return isAllocated ? CLUSTER_NORMAL : CLUSTER_UNALLOCATED;
}

/** Writes an uncompressed entry; `hostOffset` is cluster aligned and below 2^56, `flags` a sum of L2_COPIED and L2_ZERO. */
export function writeEntry(view: DataView, byteIndex: number, hostOffset: number, flags: number): void {
  const high = Math.floor(hostOffset / TWO_POW_32);
  view.setUint32(byteIndex, (flags & L2_COPIED) !== 0 ? high + COPIED_HIGH : high);
  view.setUint32(byteIndex + 4, (hostOffset % TWO_POW_32) + ((flags & L2_ZERO) !== 0 ? ZERO_LOW : 0));
}

/** Sets or clears COPIED and leaves the rest of the entry. */
export function setCopied(view: DataView, byteIndex: number, copied: boolean): void {
  const top = view.getUint8(byteIndex);
  view.setUint8(byteIndex, copied ? top | 0x80 : top & 0x7f);
}

/** Host byte offset of a compressed stream (any alignment). Rounded above 2^53 - 1, which no real file reaches. */
export function compressedOffset(view: DataView, byteIndex: number, clusterBits: number): number {
  const highBits = 38 - clusterBits;
  return (view.getUint32(byteIndex) & ((1 << highBits) - 1)) * TWO_POW_32 + view.getUint32(byteIndex + 4);
}

/** Count of 512-byte host sectors that the compressed stream touches, the first (possibly partial) one included. */
export function compressedSectorCount(view: DataView, byteIndex: number, clusterBits: number): number {
  return ((view.getUint32(byteIndex) & DESCRIPTOR_HIGH) >>> (38 - clusterBits)) + 1;
}

/** Upper bound in bytes of the compressed stream's length: up to the end of its last sector. */
export function compressedLengthBytes(view: DataView, byteIndex: number, clusterBits: number): number {
  const offsetInSector = view.getUint32(byteIndex + 4) & 511;
  return compressedSectorCount(view, byteIndex, clusterBits) * 512 - offsetInSector;
}

/** Writes a compressed descriptor (COPIED clear, as the specification wants) for a stream of `lengthBytes` > 0 bytes. */
export function writeCompressedEntry(
  view: DataView,
  byteIndex: number,
  hostOffset: number,
  lengthBytes: number,
  clusterBits: number,
): void {
  const extraSectors = Math.floor((hostOffset + lengthBytes - 1) / 512) - Math.floor(hostOffset / 512);
  const high = Math.floor(hostOffset / TWO_POW_32) + extraSectors * 2 ** (38 - clusterBits);
  view.setUint32(byteIndex, high + COMPRESSED_HIGH);
  view.setUint32(byteIndex + 4, hostOffset % TWO_POW_32);
}

/** Extended entry: bit n set means subcluster n has data at its place in the host cluster (unsigned 32 bits). */
export function allocationBitmap(view: DataView, byteIndex: number): number {
  return view.getUint32(byteIndex + 12);
}

/** Extended entry: bit n set means subcluster n reads as zeros (unsigned 32 bits). */
export function zeroBitmap(view: DataView, byteIndex: number): number {
  return view.getUint32(byteIndex + 8);
}

/** Writes both subcluster bitmaps of an extended entry (unsigned 32 bits each). */
export function writeBitmaps(view: DataView, byteIndex: number, allocated: number, zero: number): void {
  view.setUint32(byteIndex + 8, zero);
  view.setUint32(byteIndex + 12, allocated);
}

export type SubclusterKind = typeof CLUSTER_NORMAL | typeof CLUSTER_ZERO_PLAIN | typeof CLUSTER_UNALLOCATED;

/** True when a subcluster of an extended entry is marked both allocated and zero, which the specification forbids. */
export function bitmapsContradict(view: DataView, byteIndex: number): boolean {
  return (allocationBitmap(view, byteIndex) & zeroBitmap(view, byteIndex)) !== 0;
}

/** What one subcluster of an extended entry is. */
export function subclusterKind(view: DataView, byteIndex: number, subcluster: number): SubclusterKind {
  const bit = 1 << subcluster;
  if ((allocationBitmap(view, byteIndex) & bit) !== 0) return CLUSTER_NORMAL;
  return (zeroBitmap(view, byteIndex) & bit) !== 0 ? CLUSTER_ZERO_PLAIN : CLUSTER_UNALLOCATED;
}

/** True when every subcluster in [from, to) of an extended entry has data. */
export function subclustersAllocated(view: DataView, byteIndex: number, from: number, to: number): boolean {
  const mask = subclusterMask(from, to);
  return (allocationBitmap(view, byteIndex) & mask) >>> 0 === mask;
}

/** Marks the subclusters [from, to) of an extended entry as having data. */
export function allocateSubclusters(view: DataView, byteIndex: number, from: number, to: number): void {
  const mask = subclusterMask(from, to);
  const allocated = (allocationBitmap(view, byteIndex) | mask) >>> 0;
  writeBitmaps(view, byteIndex, allocated, (zeroBitmap(view, byteIndex) & ~mask) >>> 0);
}

/** Marks the subclusters [from, to) of an extended entry as reading as zeros. */
export function zeroSubclusters(view: DataView, byteIndex: number, from: number, to: number): void {
  const mask = subclusterMask(from, to);
  const zero = (zeroBitmap(view, byteIndex) | mask) >>> 0;
  writeBitmaps(view, byteIndex, (allocationBitmap(view, byteIndex) & ~mask) >>> 0, zero);
}

function subclusterMask(from: number, to: number): number {
  return 2 ** to - 2 ** from;
}
