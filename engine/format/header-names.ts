/**
 * The names that a header carries: backing file, backing format, data file. They come from the image, so they are untrusted:
 * bounded in length, valid UTF-8 and free of NUL, but nothing is said about where they lead.
 */
import { corrupt, Qcow2Error } from '../base/errors.ts';
import { BACKING_NAME_BYTES_MAX, HEADER_FIELDS } from './header-fields.ts';

/** The backing file name at byte `offset` (0: none) of `bytes`, the header cluster; null when absent or empty. */
export function decodeBackingFileName(
  bytes: Uint8Array,
  offset: number,
  headerLength: number,
  fileName: string,
): string | null {
  if (offset === 0) return null;
  if (offset < headerLength || offset > bytes.length) {
    const facts = { table: 'header', offset: HEADER_FIELDS.backingFileOffset, found: offset } as const;
    throw corrupt(fileName, `invalid backing file offset ${offset}`, facts);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(HEADER_FIELDS.backingFileSize);
  if (length > Math.min(BACKING_NAME_BYTES_MAX, bytes.length - offset)) {
    const facts = { table: 'header', offset: HEADER_FIELDS.backingFileSize, found: length } as const;
    throw corrupt(fileName, `backing file name too long (${length} bytes)`, facts);
  }
  return length === 0 ? null : decodeText(bytes.subarray(offset, offset + length), 'backing file name', fileName);
}

/** `data` as text, or null when there is none. Throws CORRUPT for a NUL inside and UNSUPPORTED for what is not UTF-8. */
export function decodeText(data: Uint8Array | undefined, what: string, fileName: string): string | null {
  if (data === undefined) return null;
  if (data.includes(0)) throw corrupt(fileName, `${what} contains a NUL byte`, { table: 'header' });
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw new Qcow2Error('UNSUPPORTED', `${fileName}: ${what} is not valid UTF-8`, { file: fileName, table: 'header' });
  }
}
