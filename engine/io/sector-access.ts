/**
 * Byte-range reads and writes as whole 512-byte sectors, the way a disk sees them.
 *
 * A range that starts or ends inside a sector reads that sector, patches it and writes it back, so one range becomes up to
 * three writes: the partial first sector, the whole middle, the partial last one. Every stage of history paid this for
 * its header fields and snapshot entries, which is why it is counted here and not hidden.
 */
import { roundDown, SECTOR_BYTES } from '../base/units.ts';
import type { BlockFile, TableKind } from './block-file.ts';

/** One for each direction: while a sector is being written, a layer of the file may read others to judge the write. */
const readSector = new Uint8Array(SECTOR_BYTES);
const writeSector = new Uint8Array(SECTOR_BYTES);

/** Calls `visit(offset, start, end)` for the partial first sector, the whole middle and the partial last one, as present. */
function forEachPiece(
  offset: number,
  lengthBytes: number,
  visit: (start: number, end: number, whole: boolean) => void,
): void {
  let start = 0;
  while (start < lengthBytes) {
    const inSector = (offset + start) % SECTOR_BYTES;
    const remaining = lengthBytes - start;
    const whole = inSector === 0 && remaining >= SECTOR_BYTES;
    const take = whole ? roundDown(remaining, SECTOR_BYTES) : Math.min(SECTOR_BYTES - inSector, remaining);
    visit(start, start + take, whole);
    start += take;
  }
}

/** Fills `into` from byte `offset`, which need not be aligned. */
export function readBytes(file: BlockFile, offset: number, into: Uint8Array, kind: TableKind): void {
  forEachPiece(offset, into.length, (start, end, whole) => {
    if (whole) return file.read(offset + start, into.subarray(start, end), kind);
    const inSector = (offset + start) % SECTOR_BYTES;
    file.read(offset + start - inSector, readSector, kind);
    into.set(readSector.subarray(inSector, inSector + end - start), start);
  });
}

/** Writes `from` at byte `offset`, which need not be aligned. A sector is never left half old and half new in the file. */
export function writeBytes(file: BlockFile, offset: number, from: Uint8Array, kind: TableKind): void {
  forEachPiece(offset, from.length, (start, end, whole) => {
    if (whole) return file.write(offset + start, from.subarray(start, end), kind);
    const inSector = (offset + start) % SECTOR_BYTES;
    file.read(offset + start - inSector, writeSector, kind);
    writeSector.set(from.subarray(start, end), inSector);
    file.write(offset + start - inSector, writeSector, kind);
  });
}
