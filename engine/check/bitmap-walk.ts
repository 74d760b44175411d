/**
 * Clusters of persistent bitmaps: the directory, each bitmap's table, and the clusters that the tables name.
 */
import { hasReservedHighBits, hasReservedLowBits, hex, pointerOffset, uint64 } from './big-endian.ts';
import type { Examination } from './examination.ts';
import { OWNER_BITMAP } from './references.ts';

const COUNT_LIMIT = 65_535;
const DIRECTORY_LIMIT_BYTES = 64 * 2 ** 20;
const ENTRY_FIXED_BYTES = 24;

export function walkBitmaps(x: Examination): void {
  const directory = x.shape.bitmapDirectory;
  if (directory === null || directory.count === 0) return;
  const { offset, lengthBytes, count } = directory;
  const isPlausible =
    offset % x.shape.clusterBytes === 0 && lengthBytes <= DIRECTORY_LIMIT_BYTES && count <= COUNT_LIMIT;
  if (!isPlausible || x.references.isOutside(offset, lengthBytes)) {
    x.findings.add('bitmap', offset, 'a directory in the file', `${count} bitmaps in ${lengthBytes} bytes`);
    x.noteOutside(offset + lengthBytes, false);
    return;
  }
  x.refer(offset, offset, lengthBytes, OWNER_BITMAP);
  const fixed = new Uint8Array(ENTRY_FIXED_BYTES);
  const view = new DataView(fixed.buffer);
  let at = offset;
  for (let i = 0; i < count; i++) {
    if (at + ENTRY_FIXED_BYTES > offset + lengthBytes || !x.readInto(at, fixed, 'snapshot-table')) {
      x.findings.add('bitmap', at, `${count} entries`, `directory ends after entry ${i}`);
      x.everythingWasFollowed = false;
      return;
    }
    bitmapTable(x, at, uint64(view, 0), view.getUint32(8));
    at += Math.ceil((ENTRY_FIXED_BYTES + view.getUint16(18) + view.getUint32(20)) / 8) * 8;
  }
}

function bitmapTable(x: Examination, at: number, offset: number, entries: number): void {
  if (!x.spend(entries) || !x.refer(at, offset, entries * 8, OWNER_BITMAP)) return;
  const end = offset + entries * 8;
  for (let start = offset; start < end; start += x.bufferBytes) {
    const lengthBytes = Math.min(x.bufferBytes, end - start);
    if (!x.load(start, lengthBytes, 'snapshot-table')) return;
    for (let index = 0; index < lengthBytes; index += 8) bitmapTableEntry(x, start + index, index);
  }
}

function bitmapTableEntry(x: Examination, at: number, index: number): void {
  const high = x.view.getUint32(index);
  const low = x.view.getUint32(index + 4);
  const offset = pointerOffset(high, low);
  // Bit 0 without an offset means "all ones"; with one it is reserved.
  if (hasReservedHighBits(high, true) || hasReservedLowBits(low, offset > 0) || offset % x.shape.clusterBytes !== 0) {
    x.findings.add('bitmap', at, 'a cluster', `table entry ${hex(high)} ${hex(low)}`);
    return;
  }
  if (offset > 0) x.refer(at, offset, x.shape.clusterBytes, OWNER_BITMAP);
}
