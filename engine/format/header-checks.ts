/**
 * What a header must satisfy before any table is read: limits, alignments, feature bits that need each other.
 */
import { type ErrorFacts, Qcow2Error, type Qcow2ErrorCode } from '../base/errors.ts';
import type { FixedFields, Header } from './decoded-header.ts';
import { featureName } from './header-extensions.ts';
import {
  BACKING_FORMAT_BYTES_MAX,
  COMPRESSION_ZSTD,
  DATA_FILE_NAME_BYTES_MAX,
  EXTENDED_L2_CLUSTER_BITS_MIN,
  HEADER_FIELDS,
  INCOMPATIBLE,
  INCOMPATIBLE_KNOWN,
  L1_BYTES_MAX,
  REFCOUNT_TABLE_BYTES_MAX,
  SNAPSHOT_COUNT_MAX,
} from './header-fields.ts';

/** Throws one CORRUPT or UNSUPPORTED error for the first rule that `header` breaks. */
export function checkHeader(header: Header, fileName: string): void {
  checkFeatures(header, fileName);
  checkNames(header, fileName);
  checkTablePlaces(header, fileName);
}

/** The part of {@link checkHeader} that is about where the tables are and how large. */
export function checkTablePlaces(header: FixedFields, fileName: string): void {
  checkRefcountTable(header, fileName);
  checkL1Table(header, fileName);
  checkSnapshotTable(header, fileName);
}

function fail(code: Qcow2ErrorCode, fileName: string, message: string, facts: ErrorFacts): never {
  throw new Qcow2Error(code, `${fileName}: ${message}`, { file: fileName, table: 'header', ...facts });
}

function checkFeatures(header: Header, fileName: string): void {
  const unknown = header.incompatibleFeatures & ~INCOMPATIBLE_KNOWN;
  if (unknown !== 0n) {
    const names = bitsOf(unknown).map((bit) => featureName(header.featureNames, 'incompatible', bit));
    const offset = HEADER_FIELDS.incompatibleFeatures;
    const found = `0x${unknown.toString(16)}`;
    fail('UNSUPPORTED', fileName, `unsupported qcow2 feature(s): ${names.join(', ')}`, { offset, found });
  }
  if (header.cryptMethod > 2) {
    const facts = { offset: HEADER_FIELDS.cryptMethod, found: header.cryptMethod };
    fail('UNSUPPORTED', fileName, `unsupported encryption method ${header.cryptMethod}`, facts);
  }
  checkCompressionType(header, fileName);
  if (
    (header.incompatibleFeatures & INCOMPATIBLE.extendedL2) !== 0n &&
    header.clusterBits < EXTENDED_L2_CLUSTER_BITS_MIN
  ) {
    const message = `extended L2 entries need clusters of at least 16384 bytes (found ${2 ** header.clusterBits})`;
    fail('UNSUPPORTED', fileName, message, { offset: HEADER_FIELDS.clusterBits, found: header.clusterBits });
  }
  if (header.refcountOrder > 6) {
    const message = `reference count width 2^${header.refcountOrder} too large; may not exceed 64 bits`;
    fail('CORRUPT', fileName, message, { offset: HEADER_FIELDS.refcountOrder, found: header.refcountOrder });
  }
}

function bitsOf(mask: bigint): number[] {
  return Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => ((mask >> BigInt(bit)) & 1n) !== 0n);
}

function checkCompressionType(header: Header, fileName: string): void {
  const type = header.compressionType;
  const facts = { offset: HEADER_FIELDS.compressionType, found: type };
  const hasBit = (header.incompatibleFeatures & INCOMPATIBLE.compression) !== 0n;
  if (hasBit && type === 0) {
    fail('CORRUPT', fileName, 'compression type feature bit is set, but the compression type is 0 (zlib)', facts);
  }
  if (!hasBit && type !== 0) {
    fail('CORRUPT', fileName, `compression type is ${type}, but the compression type feature bit is clear`, facts);
  }
  if (type > COMPRESSION_ZSTD) fail('UNSUPPORTED', fileName, `unsupported compression type ${type}`, facts);
}

function checkNames(header: Header, fileName: string): void {
  const formatBytes = utf8Length(header.backingFormat ?? '');
  if (formatBytes > BACKING_FORMAT_BYTES_MAX) {
    fail('CORRUPT', fileName, `backing format name too long (${formatBytes} bytes)`, { found: formatBytes });
  }
  if ((header.incompatibleFeatures & INCOMPATIBLE.dataFile) === 0n) return;
  if (header.dataFileName === null || header.dataFileName === '') {
    const offset = HEADER_FIELDS.incompatibleFeatures;
    fail('CORRUPT', fileName, 'external data file is required for this image, but it has no name', { offset });
  }
  const nameBytes = utf8Length(header.dataFileName);
  if (nameBytes > DATA_FILE_NAME_BYTES_MAX) {
    fail('CORRUPT', fileName, `data file name too long (${nameBytes} bytes)`, { found: nameBytes });
  }
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

function checkRefcountTable(header: FixedFields, fileName: string): void {
  const clusters = header.refcountTableClusters;
  const countFacts = { offset: HEADER_FIELDS.refcountTableClusters, found: clusters };
  if (clusters === 0) fail('CORRUPT', fileName, 'image does not contain a reference count table', countFacts);
  const bytes = clusters * 2 ** header.clusterBits;
  if (bytes > REFCOUNT_TABLE_BYTES_MAX) {
    const message = `reference count table too large (${clusters} clusters; the limit is 8 MiB)`;
    fail('UNSUPPORTED', fileName, message, countFacts);
  }
  const place = {
    name: 'reference count table offset',
    field: HEADER_FIELDS.refcountTableOffset,
    offset: header.refcountTableOffset,
    lengthBytes: bytes,
  };
  checkTablePlace(place, header, fileName);
}

function checkL1Table(header: FixedFields, fileName: string): void {
  const entries = header.l1Entries;
  const countFacts = { offset: HEADER_FIELDS.l1Size, found: entries };
  if (entries * 8 > L1_BYTES_MAX) {
    fail('UNSUPPORTED', fileName, `active L1 table too large (${entries} entries; the limit is 32 MiB)`, countFacts);
  }
  const needed = l1EntriesNeeded(header);
  if (needed * 8 > L1_BYTES_MAX) {
    const message = `image is too big: ${header.sizeBytes} bytes in clusters of ${2 ** header.clusterBits}`;
    fail('UNSUPPORTED', fileName, message, { offset: HEADER_FIELDS.size, found: header.sizeBytes });
  }
  if (entries < needed) {
    const message = `L1 table is too small (${entries} entries, ${needed} needed)`;
    fail('CORRUPT', fileName, message, { ...countFacts, expected: needed });
  }
  if (entries === 0) return;
  const place = {
    name: 'active L1 table offset',
    field: HEADER_FIELDS.l1TableOffset,
    offset: header.l1TableOffset,
    lengthBytes: entries * 8,
  };
  checkTablePlace(place, header, fileName);
}

/** L1 entries that a disk of the header's size needs. */
function l1EntriesNeeded(header: Pick<Header, 'sizeBytes' | 'clusterBits' | 'incompatibleFeatures'>): number {
  const entryBytes = (header.incompatibleFeatures & INCOMPATIBLE.extendedL2) !== 0n ? 16 : 8;
  const clusterBytes = 2 ** header.clusterBits;
  return Math.ceil(header.sizeBytes / clusterBytes / (clusterBytes / entryBytes));
}

function checkSnapshotTable(header: FixedFields, fileName: string): void {
  const count = header.snapshotCount;
  if (count > SNAPSHOT_COUNT_MAX) {
    const message = `snapshot table too large (${count} snapshots; the limit is ${SNAPSHOT_COUNT_MAX})`;
    fail('UNSUPPORTED', fileName, message, { offset: HEADER_FIELDS.snapshotCount, found: count });
  }
  if (count === 0) return;
  const place = {
    name: 'snapshot table offset',
    field: HEADER_FIELDS.snapshotsOffset,
    offset: header.snapshotsOffset,
    lengthBytes: 0,
  };
  checkTablePlace(place, header, fileName);
}

interface TablePlace {
  readonly name: string;
  /** Where the header says so. */
  readonly field: number;
  readonly offset: number;
  readonly lengthBytes: number;
}

function checkTablePlace(place: TablePlace, header: FixedFields, fileName: string): void {
  const { name, field, offset, lengthBytes } = place;
  const clusterBytes = 2 ** header.clusterBits;
  let why = '';
  if (offset % clusterBytes !== 0) why = `not a multiple of the cluster size ${clusterBytes}`;
  else if (offset === 0) why = 'that is the header';
  else if (!Number.isSafeInteger(offset + lengthBytes)) why = 'too large';
  if (why === '') return;
  fail('CORRUPT', fileName, `${name} ${offset} invalid: ${why}`, { offset: field, found: offset });
}
