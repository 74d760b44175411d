/**
 * Persistent dirty bitmaps of an image (qcow2.rst, "Bitmaps extension"). They are not kept up to date, so they are dropped before
 * the disk changes: a bitmap that misses a change would make a backup miss it. What leaves the disk as it is (taking and deleting
 * snapshots, amending, repairing) keeps them.
 */
import { corrupt, Qcow2Error } from '../base/errors.ts';
import type { HostRange } from '../base/units.ts';
import type { Allocator } from '../cache/allocator.ts';
import type { CachePolicy } from '../cache/policy.ts';
import {
  BITMAP_TABLE_ENTRY_BYTES,
  type BitmapEntry,
  type BitmapExtension,
  decodeBitmapDirectory,
  decodeBitmapExtension,
} from '../format/bitmap-directory.ts';
import { AUTOCLEAR, EXTENSION, encodeHeader, type Header } from '../format/header.ts';
import { entryOffset } from '../format/l2-entry.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { DurableFile } from '../io/durability.ts';
import { readBytes } from '../io/sector-access.ts';
import type { FeatureBits } from './feature-bits.ts';
import type { Geometry } from './geometry.ts';
import { writeHeaderCluster } from './header-writing.ts';
import { peekHeader } from './metadata.ts';

export interface DroppingParts {
  readonly file: DurableFile;
  readonly geometry: Geometry;
  readonly policy: CachePolicy;
  readonly allocator: Allocator;
  readonly features: FeatureBits;
}

/** The bitmaps of the image in `file`; none where the feature bit says that they are out of date. Throws CORRUPT. */
export function readBitmaps(file: BlockFile, header: Header): BitmapEntry[] {
  const extension = currentExtension(header, file.name);
  return extension === null ? [] : readDirectory(file, extension);
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

/**
 * Before the first change of the disk: takes the bitmaps out of the header and frees what they take. Where they are damaged their
 * clusters stay, leaked, and only the bit goes.
 */
export function dropBitmaps({ features, file, geometry, policy, allocator }: DroppingParts): void {
  if ((features.autoclear & AUTOCLEAR.bitmaps) === 0n) return;
  // What a policy holds back of the header must be there before it is rewritten.
  policy.flush();
  const header = peekHeader(file);
  const ranges = rangesOf(file, header, geometry.clusterBytes);
  features.setAutoclear(features.autoclear & ~AUTOCLEAR.bitmaps);
  const bytes = new Uint8Array(geometry.clusterBytes);
  bytes.set(encodeHeader(withoutBitmaps(header, features.autoclear)));
  writeHeaderCluster(file, bytes);
  allocator.release(ranges, [file.written]);
}

/** The header of an image that has none. */
function withoutBitmaps(header: Header, autoclearFeatures: bigint): Header {
  return {
    ...header,
    autoclearFeatures,
    extensions: header.extensions.filter(({ type }) => type !== EXTENSION.bitmaps),
  };
}

/** Every host range that the bitmaps take; none when their directory or a table cannot be followed. */
function rangesOf(file: BlockFile, header: Header, clusterBytes: number): HostRange[] {
  try {
    const extension = currentExtension(header, file.name);
    if (extension === null) return [];
    const ranges: HostRange[] = [{ offset: extension.directoryOffset, lengthBytes: extension.directoryBytes }];
    for (const { tableOffset, tableEntries } of readDirectory(file, extension)) {
      const lengthBytes = tableEntries * BITMAP_TABLE_ENTRY_BYTES;
      refuseOutside(file, 'table', tableOffset, lengthBytes);
      ranges.push({ offset: tableOffset, lengthBytes });
      const table = new Uint8Array(lengthBytes);
      readBytes(file, tableOffset, table, 'header');
      const view = new DataView(table.buffer);
      for (let at = 0; at < lengthBytes; at += BITMAP_TABLE_ENTRY_BYTES) {
        const offset = entryOffset(view, at);
        if (offset === 0) continue;
        refuseOutside(file, 'cluster', offset, clusterBytes);
        ranges.push({ offset, lengthBytes: clusterBytes });
      }
    }
    return ranges;
  } catch (error) {
    if (error instanceof Qcow2Error && error.code === 'CORRUPT') return [];
    throw error;
  }
}

function refuseOutside(file: BlockFile, what: string, offset: number, lengthBytes: number): void {
  if (offset + lengthBytes <= file.sizeBytes()) return;
  const why = `persistent bitmaps: ${what} at offset ${offset} (${lengthBytes} bytes) is outside the file`;
  throw corrupt(file.name, why, { offset });
}
