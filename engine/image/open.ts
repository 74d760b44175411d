/** Opening an image: header, L1 table, refcount table and snapshot table into memory, each checked before it is believed. */
import { Qcow2Error } from '../base/errors.ts';
import { SECTOR_BYTES } from '../base/units.ts';
import { findPolicy, type PolicyName, policyOfStage } from '../cache/policies.ts';
import type { StageId } from '../cache/stage.ts';
import { TableCache } from '../cache/table-cache.ts';
import {
  decodeClusterBits,
  decodeHeader,
  decodeVersion2Fields,
  type FixedFields,
  HEADER_BYTES_V2,
  type Header,
  INCOMPATIBLE,
} from '../format/header.ts';
import { checkSnapshotL1, decodeSnapshotTable, type SnapshotEntry } from '../format/snapshot-table.ts';
import type { BlockFile, TableKind } from '../io/block-file.ts';
import { readBytes } from '../io/sector-access.ts';
import { Geometry } from './geometry.ts';
import { L1Table } from './l1-table.ts';
import { decodeRefcountTable } from './refcount-table.ts';
import type { GuestDisk, ImageState, RefcountTable } from './state.ts';

export interface OpenOptions {
  /** Metadata cache policy. Default: the one of `stage`, or `writeback`. */
  readonly policy?: PolicyName;
  /** Point of history. Default: the policy's own. */
  readonly stage?: StageId;
  /** How many L2 tables are cached. Default 16. */
  readonly l2CacheTables?: number;
  /** How many refcount blocks are cached. Default 4 (1 at stage S0). */
  readonly refcountCacheTables?: number;
  /** What lies under the image. An image with a backing file is refused without it; its name is never followed by itself. */
  readonly backing?: GuestDisk;
}

export function openState(file: BlockFile, options: OpenOptions): ImageState {
  const { header, l1, refcountTable } = readHeaderAndTables(file, options);
  const geometry = geometryOf(header);
  const name =
    options.policy ?? (options.stage === undefined ? 'writeback' : policyOfStage(options.stage, modeOf(file)));
  const { preset, stage } = findPolicy(name, options.stage);
  const policy = preset.create(file, stage);
  const shared = { replacement: stage.replacement, layout: stage.layout };
  const l2 = new TableCache(file, policy, {
    ...shared,
    kind: 'l2',
    capacity: options.l2CacheTables ?? stage.l2CacheTables,
    tableBytes: geometry.l2SliceBytes,
  });
  const refcounts = new TableCache(file, policy, {
    ...shared,
    kind: 'refcount-block',
    capacity: options.refcountCacheTables ?? stage.refcountCacheTables,
    tableBytes: geometry.clusterBytes,
  });
  policy.attach({ l2, refcounts });
  return {
    file,
    geometry,
    header,
    sizeBytes: header.sizeBytes,
    stage,
    policy,
    l2,
    refcounts,
    refcountTable,
    backing: options.backing ?? null,
    dataFile: null,
    copyBuffer: new Uint8Array(geometry.clusterBytes),
    l1,
    freeClusterIndex: 0,
    freeByteOffset: 0,
    snapshots: readSnapshots(file, header),
    snapshotsOffset: header.snapshotsOffset,
  };
}

function modeOf(file: BlockFile): 'writethrough' | 'writeback' {
  return file.writesAreDurable ? 'writethrough' : 'writeback';
}

interface Tables {
  readonly l1: L1Table;
  readonly refcountTable: RefcountTable;
}

/** In the order of history for version 2: the fixed fields, the tables, and only then extensions and names. */
function readHeaderAndTables(file: BlockFile, options: OpenOptions): Tables & { readonly header: Header } {
  const first = new Uint8Array(Math.min(SECTOR_BYTES, file.sizeBytes()));
  if (first.length >= HEADER_BYTES_V2) file.read(0, first, 'header');
  const fixed = decodeVersion2Fields(first, file.name);
  const tables = fixed === null ? null : readTables(file, fixed);
  const header = readHeader(file, first);
  refuseUnusable(file, header, options);
  return { header, ...(tables ?? readTables(file, header)) };
}

function readTables(file: BlockFile, fields: FixedFields): Tables {
  const geometry = geometryOf(fields);
  const l1 = readActiveL1(file, geometry, fields);
  return { l1, refcountTable: readRefcountTable(file, geometry, fields) };
}

function geometryOf({ clusterBits, refcountOrder }: FixedFields): Geometry {
  return new Geometry({ clusterBits, refcountOrder, extendedL2: false });
}

/** The whole header, of which `first` has been read. */
function readHeader(file: BlockFile, first: Uint8Array): Header {
  const clusterBytes = 2 ** decodeClusterBits(first, file.name);
  const cluster = new Uint8Array(Math.min(clusterBytes, file.sizeBytes()));
  cluster.set(first);
  if (cluster.length > first.length) readBytes(file, first.length, cluster.subarray(first.length), 'header');
  return decodeHeader(cluster, file.name);
}

function refuseUnusable(file: BlockFile, header: Header, options: OpenOptions): void {
  const refuse = (code: 'UNSUPPORTED' | 'CORRUPT' | 'INVALID_ARGUMENT', message: string) => {
    throw new Qcow2Error(code, `${file.name}: ${message}`, { file: file.name });
  };
  if (header.cryptMethod !== 0) refuse('UNSUPPORTED', 'the image is encrypted');
  const has = (bit: bigint) => (header.incompatibleFeatures & bit) !== 0n;
  if (has(INCOMPATIBLE.corrupt) && !file.readOnly) {
    refuse('CORRUPT', 'image is marked corrupt and cannot be opened for writing; check and repair it first');
  }
  if (has(INCOMPATIBLE.dirty) && !file.readOnly) {
    refuse('CORRUPT', 'image was not closed cleanly and cannot be opened for writing; repair it first');
  }
  if (has(INCOMPATIBLE.dataFile)) refuse('UNSUPPORTED', 'images with an external data file are not supported');
  if (has(INCOMPATIBLE.extendedL2)) refuse('UNSUPPORTED', 'images with extended L2 entries are not supported');
  if (header.backingFileName !== null && options.backing === undefined) {
    refuse(
      'INVALID_ARGUMENT',
      `the image has a backing file (${JSON.stringify(header.backingFileName)}), which must be allowed explicitly`,
    );
  }
}

/** Throws CORRUPT unless the table lies inside the file, up to the end of its last cluster. */
function refuseOutside(file: BlockFile, geometry: Geometry, table: string, offset: number, lengthBytes: number): void {
  const endOfFile = geometry.clustersFor(file.sizeBytes()) * geometry.clusterBytes;
  if (offset + lengthBytes <= endOfFile) return;
  const message = `${file.name}: ${table} at offset ${offset} (${lengthBytes} bytes) is outside the file of ${file.sizeBytes()} bytes`;
  throw new Qcow2Error('CORRUPT', message, {
    file: file.name,
    table,
    offset,
    expected: `at most ${endOfFile}`,
    found: offset + lengthBytes,
  });
}

function readTable(file: BlockFile, offset: number, lengthBytes: number, kind: TableKind): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  readBytes(file, offset, bytes, kind);
  return bytes;
}

function readActiveL1(file: BlockFile, geometry: Geometry, header: FixedFields): L1Table {
  const lengthBytes = header.l1Entries * 8;
  refuseOutside(file, geometry, 'active L1 table', header.l1TableOffset, lengthBytes);
  const l1 = new L1Table(header.l1TableOffset, header.l1Entries);
  l1.bytes.set(readTable(file, header.l1TableOffset, lengthBytes, 'l1'));
  return l1;
}

function readRefcountTable(file: BlockFile, geometry: Geometry, header: FixedFields): RefcountTable {
  const lengthBytes = header.refcountTableClusters * geometry.clusterBytes;
  refuseOutside(file, geometry, 'refcount table', header.refcountTableOffset, lengthBytes);
  return {
    offset: header.refcountTableOffset,
    clusterCount: header.refcountTableClusters,
    blockOffsets: decodeRefcountTable(readTable(file, header.refcountTableOffset, lengthBytes, 'refcount-table')),
  };
}

function readSnapshots(file: BlockFile, header: Header): SnapshotEntry[] {
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
