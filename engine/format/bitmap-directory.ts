/**
 * Persistent dirty bitmaps: the header extension and the directory that it names (qcow2.rst, "Bitmaps extension", "Bitmap
 * directory").
 *
 *   extension:  u32 count, u32 reserved, u64 directory size in bytes, u64 directory offset
 *   entry:      u64 table offset, u32 table entries, u32 flags, u8 type, u8 granularity bits, u16 name size, u32 extra size,
 *               extra data, name; padded to 8 bytes
 */
import { corrupt, type Qcow2Error } from '../base/errors.ts';
import { MiB, roundUp } from '../base/units.ts';
import { readUint64, writeUint64 } from './uint64.ts';

const EXTENSION_BYTES = 24;
const ENTRY_BYTES = 24;
export const BITMAP_COUNT_MAX = 65_535;
export const BITMAP_DIRECTORY_BYTES_MAX = 64 * MiB;
/** A table entry is a host offset in bits 9 to 55, or bit 0 for "all ones". */
export const BITMAP_TABLE_ENTRY_BYTES = 8;

export const BITMAP_FLAGS = { inUse: 1, auto: 2, extraDataCompatible: 4 } as const;
/** The only type there is: bits of what has changed. */
export const BITMAP_DIRTY_TRACKING = 1;

export interface BitmapExtension {
  readonly count: number;
  readonly directoryBytes: number;
  readonly directoryOffset: number;
}

export interface BitmapEntry {
  /** Untrusted: escape it before showing it. */
  readonly name: string;
  /** As it is stored; {@link name} is its text, as far as it is UTF-8. */
  readonly nameBytes: Uint8Array;
  /** Sum of {@link BITMAP_FLAGS}. */
  readonly flags: number;
  /** Bytes of the disk that one bit stands for. */
  readonly granularityBytes: number;
  readonly tableOffset: number;
  readonly tableEntries: number;
  readonly type: number;
  readonly extraData: Uint8Array;
}

/** @throws Qcow2Error CORRUPT for an extension that names no directory. */
export function decodeBitmapExtension(data: Uint8Array, clusterBits: number, fileName: string): BitmapExtension {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < EXTENSION_BYTES) throw damaged(fileName, `header extension of ${data.length} bytes`);
  const count = view.getUint32(0);
  const directoryBytes = readUint64(view, 8, `${fileName}: bitmap directory size`);
  const directoryOffset = readUint64(view, 16, `${fileName}: bitmap directory offset`);
  if (count === 0 || count > BITMAP_COUNT_MAX) throw damaged(fileName, `${count} bitmaps`);
  if (directoryBytes > BITMAP_DIRECTORY_BYTES_MAX || directoryBytes < count * ENTRY_BYTES)
    throw damaged(fileName, `directory of ${directoryBytes} bytes for ${count} bitmaps`);
  if (directoryOffset === 0 || directoryOffset % 2 ** clusterBits !== 0)
    throw damaged(fileName, `directory at offset ${directoryOffset}`);
  return { count, directoryBytes, directoryOffset };
}

/** @throws Qcow2Error CORRUPT when the directory does not hold `count` entries. */
export function decodeBitmapDirectory(bytes: Uint8Array, count: number, fileName: string): BitmapEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: BitmapEntry[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + ENTRY_BYTES > bytes.length) throw damaged(fileName, `directory ends after entry ${index}`);
    const nameStart = at + ENTRY_BYTES + view.getUint32(at + 20);
    const nameEnd = nameStart + view.getUint16(at + 18);
    const granularityBits = view.getUint8(at + 17);
    if (nameEnd > bytes.length || granularityBits > 31)
      throw damaged(fileName, `directory entry ${index} makes no sense`);
    const nameBytes = bytes.slice(nameStart, nameEnd);
    entries.push({
      name: new TextDecoder().decode(nameBytes),
      nameBytes,
      flags: view.getUint32(at + 12),
      granularityBytes: 2 ** granularityBits,
      tableOffset: readUint64(view, at, `${fileName}: bitmap table offset`),
      tableEntries: view.getUint32(at + 8),
      type: view.getUint8(at + 16),
      extraData: bytes.slice(at + ENTRY_BYTES, nameStart),
    });
    at = roundUp(nameEnd, 8);
  }
  return entries;
}

export function encodeBitmapExtension({ count, directoryBytes, directoryOffset }: BitmapExtension): Uint8Array {
  const data = new Uint8Array(EXTENSION_BYTES);
  const view = new DataView(data.buffer);
  view.setUint32(0, count);
  writeUint64(view, 8, directoryBytes);
  writeUint64(view, 16, directoryOffset);
  return data;
}

/** The directory as {@link decodeBitmapDirectory} reads it. */
export function encodeBitmapDirectory(entries: readonly BitmapEntry[]): Uint8Array {
  const lengths = entries.map(({ extraData, nameBytes }) =>
    roundUp(ENTRY_BYTES + extraData.length + nameBytes.length, 8),
  );
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  entries.forEach((entry, index) => {
    writeUint64(view, at, entry.tableOffset);
    view.setUint32(at + 8, entry.tableEntries);
    view.setUint32(at + 12, entry.flags);
    view.setUint8(at + 16, entry.type);
    view.setUint8(at + 17, Math.log2(entry.granularityBytes));
    view.setUint16(at + 18, entry.nameBytes.length);
    view.setUint32(at + 20, entry.extraData.length);
    bytes.set(entry.extraData, at + ENTRY_BYTES);
    bytes.set(entry.nameBytes, at + ENTRY_BYTES + entry.extraData.length);
    at += lengths[index]!;
  });
  return bytes;
}

function damaged(fileName: string, why: string): Qcow2Error {
  return corrupt(fileName, `persistent bitmaps: ${why}`);
}
