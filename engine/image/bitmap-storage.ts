/** Persistent dirty bitmaps in the file (qcow2.rst, "Bitmaps extension"): reading, storing and dropping them. */
import { corrupt, Qcow2Error } from '../base/errors.ts';
import type { HostRange } from '../base/units.ts';
import {
  BITMAP_DIRECTORY_BYTES_MAX,
  BITMAP_DIRTY_TRACKING,
  BITMAP_FLAGS,
  BITMAP_TABLE_ENTRY_BYTES,
  type BitmapEntry,
  type BitmapExtension,
  decodeBitmapDirectory,
  decodeBitmapExtension,
  encodeBitmapDirectory,
  encodeBitmapExtension,
} from '../format/bitmap-directory.ts';
import { AUTOCLEAR, EXTENSION, encodeHeader, type Header } from '../format/header.ts';
import { entryOffset } from '../format/l2-entry.ts';
import { writeUint64 } from '../format/uint64.ts';
import type { BlockFile } from '../io/block-file.ts';
import { readBytes, writeBytes } from '../io/sector-access.ts';
import { BitmapBits, refuseTooMany, tableEntriesFor } from './bitmap-bits.ts';
import type { FeatureBits } from './feature-bits.ts';
import type { Geometry } from './geometry.ts';
import { writeHeaderCluster } from './header-writing.ts';
import { type RoomParts, withRoom } from './make-room.ts';
import { peekHeader } from './metadata.ts';
import { orUndo, type UndoParts } from './undo.ts';

export interface BitmapParts extends UndoParts, RoomParts {
  readonly geometry: Geometry;
  readonly features: FeatureBits;
}

/** A bitmap of an open image. */
export interface LoadedBitmap {
  readonly entry: BitmapEntry;
  /** Null: in use, or of a kind that is not known; it stays as it is. */
  readonly bits: BitmapBits | null;
}

/** The bitmaps of the image in `file`; none where the feature bit says that they are out of date. Throws CORRUPT. */
export function readBitmaps(file: BlockFile, header: Header): BitmapEntry[] {
  const extension = currentExtension(header, file.name);
  return extension === null ? [] : readDirectory(file, extension);
}

/** The same with their bits. */
export function loadBitmaps(file: BlockFile): LoadedBitmap[] {
  const header = peekHeader(file);
  const { sizeBytes } = header;
  const clusterBytes = 2 ** header.clusterBits;
  return readBitmaps(file, header).map((entry) => ({
    entry,
    bits: isUsable(entry) ? loadBits(file, entry, sizeBytes, clusterBytes) : null,
  }));
}

function isUsable({ flags, type, extraData }: BitmapEntry): boolean {
  const isKnown = extraData.length === 0 || (flags & BITMAP_FLAGS.extraDataCompatible) !== 0;
  return (flags & BITMAP_FLAGS.inUse) === 0 && type === BITMAP_DIRTY_TRACKING && isKnown;
}

/** Without any bit set. */
export function newBits(
  file: BlockFile,
  sizeBytes: number,
  granularityBytes: number,
  clusterBytes: number,
): BitmapBits {
  refuseTooMany(sizeBytes, granularityBytes);
  return new BitmapBits({ sizeBytes, granularityBytes, clusterBytes }, (offset) => {
    const cluster = new Uint8Array(clusterBytes);
    readBytes(file, offset, cluster, 'header');
    return cluster;
  });
}

function loadBits(file: BlockFile, entry: BitmapEntry, sizeBytes: number, clusterBytes: number): BitmapBits {
  const { granularityBytes, tableEntries, name } = entry;
  const bits = newBits(file, sizeBytes, granularityBytes, clusterBytes);
  if (tableEntries !== tableEntriesFor(sizeBytes, granularityBytes, clusterBytes))
    throw damaged(
      file,
      `the table of ${JSON.stringify(name)} has ${tableEntries} entries, ${bits.tableEntries} needed`,
    );
  for (const [index, offset] of tableOf(file, entry, clusterBytes)) bits.load(index, offset === 0 ? 'ones' : offset);
  return bits;
}

/** The entries of a bitmap's table that say something: host offset of a cluster of bits, 0 for ones. */
function* tableOf(
  file: BlockFile,
  { tableOffset, tableEntries }: BitmapEntry,
  clusterBytes: number,
): Generator<[index: number, offset: number]> {
  const lengthBytes = tableEntries * BITMAP_TABLE_ENTRY_BYTES;
  refuseOutside(file, 'table', tableOffset, lengthBytes);
  const table = new Uint8Array(lengthBytes);
  readBytes(file, tableOffset, table, 'header');
  const view = new DataView(table.buffer);
  for (let index = 0; index < tableEntries; index++) {
    const at = index * BITMAP_TABLE_ENTRY_BYTES;
    const offset = entryOffset(view, at);
    const isOnes = offset === 0 && view.getUint8(at + 7) === 1;
    if (offset === 0 && !isOnes) continue;
    if (offset % clusterBytes !== 0) throw damaged(file, `a cluster at offset ${offset}`);
    if (!isOnes) refuseOutside(file, 'cluster', offset, clusterBytes);
    yield [index, offset];
  }
}

function currentExtension(header: Header, fileName: string): BitmapExtension | null {
  const data = header.extensions.find(({ type }) => type === EXTENSION.bitmaps)?.data;
  if (data === undefined || (header.autoclearFeatures & AUTOCLEAR.bitmaps) === 0n) return null;
  return decodeBitmapExtension(data, header.clusterBits, fileName);
}

function readDirectory(file: BlockFile, { count, directoryBytes, directoryOffset }: BitmapExtension): BitmapEntry[] {
  refuseOutside(file, 'directory', directoryOffset, directoryBytes);
  const bytes = new Uint8Array(directoryBytes);
  readBytes(file, directoryOffset, bytes, 'header');
  return decodeBitmapDirectory(bytes, count, file.name);
}

/** Sets the in-use flag of those that `isMarked` picks, where they are stored; durable on return. */
export function markInUse(
  file: BlockFile,
  bitmaps: readonly LoadedBitmap[],
  isMarked: (bitmap: LoadedBitmap) => boolean,
): void {
  const extension = currentExtension(peekHeader(file), file.name);
  const entries = bitmaps.map((bitmap) => {
    const { entry } = bitmap;
    return isMarked(bitmap) ? { ...entry, flags: entry.flags | BITMAP_FLAGS.inUse } : entry;
  });
  writeBytes(file, extension!.directoryOffset, encodeBitmapDirectory(entries), 'header');
  file.sync('hook-up');
}

/**
 * Makes `bitmaps` those of the image: what changed goes to new clusters, the header then names a new directory, and what only the old
 * one named is freed. Durable on return. A failure leaves the old ones.
 */
export function storeBitmaps(parts: BitmapParts, bitmaps: readonly LoadedBitmap[]): void {
  if (bitmaps.length === 0) return dropBitmaps(parts);
  const { file, policy, seal, features, allocator } = parts;
  // What a policy holds back of the header must be there before it is rewritten.
  policy.flush();
  const before = peekHeader(file);
  const old = rangesOrNone(file, before);
  const header = withRoom(parts, () =>
    orUndo(parts, { what: 'storing persistent bitmaps', first: 'references' }, () => {
      const stored = withBitmaps(before, writeBitmaps(parts, bitmaps));
      encodeHeader(stored);
      policy.flush();
      return stored;
    }),
  );
  try {
    writeWholeHeader(file, header);
    features.setAutoclear(header.autoclearFeatures);
  } catch (error) {
    if (error instanceof Qcow2Error) seal.closeHalfDone(file.name, 'storing persistent bitmaps', error);
    throw error;
  }
  const kept = new Set(rangesOf(file, header).map(({ offset }) => offset));
  allocator.release(
    old.filter(({ offset }) => !kept.has(offset)),
    [file.written],
  );
}

function writeBitmaps(parts: BitmapParts, bitmaps: readonly LoadedBitmap[]): BitmapExtension {
  const entries = bitmaps.map((bitmap) => writeBits(parts, bitmap));
  const directory = encodeBitmapDirectory(entries);
  if (directory.length > BITMAP_DIRECTORY_BYTES_MAX)
    throw new Qcow2Error('INVALID_ARGUMENT', `${parts.file.name}: the names of the bitmaps take more than 64 MiB`);
  return {
    count: entries.length,
    directoryBytes: directory.length,
    directoryOffset: writeAside(parts, directory),
  };
}

/** Stores the bits where they changed. Returns the entry that names them. */
function writeBits(parts: BitmapParts, { entry, bits }: LoadedBitmap): BitmapEntry {
  if (bits === null || (!bits.isChanged && entry.tableEntries === bits.tableEntries)) return entry;
  const { tableEntries } = bits;
  const table = new Uint8Array(tableEntries * BITMAP_TABLE_ENTRY_BYTES);
  const view = new DataView(table.buffer);
  for (const [index, content] of bits.content()) {
    const at = index * BITMAP_TABLE_ENTRY_BYTES;
    if (content === 'ones') view.setUint8(at + 7, 1);
    else writeUint64(view, at, typeof content === 'number' ? content : writeAside(parts, content));
  }
  return { ...entry, tableEntries, tableOffset: tableEntries === 0 ? 0 : writeAside(parts, table) };
}

/** Writes to new clusters, whole ones: what a table ends with is not left to chance. Returns their host offset. */
function writeAside({ file, geometry, allocator }: BitmapParts, bytes: Uint8Array): number {
  const clusters = geometry.clustersFor(bytes.length);
  const { offset } = allocator.allocate(clusters);
  const whole = new Uint8Array(clusters * geometry.clusterBytes);
  whole.set(bytes);
  file.write(offset, whole, 'header');
  return offset;
}

/** In the place of the extension that is there: what precedes it does not move. */
function withBitmaps(header: Header, extension: BitmapExtension): Header {
  const bitmaps = { type: EXTENSION.bitmaps, data: encodeBitmapExtension(extension) };
  const isThere = header.extensions.some(({ type }) => type === EXTENSION.bitmaps);
  const replaced = header.extensions.map((present) => (present.type === EXTENSION.bitmaps ? bitmaps : present));
  return {
    ...header,
    autoclearFeatures: header.autoclearFeatures | AUTOCLEAR.bitmaps,
    extensions: isThere ? replaced : [...header.extensions, bitmaps],
  };
}

/**
 * Takes the bitmaps out of the header and frees what they take. Where they are damaged their clusters stay, leaked, and only the bit
 * goes.
 */
export function dropBitmaps({
  features,
  file,
  policy,
  allocator,
}: Omit<BitmapParts, keyof UndoParts> & UndoParts): void {
  if ((features.autoclear & AUTOCLEAR.bitmaps) === 0n) return;
  policy.flush();
  const header = peekHeader(file);
  const ranges = rangesOrNone(file, header);
  features.setAutoclear(features.autoclear & ~AUTOCLEAR.bitmaps);
  const extensions = header.extensions.filter(({ type }) => type !== EXTENSION.bitmaps);
  writeWholeHeader(file, { ...header, autoclearFeatures: features.autoclear, extensions });
  allocator.release(ranges, [file.written]);
}

function writeWholeHeader(file: BlockFile, header: Header): void {
  const bytes = new Uint8Array(2 ** header.clusterBits);
  bytes.set(encodeHeader(header));
  writeHeaderCluster(file, bytes);
}

/** Every host range that the bitmaps take; none when their directory or a table cannot be followed. */
function rangesOrNone(file: BlockFile, header: Header): HostRange[] {
  try {
    return rangesOf(file, header);
  } catch (error) {
    if (error instanceof Qcow2Error && error.code === 'CORRUPT') return [];
    throw error;
  }
}

function rangesOf(file: BlockFile, header: Header): HostRange[] {
  const extension = currentExtension(header, file.name);
  if (extension === null) return [];
  const clusterBytes = 2 ** header.clusterBits;
  const ranges: HostRange[] = [{ offset: extension.directoryOffset, lengthBytes: extension.directoryBytes }];
  for (const entry of readDirectory(file, extension)) {
    ranges.push({ offset: entry.tableOffset, lengthBytes: entry.tableEntries * BITMAP_TABLE_ENTRY_BYTES });
    for (const [, offset] of tableOf(file, entry, clusterBytes))
      if (offset !== 0) ranges.push({ offset, lengthBytes: clusterBytes });
  }
  return ranges.filter(({ lengthBytes }) => lengthBytes > 0);
}

function damaged(file: BlockFile, why: string): Qcow2Error {
  return corrupt(file.name, `persistent bitmaps: ${why}`);
}

function refuseOutside(file: BlockFile, what: string, offset: number, lengthBytes: number): void {
  if (offset + lengthBytes <= file.sizeBytes()) return;
  const why = `persistent bitmaps: ${what} at offset ${offset} (${lengthBytes} bytes) is outside the file`;
  throw corrupt(file.name, why, { offset });
}
