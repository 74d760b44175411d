/**
 * Compressed clusters: raw deflate streams or zstd frames, without a stored length (qcow2.rst, "Compressed Clusters").
 * What is stored is rounded up to sectors, so a stream is followed by bytes that are not its own.
 */
import zlib from 'node:zlib';
import { Qcow2Error } from '../base/errors.ts';
import { COMPRESSION_ZSTD } from './header-fields.ts';

/** Window of raw deflate streams in qcow2 images: 4 KiB. */
const DEFLATE_WINDOW_BITS = 12;
/** Frames for clusters of at most 2 MiB need no larger window; a hostile frame may ask for gigabytes. */
const ZSTD_WINDOW_LOG_MAX = 23;
const ZSTD_MAGIC = 0xfd2fb528;

/**
 * Inflates the stream at the start of `stored` to exactly `clusterBytes`. The output is bounded, whatever the stream claims.
 * `what` names the cluster in messages.
 * Throws CORRUPT when it is no stream of `compressionType` or does not give a whole cluster.
 */
export function decompressCluster(
  stored: Uint8Array,
  clusterBytes: number,
  compressionType: number,
  what = 'compressed cluster',
): Uint8Array {
  if (compressionType === COMPRESSION_ZSTD) requireZstd(what);
  let bytes: Uint8Array;
  try {
    bytes =
      compressionType === COMPRESSION_ZSTD
        ? zlib.zstdDecompressSync(stored.subarray(0, zstdFrameLength(stored)), {
            maxOutputLength: clusterBytes,
            params: { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
          })
        : zlib.inflateRawSync(stored, { maxOutputLength: clusterBytes, finishFlush: zlib.constants.Z_SYNC_FLUSH });
  } catch (error) {
    const name = compressionType === COMPRESSION_ZSTD ? 'zstd' : 'deflate';
    throw new Qcow2Error('CORRUPT', `${what} is not a ${name} stream of at most ${clusterBytes} bytes`, {}, error);
  }
  if (bytes.length === clusterBytes) return bytes;
  const facts = { expected: clusterBytes, found: bytes.length };
  throw new Qcow2Error('CORRUPT', `${what} gives ${bytes.length} bytes, not ${clusterBytes}`, facts);
}

/** Compresses a whole cluster; null when that saves nothing. */
export function compressCluster(cluster: Uint8Array, compressionType: number): Uint8Array | null {
  if (compressionType === COMPRESSION_ZSTD) requireZstd('cluster');
  const packed =
    compressionType === COMPRESSION_ZSTD
      ? zlib.zstdCompressSync(cluster)
      : zlib.deflateRawSync(cluster, { windowBits: DEFLATE_WINDOW_BITS });
  return packed.length < cluster.length ? packed : null;
}

/** Throws UNSUPPORTED where Node is older than its zstd: damage must not be suspected of a sound image. */
function requireZstd(what: string): void {
  if (zlib.zstdDecompressSync !== undefined) return;
  throw new Qcow2Error('UNSUPPORTED', `${what}: zstd needs Node 22.15 or newer; this is ${process.versions.node}`);
}

/** Bytes of the zstd frame at the start of `stored`, found by walking its blocks (RFC 8878, section 3.1.1). */
function zstdFrameLength(stored: Uint8Array): number {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  if (view.getUint32(0, true) !== ZSTD_MAGIC) throw new RangeError('no zstd frame');
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const contentSizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  let at = 5 + (singleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
  for (;;) {
    const block = view.getUint16(at, true) + view.getUint8(at + 2) * 0x10000;
    const isRunLength = ((block >>> 1) & 3) === 1;
    at += 3 + (isRunLength ? 1 : block >>> 3);
    if ((block & 1) !== 0) break;
  }
  return at + ((descriptor & 4) !== 0 ? 4 : 0);
}
