/**
 * The checker's own decoding of 64-bit fields. It shares nothing with the writer's codecs on purpose: a mistake there must
 * show here as a disagreement.
 */

const TWO_POW_32 = 2 ** 32;

/** The field at byte `at`; above 2^53 - 1 it is rounded, which no comparison with a real file size can mistake. */
export function uint64(view: DataView, at: number): number {
  return view.getUint32(at) * TWO_POW_32 + view.getUint32(at + 4);
}

/** The field at byte `at` in decimal digits, none of them rounded. */
export function uint64Text(view: DataView, at: number): string {
  return view.getBigUint64(at).toString();
}

/** Bits 9..55 of an L1 or L2 entry: a host offset in bytes. */
export function pointerOffset(high: number, low: number): number {
  return (high % 0x0100_0000) * TWO_POW_32 + (low - (low % 512));
}

/** Bits 56..61 (and 62 when `includes62`) of an entry, which are reserved in all but compressed entries. */
export function hasReservedHighBits(high: number, includes62: boolean): boolean {
  return (high & (includes62 ? 0x7f00_0000 : 0x3f00_0000)) !== 0;
}

/** Bits 1..8 of an entry (and bit 0 when `includes0`), which are reserved. */
export function hasReservedLowBits(low: number, includes0: boolean): boolean {
  return (low & (includes0 ? 0x1ff : 0x1fe)) !== 0;
}

/** Bit 63. */
export function isCopiedEntry(high: number): boolean {
  return high >= 0x8000_0000;
}

/** Bit 62. */
export function isCompressedEntry(high: number): boolean {
  return (high & 0x4000_0000) !== 0;
}

/** Host byte offset of a compressed descriptor: the low 62 - (cluster bits - 8) bits. */
export function descriptorOffset(high: number, low: number, clusterBits: number): number {
  return (high % 2 ** (38 - clusterBits)) * TWO_POW_32 + low;
}

/** Bytes from the descriptor's offset to the end of its last 512-byte sector. */
export function descriptorLength(high: number, low: number, clusterBits: number): number {
  const extraSectors = Math.floor((high % 2 ** 30) / 2 ** (38 - clusterBits));
  return (extraSectors + 1) * 512 - (low % 512);
}

/** True when a subcluster is in both bitmaps. */
export function bitmapsOverlap(first: number, second: number): boolean {
  return (first & second) !== 0;
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
