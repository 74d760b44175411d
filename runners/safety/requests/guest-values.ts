/**
 * What the guest writes in a crash workload: every sector of every write has a number of its own, and its 512 bytes say which,
 * so that a sector read after a crash tells where it came from. Value 0 is a sector of zeros.
 */
import { SECTOR_BYTES } from '../../../engine/index.ts';

const MAGIC = 0x636f7762;
const WORDS = SECTOR_BYTES / 4;
/** Bytes that are neither zeros nor any guest value. */
export const NOT_A_VALUE = -1;

/** Fills one sector, `into`, with the content of `value`. Repetitive, so that it compresses. */
export function fillSector(into: Uint8Array, value: number): void {
  if (value === 0) {
    into.fill(0);
    return;
  }
  const view = new DataView(into.buffer, into.byteOffset, SECTOR_BYTES);
  for (let at = 0; at < SECTOR_BYTES; at += 8) {
    view.setUint32(at, MAGIC, true);
    view.setUint32(at + 4, value, true);
  }
}

/** The content of `count` sectors with values from `first` on. */
export function sectorsOf(first: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count * SECTOR_BYTES);
  for (let index = 0; index < count; index++) {
    fillSector(bytes.subarray(index * SECTOR_BYTES, (index + 1) * SECTOR_BYTES), first + index);
  }
  return bytes;
}

/** The value that a sector holds, given as little-endian words from index `at` on; {@link NOT_A_VALUE} for anything else. */
export function valueAt(words: Uint32Array, at: number): number {
  const even = words[at]!;
  const odd = words[at + 1]!;
  const isValue = even === MAGIC && odd !== 0;
  if (!isValue && (even !== 0 || odd !== 0)) return NOT_A_VALUE;
  for (let index = at + 2; index < at + WORDS; index += 2) {
    if (words[index] !== even || words[index + 1] !== odd) return NOT_A_VALUE;
  }
  return odd;
}
