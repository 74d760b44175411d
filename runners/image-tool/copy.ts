/** Copying a disk: stretches that read as zeros are not written where the target reads as zeros already. */
import { KiB, MiB, roundDown, roundUp } from '../../engine/index.ts';
import { readsAsZeros } from './extents.ts';
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
  /** Zeros are looked for in units of this many bytes, a power of two; 0: everything is written. */
  readonly zeroUnitBytes: number;
  /** The target reads as zeros before the copy, so zeros need not be written. */
  readonly targetIsZero: boolean;
  /** What the top image does not hold itself is left out: the target has the same backing file. */
  readonly skipsBacking: boolean;
  /** Size of the clusters to be written compressed; null: plainly. */
  readonly compressedClusterBytes: number | null;
}

const CHUNK_BYTES = 2 * MiB;
const ZEROS = new Uint8Array(CHUNK_BYTES);

/** Copies all of `source` to the start of `target`. */
export async function copyDisk(source: Source, target: CopyTarget, options: CopyOptions, work: Work): Promise<void> {
  const unitBytes = options.compressedClusterBytes ?? Math.max(options.zeroUnitBytes, 64 * KiB);
  const chunk = new Uint8Array(Math.max(CHUNK_BYTES, unitBytes));
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
  const extent = source.extentAt(at, source.sizeBytes - at);
  const end = at + extent.lengthBytes;
  const lengthBytes = (end === source.sizeBytes ? end : roundDown(end, unitBytes)) - at;
  if (lengthBytes <= 0) return 0;
  if (options.skipsBacking && (extent.depth > 0 || extent.stored === 'absent')) return lengthBytes;
  if (options.zeroUnitBytes === 0 || !readsAsZeros(extent)) return 0;
  if (!options.targetIsZero) target.writeZeroes(at, lengthBytes, { mayUnmap: true });
  return lengthBytes;
}

/** How much to read at once: whole units, up to the end of what is stored alike. */
function pieceLength(source: Source, at: number, unitBytes: number, most: number): number {
  const { lengthBytes } = source.extentAt(at, Math.min(most, source.sizeBytes - at));
  return Math.min(roundUp(lengthBytes, unitBytes), most, source.sizeBytes - at);
}

function writePiece(target: CopyTarget, offset: number, piece: Uint8Array, options: CopyOptions): void {
  const { zeroUnitBytes, targetIsZero, compressedClusterBytes } = options;
  if (compressedClusterBytes !== null) return writeClusters(target, offset, piece, compressedClusterBytes, options);
  if (zeroUnitBytes === 0) return target.write(offset, piece);
  for (let from = 0; from < piece.length; ) {
    const isZero = isZeroAt(piece, from, zeroUnitBytes);
    let to = from + zeroUnitBytes;
    while (to < piece.length && isZeroAt(piece, to, zeroUnitBytes) === isZero) to += zeroUnitBytes;
    const run = piece.subarray(from, to);
    if (!isZero) target.write(offset + from, run);
    else if (!targetIsZero) target.writeZeroes(offset + from, run.length, { mayUnmap: true });
    from = to;
  }
}

function writeClusters(
  target: CopyTarget,
  offset: number,
  piece: Uint8Array,
  clusterBytes: number,
  { targetIsZero }: CopyOptions,
): void {
  for (let at = 0; at < piece.length; at += clusterBytes) {
    const cluster = piece.subarray(at, at + clusterBytes);
    if (!isZeroAt(cluster, 0, clusterBytes)) target.writeCompressed!(offset + at, cluster);
    else if (!targetIsZero) target.writeZeroes(offset + at, cluster.length, { mayUnmap: true });
  }
}

/** True when the unit at `from`, cut at the end of `bytes`, holds zeros only. */
export function isZeroAt(bytes: Uint8Array, from: number, unitBytes: number): boolean {
  const to = Math.min(bytes.length, from + unitBytes);
  for (let at = from; at < to; at += ZEROS.length) {
    const length = Math.min(ZEROS.length, to - at);
    const view = Buffer.from(bytes.buffer, bytes.byteOffset + at, length);
    if (view.compare(ZEROS, 0, length) !== 0) return false;
  }
  return true;
}
