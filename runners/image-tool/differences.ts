/** Where two pieces of a disk differ. */
import { KiB } from '../../engine/index.ts';

/** A block of the usual file systems; smaller pieces are not worth a write of their own. */
const UNIT_BYTES = 4 * KiB;

/** The units in which `one` and `other`, of the same length, differ; neighbours together, offsets from their start. */
export function differingUnits(one: Uint8Array, other: Uint8Array): { from: number; end: number }[] {
  const found: { from: number; end: number }[] = [];
  for (let from = 0; from < one.length; from += UNIT_BYTES) {
    const end = Math.min(one.length, from + UNIT_BYTES);
    if (Buffer.compare(one.subarray(from, end), other.subarray(from, end)) === 0) continue;
    const last = found.at(-1);
    if (last !== undefined && last.end === from) last.end = end;
    else found.push({ from, end });
  }
  return found;
}
