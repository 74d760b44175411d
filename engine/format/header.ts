/**
 * The image header: decoding with every check that the header alone allows, and encoding (qcow2.rst, "Header").
 *
 * Invariants of a decoded header:
 *  1. every number is exact and within the limits of header-fields.ts;
 *  2. the L1 table and the refcount table are cluster aligned, not in the header cluster, and the L1 table covers the disk;
 *  3. no incompatible feature is set that this format layer does not know.
 * Whether the tables lie inside the file is for the reader of the tables to check; an encrypted, dirty or corrupt image
 * decodes: what may be done with it is for the opener to decide.
 */
import { corrupt, Qcow2Error } from '../base/errors.ts';
import type { FixedFields, Header } from './decoded-header.ts';
import { checkHeader, checkTablePlaces } from './header-checks.ts';
import {
  decodeExtensions,
  decodeFeatureNames,
  encodeExtensions,
  encodeFeatureNames,
  extensionsLength,
  type HeaderExtension,
} from './header-extensions.ts';
import {
  CLUSTER_BITS_MAX,
  CLUSTER_BITS_MIN,
  EXTENSION,
  HEADER_BYTES_V2,
  HEADER_BYTES_V3,
  HEADER_BYTES_V3_MIN,
  HEADER_FIELDS,
  QCOW2_MAGIC,
} from './header-fields.ts';
import { decodeBackingFileName, decodeText } from './header-names.ts';
import { readUint64, writeUint64 } from './uint64.ts';

export type { FixedFields, Header } from './decoded-header.ts';
export {
  type FeatureKind,
  type FeatureName,
  featureName,
  type HeaderExtension,
  STANDARD_FEATURE_NAMES,
} from './header-extensions.ts';
export * from './header-fields.ts';

/**
 * The cluster bits, from the first bytes of a file: how much must be read for {@link decodeHeader}.
 * Throws CORRUPT (not qcow2, too short) or UNSUPPORTED (version, cluster size).
 */
export function decodeClusterBits(firstBytes: Uint8Array, fileName: string): number {
  const view = viewOf(firstBytes);
  if (view.byteLength < 4 || view.getUint32(HEADER_FIELDS.magic) !== QCOW2_MAGIC) {
    throw corrupt(fileName, 'image is not in qcow2 format', { table: 'header', offset: HEADER_FIELDS.magic });
  }
  requireBytes(view.byteLength, HEADER_BYTES_V2, fileName);
  const version = view.getUint32(HEADER_FIELDS.version);
  if (version !== 2 && version !== 3) {
    const message = `${fileName}: unsupported qcow2 version ${version}`;
    throw new Qcow2Error('UNSUPPORTED', message, { file: fileName, offset: HEADER_FIELDS.version, found: version });
  }
  const clusterBits = view.getUint32(HEADER_FIELDS.clusterBits);
  if (clusterBits < CLUSTER_BITS_MIN || clusterBits > CLUSTER_BITS_MAX) {
    const message = `${fileName}: unsupported cluster size 2^${clusterBits} (2^9 to 2^21 bytes are possible)`;
    const facts = { file: fileName, offset: HEADER_FIELDS.clusterBits, found: clusterBits };
    throw new Qcow2Error('UNSUPPORTED', message, facts);
  }
  return clusterBits;
}

/**
 * Decodes and checks the header. `firstCluster` holds the file's bytes from 0 on: a whole cluster, or the whole file where that
 * is shorter. Throws one CORRUPT or UNSUPPORTED error that names the field and its offset.
 */
export function decodeHeader(firstCluster: Uint8Array, fileName: string): Header {
  const clusterBits = decodeClusterBits(firstCluster, fileName);
  const bytes = firstCluster.subarray(0, 2 ** clusterBits);
  const view = viewOf(bytes);
  const fixed = decodeFixedFields(view, clusterBits, fileName);
  const backingOffset = readUint64(view, HEADER_FIELDS.backingFileOffset, `${fileName}: backing file offset`);
  const backingFileName = decodeBackingFileName(bytes, backingOffset, fixed.headerLength, fileName);
  const extensionsEnd = backingOffset > 0 ? backingOffset : bytes.length;
  const extensions = decodeExtensions(bytes, fixed.headerLength, extensionsEnd, fileName);
  const dataOf = (type: number) => extensions.find((extension) => extension.type === type)?.data;
  const header: Header = {
    ...fixed,
    backingFileName,
    backingFormat: decodeText(dataOf(EXTENSION.backingFormat), 'backing format', fileName),
    dataFileName: decodeText(dataOf(EXTENSION.dataFileName), 'data file name', fileName),
    featureNames: decodeFeatureNames(dataOf(EXTENSION.featureNames) ?? new Uint8Array(0)),
    extensions: extensions.filter(({ type }) => !EXTENSIONS_WITH_FIELDS.has(type)),
    ...(fixed.headerLength > HEADER_BYTES_V3
      ? { unknownFields: bytes.slice(HEADER_BYTES_V3, fixed.headerLength) }
      : {}),
  };
  checkHeader(header, fileName);
  return header;
}

const EXTENSIONS_WITH_FIELDS: ReadonlySet<number> = new Set([
  EXTENSION.backingFormat,
  EXTENSION.dataFileName,
  EXTENSION.featureNames,
]);

/**
 * The fixed fields of a version 2 header from its first 72 bytes or more, the places and sizes of its tables checked; null for
 * version 3, where feature bits and their names, further on, decide what the tables mean. Throws as {@link decodeHeader} does.
 */
export function decodeVersion2Fields(firstBytes: Uint8Array, fileName: string): FixedFields | null {
  const clusterBits = decodeClusterBits(firstBytes, fileName);
  const view = viewOf(firstBytes);
  if (view.getUint32(HEADER_FIELDS.version) !== 2) return null;
  const fixed = decodeFixedFields(view, clusterBits, fileName);
  checkTablePlaces(fixed, fileName);
  return fixed;
}

function decodeFixedFields(view: DataView, clusterBits: number, fileName: string): FixedFields {
  const version = view.getUint32(HEADER_FIELDS.version) as 2 | 3;
  const u64 = (offset: number, what: string) => readUint64(view, offset, `${fileName}: ${what}`);
  return {
    version,
    clusterBits,
    sizeBytes: u64(HEADER_FIELDS.size, 'image is too big: virtual size'),
    cryptMethod: view.getUint32(HEADER_FIELDS.cryptMethod),
    l1Entries: view.getUint32(HEADER_FIELDS.l1Size),
    l1TableOffset: u64(HEADER_FIELDS.l1TableOffset, 'active L1 table offset'),
    refcountTableOffset: u64(HEADER_FIELDS.refcountTableOffset, 'refcount table offset'),
    refcountTableClusters: view.getUint32(HEADER_FIELDS.refcountTableClusters),
    snapshotCount: view.getUint32(HEADER_FIELDS.snapshotCount),
    snapshotsOffset: u64(HEADER_FIELDS.snapshotsOffset, 'snapshot table offset'),
    ...(version === 3 ? decodeVersion3Fields(view, fileName) : VERSION_2_FIELDS),
  };
}

type Version3Fields = Pick<
  Header,
  | 'incompatibleFeatures'
  | 'compatibleFeatures'
  | 'autoclearFeatures'
  | 'refcountOrder'
  | 'headerLength'
  | 'compressionType'
>;

const VERSION_2_FIELDS: Version3Fields = {
  incompatibleFeatures: 0n,
  compatibleFeatures: 0n,
  autoclearFeatures: 0n,
  refcountOrder: 4,
  headerLength: HEADER_BYTES_V2,
  compressionType: 0,
};

function decodeVersion3Fields(view: DataView, fileName: string): Version3Fields {
  requireBytes(view.byteLength, HEADER_BYTES_V3_MIN, fileName);
  const headerLength = view.getUint32(HEADER_FIELDS.headerLength);
  const facts = { table: 'header', offset: HEADER_FIELDS.headerLength, found: headerLength } as const;
  requireBytes(headerLength, HEADER_BYTES_V3_MIN, fileName);
  if (headerLength > view.byteLength) {
    throw corrupt(fileName, `qcow2 header exceeds cluster size (header length ${headerLength})`, facts);
  }
  if (headerLength % 8 !== 0) {
    throw corrupt(fileName, `qcow2 header length ${headerLength} is not a multiple of 8`, facts);
  }
  return {
    incompatibleFeatures: view.getBigUint64(HEADER_FIELDS.incompatibleFeatures),
    compatibleFeatures: view.getBigUint64(HEADER_FIELDS.compatibleFeatures),
    autoclearFeatures: view.getBigUint64(HEADER_FIELDS.autoclearFeatures),
    refcountOrder: view.getUint32(HEADER_FIELDS.refcountOrder),
    headerLength,
    compressionType: headerLength > HEADER_FIELDS.compressionType ? view.getUint8(HEADER_FIELDS.compressionType) : 0,
  };
}

function requireBytes(found: number, needed: number, fileName: string): void {
  if (found >= needed) return;
  const why = `qcow2 header too short (${found} bytes, ${needed} needed)`;
  throw corrupt(fileName, why, { table: 'header', expected: needed, found });
}

/**
 * The bytes from offset 0 to the end of the backing file name: fixed fields, extensions, end marker, name. A version 2 header
 * without backing file and extensions is its 72 fixed bytes alone. The feature name table is left out when there is no room
 * for it in the cluster; it only serves messages. Throws INVALID_ARGUMENT when the rest does not fit either.
 */
export function encodeHeader(h: Header): Uint8Array {
  const name = new TextEncoder().encode(h.backingFileName ?? '');
  const clusterBytes = 2 ** h.clusterBits;
  let extensions = extensionsToWrite(h, true);
  if (encodedLength(h, extensions, name.length) > clusterBytes) extensions = extensionsToWrite(h, false);
  const length = encodedLength(h, extensions, name.length);
  if (length > clusterBytes) {
    const message = `header of ${length} bytes (backing file name ${name.length}) does not fit into a cluster of ${clusterBytes}`;
    throw new Qcow2Error('INVALID_ARGUMENT', message, { table: 'header', found: length });
  }
  const bytes = new Uint8Array(length);
  encodeFixedFields(viewOf(bytes), h, name.length);
  if (h.unknownFields !== undefined) bytes.set(h.unknownFields, HEADER_BYTES_V3);
  encodeExtensions(extensions, bytes, h.headerLength);
  bytes.set(name, length - name.length);
  return bytes;
}

function extensionsToWrite(h: Header, withFeatureNames: boolean): HeaderExtension[] {
  const text = (type: number, value: string | null) =>
    value === null ? [] : [{ type, data: new TextEncoder().encode(value) }];
  const names = withFeatureNames && h.featureNames.length > 0 ? [encodeFeatureNames(h.featureNames)] : [];
  return [
    ...text(EXTENSION.backingFormat, h.backingFormat),
    ...text(EXTENSION.dataFileName, h.dataFileName),
    ...names.map((data) => ({ type: EXTENSION.featureNames, data })),
    ...h.extensions,
  ];
}

function encodedLength(h: Header, extensions: readonly HeaderExtension[], nameBytes: number): number {
  const isBare = h.version === 2 && extensions.length === 0 && nameBytes === 0;
  return h.headerLength + (isBare ? 0 : extensionsLength(extensions)) + nameBytes;
}

function encodeFixedFields(view: DataView, h: Header, nameBytes: number): void {
  view.setUint32(HEADER_FIELDS.magic, QCOW2_MAGIC);
  view.setUint32(HEADER_FIELDS.version, h.version);
  writeUint64(view, HEADER_FIELDS.backingFileOffset, nameBytes > 0 ? view.byteLength - nameBytes : 0);
  view.setUint32(HEADER_FIELDS.backingFileSize, nameBytes);
  view.setUint32(HEADER_FIELDS.clusterBits, h.clusterBits);
  writeUint64(view, HEADER_FIELDS.size, h.sizeBytes);
  view.setUint32(HEADER_FIELDS.cryptMethod, h.cryptMethod);
  view.setUint32(HEADER_FIELDS.l1Size, h.l1Entries);
  writeUint64(view, HEADER_FIELDS.l1TableOffset, h.l1TableOffset);
  writeUint64(view, HEADER_FIELDS.refcountTableOffset, h.refcountTableOffset);
  view.setUint32(HEADER_FIELDS.refcountTableClusters, h.refcountTableClusters);
  view.setUint32(HEADER_FIELDS.snapshotCount, h.snapshotCount);
  writeUint64(view, HEADER_FIELDS.snapshotsOffset, h.snapshotsOffset);
  if (h.version === 2) return;
  view.setBigUint64(HEADER_FIELDS.incompatibleFeatures, h.incompatibleFeatures);
  view.setBigUint64(HEADER_FIELDS.compatibleFeatures, h.compatibleFeatures);
  view.setBigUint64(HEADER_FIELDS.autoclearFeatures, h.autoclearFeatures);
  view.setUint32(HEADER_FIELDS.refcountOrder, h.refcountOrder);
  view.setUint32(HEADER_FIELDS.headerLength, h.headerLength);
  if (h.headerLength > HEADER_FIELDS.compressionType) {
    view.setUint8(HEADER_FIELDS.compressionType, h.compressionType);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
