/** How guest bytes are stored along a chain of images: in which file, at which offset, or nowhere. */
import type { GuestDisk, MappedRange } from '../../engine/index.ts';

/** A disk that knows where its bytes lie: an image, or a raw file. */
export interface MappableDisk extends GuestDisk {
  readonly fileName: string;
  /** Where data lies when it is not `fileName`. */
  readonly dataFileName?: string;
  readonly backing?: GuestDisk | null;
  map(offset: number, lengthBytes: number): MappedRange;
}

/** Guest bytes that are stored in one way, by one file of the chain. */
export interface Extent {
  readonly offset: number;
  readonly lengthBytes: number;
  /** 0: the image itself, 1: its backing file, and so on; the last one that reaches this far when nothing stores it. */
  readonly depth: number;
  readonly stored: MappedRange['stored'];
  /** Null for what has no place of its own. */
  readonly hostOffset: number | null;
  /** The file that `hostOffset` is in. */
  readonly fileName: string;
  /** Absent in an image that is longer than its backing file: zeros, however long another backing file would be. */
  readonly isPastBacking: boolean;
  /** Data for which the file system stores nothing: it reads as zeros. */
  readonly isHole?: boolean;
}

/** What lies at `offset`, up to where that changes or `lengthBytes` end. */
export function extentAt(disk: MappableDisk, offset: number, lengthBytes: number, depth = 0): Extent {
  const range = disk.map(offset, lengthBytes);
  const backing = range.stored === 'absent' ? backingAt(disk, offset) : null;
  if (backing === null) {
    const isPastBacking = range.stored === 'absent' && (disk.backing ?? null) !== null;
    return { ...range, depth, fileName: disk.dataFileName ?? disk.fileName, isPastBacking };
  }
  return extentAt(backing, offset, Math.min(range.lengthBytes, backing.sizeBytes - offset), depth + 1);
}

/** What lies under `disk` at `offset`; null when nothing does, or it is shorter. */
function backingAt(disk: MappableDisk, offset: number): MappableDisk | null {
  const backing = disk.backing ?? null;
  return backing !== null && isMappable(backing) && offset < backing.sizeBytes ? backing : null;
}

/** All of [offset, end), neighbours of one kind joined. */
export function* extents(disk: MappableDisk, offset: number, end: number): Generator<Extent> {
  if (offset >= end) return;
  let last = extentAt(disk, offset, end - offset);
  for (let at = offset + last.lengthBytes; at < end; ) {
    const next = extentAt(disk, at, end - at);
    at += next.lengthBytes;
    if (continues(last, next)) {
      last = { ...last, lengthBytes: last.lengthBytes + next.lengthBytes };
    } else {
      yield last;
      last = next;
    }
  }
  yield last;
}

/** Whether the top image leaves it to the images below: one of them reaches this far, whatever it holds. */
export function isLeftToBacking(extent: Extent): boolean {
  return extent.depth > 0;
}

export function readsAsZeros(extent: Extent): boolean {
  return extent.stored === 'zero' || extent.stored === 'absent' || extent.isHole === true;
}

function isMappable(disk: GuestDisk): disk is MappableDisk {
  return 'map' in disk;
}

function continues(last: Extent, next: Extent): boolean {
  if (last.stored !== next.stored || last.depth !== next.depth || last.fileName !== next.fileName) return false;
  if (last.isPastBacking !== next.isPastBacking || last.isHole !== next.isHole) return false;
  if (last.hostOffset === null || next.hostOffset === null) return last.hostOffset === next.hostOffset;
  return last.hostOffset + last.lengthBytes === next.hostOffset;
}
