/** Reading what an open image keeps in memory: header, L1 table, refcount table, snapshot table, each checked before it is believed. */
import { corrupt } from '../base/errors.ts';
import type { HostRange } from '../base/units.ts';
import { roundUp, SECTOR_BYTES } from '../base/units.ts';
import {
  decodeClusterBits,
  decodeHeader,
  decodeVersion2Fields,
  EXTENSION,
  type FixedFields,
  HEADER_BYTES_V2,
  HEADER_BYTES_V3_MIN,
  HEADER_FIELDS,
  type Header,
  INCOMPATIBLE,
} from '../format/header.ts';
import { checkSnapshotL1, decodeSnapshotTable, type SnapshotEntry } from '../format/snapshot-table.ts';
import type { BlockFile, TableKind } from '../io/block-file.ts';
import { readBytes } from '../io/sector-access.ts';
import { Geometry } from './geometry.ts';
import { L1Table } from './l1-table.ts';
import { decodeRefcountTable } from './refcount-table.ts';
import type { RefcountTable } from './vars.ts';

/** Type and length in front of an extension's data. */
const EXTENSION_HEAD_BYTES = 8;

export interface Tables {
  readonly l1: L1Table;
  readonly refcountTable: RefcountTable;
}

/** In the order of history for version 2: the fixed fields, the tables, and only then extensions and names. */
export function readHeaderAndTables(file: BlockFile): Tables & { readonly header: Header } {
  const first = new Uint8Array(Math.min(SECTOR_BYTES, file.sizeBytes()));
  if (first.length >= HEADER_BYTES_V2) file.read(0, first, 'header');
  const fixed = decodeVersion2Fields(first, file.name);
  const tables = fixed === null ? null : readTables(file, fixed);
  const header = readHeader(file, first);
  return { header, ...(tables ?? readTables(file, header)) };
}

/** The header alone, decoded and checked. */
export function peekHeader(file: BlockFile): Header {
  const first = new Uint8Array(Math.min(SECTOR_BYTES, file.sizeBytes()));
  file.read(0, first, 'header');
  return readHeader(file, first);
}

function readTables(file: BlockFile, fields: FixedFields): Tables {
  const geometry = geometryOf(fields);
  const l1 = readActiveL1(file, geometry, fields);
  return { l1, refcountTable: readRefcountTable(file, geometry, fields) };
}

export function geometryOf(fields: FixedFields, l2SliceBytes?: number): Geometry {
  const { clusterBits, refcountOrder } = fields;
  const extendedL2 = (fields.incompatibleFeatures & INCOMPATIBLE.extendedL2) !== 0n;
  return new Geometry({
    clusterBits,
    refcountOrder,
    extendedL2,
    ...(l2SliceBytes === undefined ? {} : { l2SliceBytes }),
  });
}

/** The whole header, of which `first` has been read. What no field, extension or name covers stays zero. */
function readHeader(file: BlockFile, first: Uint8Array): Header {
  const clusterBytes = 2 ** decodeClusterBits(first, file.name);
  const cluster = new Uint8Array(Math.min(clusterBytes, file.sizeBytes()));
  cluster.set(first);
  const view = new DataView(cluster.buffer);
  // What is too short even for its fixed fields is for the decoder to refuse.
  const isShort = view.getUint32(HEADER_FIELDS.version) === 2 || cluster.length < HEADER_BYTES_V3_MIN;
  const fixedBytes = isShort ? HEADER_BYTES_V2 : view.getUint32(HEADER_FIELDS.headerLength);
  const nameOffset = Number(view.getBigUint64(HEADER_FIELDS.backingFileOffset));
  readInto(file, cluster, first.length, fixedBytes);
  readExtensions(file, cluster, fixedBytes, nameOffset === 0 ? cluster.length : nameOffset);
  if (nameOffset !== 0) readInto(file, cluster, nameOffset, nameOffset + view.getUint32(HEADER_FIELDS.backingFileSize));
  return decodeHeader(cluster, file.name);
}

/** Reads the extensions in [from, end), one by one up to the end marker; what does not fit is left to the decoder to refuse. */
function readExtensions(file: BlockFile, cluster: Uint8Array, from: number, end: number): void {
  const view = new DataView(cluster.buffer);
  let at = from;
  while (at + EXTENSION_HEAD_BYTES <= Math.min(end, cluster.length)) {
    const data = at + EXTENSION_HEAD_BYTES;
    readInto(file, cluster, at, data);
    if (view.getUint32(at) === EXTENSION.end) return;
    const lengthBytes = view.getUint32(at + 4);
    readInto(file, cluster, data, data + lengthBytes);
    at = data + roundUp(lengthBytes, 8);
  }
}

/** Bytes [from, to) of the file to the same place in `cluster`; nothing when they do not all lie in it. */
function readInto(file: BlockFile, cluster: Uint8Array, from: number, to: number): void {
  if (from < to && to <= cluster.length) readBytes(file, from, cluster.subarray(from, to), 'header');
}

/** Throws CORRUPT unless the table lies inside the file, up to the end of its last cluster. */
function refuseOutside(file: BlockFile, geometry: Geometry, table: 'l1' | 'refcount-table', range: HostRange): void {
  const { offset, lengthBytes } = range;
  const endOfFile = geometry.clustersFor(file.sizeBytes()) * geometry.clusterBytes;
  if (offset + lengthBytes <= endOfFile) return;
  const what = table === 'l1' ? 'active L1 table' : 'refcount table';
  const why = `${what} at offset ${offset} (${lengthBytes} bytes) is outside the file of ${file.sizeBytes()} bytes`;
  throw corrupt(file.name, why, { table, offset, expected: `at most ${endOfFile}`, found: offset + lengthBytes });
}

function readTable(file: BlockFile, offset: number, lengthBytes: number, kind: TableKind): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  readBytes(file, offset, bytes, kind);
  return bytes;
}

function readActiveL1(file: BlockFile, geometry: Geometry, header: FixedFields): L1Table {
  const lengthBytes = header.l1Entries * 8;
  refuseOutside(file, geometry, 'l1', { offset: header.l1TableOffset, lengthBytes });
  const l1 = new L1Table(header.l1TableOffset, header.l1Entries);
  readBytes(file, header.l1TableOffset, l1.entryBytes, 'l1');
  return l1;
}

function readRefcountTable(file: BlockFile, geometry: Geometry, header: FixedFields): RefcountTable {
  const lengthBytes = header.refcountTableClusters * geometry.clusterBytes;
  refuseOutside(file, geometry, 'refcount-table', { offset: header.refcountTableOffset, lengthBytes });
  return {
    offset: header.refcountTableOffset,
    clusterCount: header.refcountTableClusters,
    blockOffsets: decodeRefcountTable(readTable(file, header.refcountTableOffset, lengthBytes, 'refcount-table')),
  };
}

/** The snapshot table, each entry and the place of its L1 table checked. */
export function readSnapshots(file: BlockFile, header: Header): SnapshotEntry[] {
  if (header.snapshotCount === 0) return [];
  const availableBytes = Math.max(0, file.sizeBytes() - header.snapshotsOffset);
  const readAt = (offset: number, into: Uint8Array) =>
    readBytes(file, header.snapshotsOffset + offset, into, 'snapshot-table');
  const entries = decodeSnapshotTable(header.snapshotCount, availableBytes, readAt, file.name);
  entries.forEach((entry, index) => {
    checkSnapshotL1(entry, index, header.clusterBits, file.name);
  });
  return entries;
}
