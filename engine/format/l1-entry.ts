/**
 * L1 table entries, in place in a table's bytes (qcow2.rst, "L1 table entry").
 *
 *   bit  63      COPIED: the L2 table has refcount exactly 1, it may be written in place
 *   bits 56..62  reserved
 *   bits  9..55  host offset of the L2 table, cluster aligned; 0: no L2 table
 *   bits  0..8   reserved
 *
 * `byteIndex` is the entry's byte offset in the table. Offsets are exact: they are multiples of 512 below 2^56. Whether an offset
 * lies inside the file and on a cluster boundary is for the caller to check; reserved bits do not leak into it.
 */
import { TWO_POW_32 } from './uint64.ts';

export const L1_ENTRY_BYTES = 8;

const COPIED_HIGH = 0x8000_0000;
const OFFSET_HIGH = 0x00ff_ffff;
const OFFSET_LOW = 0xffff_fe00;

/** Host offset of the L2 table in bytes; 0 where there is none. */
export function l1EntryOffset(view: DataView, byteIndex: number): number {
  return (view.getUint32(byteIndex) & OFFSET_HIGH) * TWO_POW_32 + ((view.getUint32(byteIndex + 4) & OFFSET_LOW) >>> 0);
}

export function l1EntryIsCopied(view: DataView, byteIndex: number): boolean {
  return view.getUint8(byteIndex) >= 0x80;
}

/** Writes a whole entry; `hostOffset` is a cluster-aligned byte offset below 2^56, or 0 for none. */
export function writeL1Entry(view: DataView, byteIndex: number, hostOffset: number, copied: boolean): void {
  const high = Math.floor(hostOffset / TWO_POW_32);
  view.setUint32(byteIndex, copied ? high + COPIED_HIGH : high);
  view.setUint32(byteIndex + 4, hostOffset % TWO_POW_32);
}

/** Sets or clears COPIED and leaves the rest of the entry. */
export function setL1EntryCopied(view: DataView, byteIndex: number, copied: boolean): void {
  const top = view.getUint8(byteIndex);
  view.setUint8(byteIndex, copied ? top | 0x80 : top & 0x7f);
}
