/**
 * Where a Zstandard frame ends (RFC 8878, 3.1.1). Compressed descriptors are rounded up to sectors, and the decompressor takes
 * the bytes after a frame for a broken second one.
 */

const MAGIC = 0x28b52ffd;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;

/** Bytes of the frame that starts at the beginning of `bytes`; null when it is no frame or is cut off. */
export function zstdFrameLength(bytes: Uint8Array): number | null {
  if (bytes.length < 6) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== MAGIC) return null;
  const descriptor = view.getUint8(4);
  const hasChecksum = (descriptor & 4) !== 0;
  let at = 5 + frameHeaderRest(descriptor);
  for (let isLast = false; !isLast; ) {
    if (at + 3 > bytes.length) return null;
    const header = view.getUint16(at, true) + view.getUint8(at + 2) * 0x10000;
    isLast = header % 2 === 1;
    const type = Math.floor(header / 2) % 4;
    if (type === BLOCK_RESERVED) return null;
    at += 3 + (type === BLOCK_RLE ? 1 : Math.floor(header / 8));
  }
  if (hasChecksum) at += 4;
  return at <= bytes.length ? at : null;
}

/** Bytes of window descriptor, dictionary id and content size. */
function frameHeaderRest(descriptor: number): number {
  const isSingleSegment = (descriptor & 32) !== 0;
  const contentSizeFlag = descriptor >>> 6;
  const contentSizeBytes = contentSizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** contentSizeFlag;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  return (isSingleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
}
