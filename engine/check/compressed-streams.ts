/**
 * Compressed clusters, verified by inflating them: output is bounded by one cluster, so a stream that would grow without end costs
 * no more than a good one.
 */
import zlib from 'node:zlib';
import { Qcow2Error } from '../base/errors.ts';
import type { Examination } from './examination.ts';
import { zstdFrameLength } from './zstd-frame.ts';

const ZLIB_WINDOW_BITS = 12;
/** Frames for clusters of at most 2 MiB need no larger window; a hostile frame may ask for gigabytes. */
const ZSTD_WINDOW_LOG_MAX = 23;

export class CompressedStreams {
  readonly #x: Examination;
  /** Host offsets already verified: several entries may name one stream. */
  readonly #verified = new Set<number>();

  constructor(x: Examination) {
    this.#x = x;
  }

  /**
   * Reports the entry at file offset `at` when its stream does not give a whole cluster.
   * @throws Qcow2Error UNSUPPORTED for zstd where Node is older than its own.
   */
  verify(at: number, offset: number, lengthBytes: number): void {
    if (this.#verified.has(offset)) return;
    this.#verified.add(offset);
    const { clusterBytes, compressionType } = this.#x.shape;
    // Damage must not be suspected of a sound image.
    if (compressionType !== 0 && zlib.zstdDecompressSync === undefined)
      throw new Qcow2Error('UNSUPPORTED', `zstd needs Node 22.15 or newer; this is ${process.versions.node}`);
    const stream = new Uint8Array(lengthBytes);
    if (!this.#x.readInto(offset, stream, 'data')) return;
    const problem = inflateProblem(stream, compressionType, clusterBytes);
    if (problem !== null) this.#x.findings.add('compressed-stream', at, `${clusterBytes} bytes`, problem);
  }
}

/** Null when the stream gives `clusterBytes`, else what is wrong with it. */
function inflateProblem(stream: Uint8Array, compressionType: number, clusterBytes: number): string | null {
  try {
    const output = compressionType === 0 ? inflateZlib(stream, clusterBytes) : inflateZstd(stream, clusterBytes);
    return output.length === clusterBytes ? null : `stream gives only ${output.length} bytes`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return 'stream gives more than a cluster';
    return 'stream cannot be decompressed';
  }
}

function inflateZlib(stream: Uint8Array, clusterBytes: number): Uint8Array {
  return zlib.inflateRawSync(stream, {
    windowBits: ZLIB_WINDOW_BITS,
    maxOutputLength: clusterBytes,
    // The descriptor is rounded up to sectors, and the last sector may be past the end of the file.
    finishFlush: zlib.constants.Z_SYNC_FLUSH,
  });
}

function inflateZstd(stream: Uint8Array, clusterBytes: number): Uint8Array {
  return zlib.zstdDecompressSync(stream.subarray(0, zstdFrameLength(stream) ?? stream.length), {
    maxOutputLength: clusterBytes,
    params: { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
  });
}
