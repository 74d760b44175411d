/** Copying a disk: stretches that read as zeros are not written where the target reads as zeros already. */
import { MiB, roundDown, roundUp } from '../../engine/index.ts';
import { isLeftToBacking, readsAsZeros } from './extents.ts';
import type { Source } from './source.ts';
import type { Work } from './work.ts';

/** Where a copy goes. Offsets and lengths are multiples of 512. */
export interface CopyTarget {
  write(offset: number, bytes: Uint8Array): void;
  writeZeroes(offset: number, lengthBytes: number, options: { mayUnmap: boolean }): void;
  /** One whole cluster; the last one of a disk may be shorter. */
  writeCompressed?(offset: number, cluster: Uint8Array): void;
}

export interface CopyOptions {
  /** What the target can leave out on its own: a power of two, at least 512. */
  readonly unitBytes: number;
  /** Zeros in stored data are left out where there are at least this many together; 0: everything is written, holes too. */
  readonly leastZeroBytes: number;
  /** The target reads as zeros before the copy, so zeros need not be written. */
  readonly targetIsZero: boolean;
  /** What the top image does not hold itself is left out: the target has the same backing file. */
  readonly skipsBacking: boolean;
  /** Size of the clusters to be written compressed; null: plainly. */
  readonly compressedClusterBytes: number | null;
}

const CHUNK_BYTES = 2 * MiB;
/** Passed over at once, so that Ctrl-C is heard. */
const SKIP_BYTES = 1024 * MiB;
const ZEROS = new Uint8Array(CHUNK_BYTES);

/** Copies all of `source` to the start of `target`. */
export async function copyDisk(source: Source, target: CopyTarget, options: CopyOptions, work: Work): Promise<void> {
  const unitBytes = options.compressedClusterBytes ?? options.unitBytes;
  const chunk = new Uint8Array(CHUNK_BYTES);
  work.start(source.sizeBytes);
  for (let at = 0; at < source.sizeBytes; ) {
    const skipped = skip(source, target, at, unitBytes, options);
    if (skipped > 0) {
      at += skipped;
    } else {
      const piece = chunk.subarray(0, pieceLength(source, at, unitBytes, chunk.length));
      source.read(at, piece);
      writePiece(target, at, piece, options);
      at += piece.length;
    }
    await work.progress(at);
  }
}

/**
 * Passes over whole units from `at` on that need not be read: returns how many bytes, a multiple of `unitBytes` unless it is the
 * rest of the disk; 0 when the next unit must be read.
 */
function skip(source: Source, target: CopyTarget, at: number, unitBytes: number, options: CopyOptions): number {
  let end = at;
  let hidesBacking = false;
  // Small clusters make short extents, and a unit of the target may span many.
  while (end < source.sizeBytes && end - at < SKIP_BYTES) {
    const extent = source.extentAt(end, source.sizeBytes - end);
    const isLeftOut = options.skipsBacking && isLeftToBacking(extent);
    if (!isLeftOut && (options.leastZeroBytes === 0 || !readsAsZeros(extent))) break;
    if (end > at && hidesBacking === isLeftOut) break;
    hidesBacking = !isLeftOut;
    end += extent.lengthBytes;
  }
  const lengthBytes = (end >= source.sizeBytes ? source.sizeBytes : roundDown(end, unitBytes)) - at;
  if (lengthBytes > 0 && hidesBacking && !options.targetIsZero) target.writeZeroes(at, lengthBytes, { mayUnmap: true });
  return Math.max(0, lengthBytes);
}

/** How much to read at once: whole units, up to the end of what is stored alike. */
function pieceLength(source: Source, at: number, unitBytes: number, most: number): number {
  const { lengthBytes } = source.extentAt(at, Math.min(most, source.sizeBytes - at));
  return Math.min(roundUp(lengthBytes, unitBytes), most, source.sizeBytes - at);
}

function writePiece(target: CopyTarget, offset: number, piece: Uint8Array, options: CopyOptions): void {
  const { unitBytes, leastZeroBytes, targetIsZero, compressedClusterBytes } = options;
  if (compressedClusterBytes !== null) return writeClusters(target, offset, piece, compressedClusterBytes, options);
  if (leastZeroBytes === 0) return target.write(offset, piece);
  let from = 0;
  for (let at = 0; at < piece.length; ) {
    const zeroBytes = zerosAt(piece, at, unitBytes);
    if (zeroBytes < leastZeroBytes && at + zeroBytes < piece.length) {
      at += Math.max(zeroBytes, unitBytes);
      continue;
    }
    if (at > from) target.write(offset + from, piece.subarray(from, at));
    if (zeroBytes > 0 && !targetIsZero) target.writeZeroes(offset + at, zeroBytes, { mayUnmap: true });
    at += zeroBytes;
    from = at;
  }
  if (from < piece.length) target.write(offset + from, piece.subarray(from));
}

/** How many bytes from `from` on are zeros, in whole units; the last unit may be cut at the end of `bytes`. */
function zerosAt(bytes: Uint8Array, from: number, unitBytes: number): number {
  let to = from;
  while (to < bytes.length && isZeroAt(bytes, to, unitBytes)) to += unitBytes;
  return Math.min(to, bytes.length) - from;
}

function writeClusters(
  target: CopyTarget,
  offset: number,
  piece: Uint8Array,
  clusterBytes: number,
  { targetIsZero, leastZeroBytes }: CopyOptions,
): void {
  for (let at = 0; at < piece.length; at += clusterBytes) {
    const cluster = piece.subarray(at, at + clusterBytes);
    if (leastZeroBytes === 0 || !isZeroAt(cluster, 0, clusterBytes)) target.writeCompressed!(offset + at, cluster);
    else if (!targetIsZero) target.writeZeroes(offset + at, cluster.length, { mayUnmap: true });
  }
}

/** True when the unit at `from`, cut at the end of `bytes`, holds zeros only. */
function isZeroAt(bytes: Uint8Array, from: number, unitBytes: number): boolean {
  const to = Math.min(bytes.length, from + unitBytes);
  for (let at = from; at < to; at += ZEROS.length) {
    const length = Math.min(ZEROS.length, to - at);
    const view = Buffer.from(bytes.buffer, bytes.byteOffset + at, length);
    if (view.compare(ZEROS, 0, length) !== 0) return false;
  }
  return true;
}
