/**
 * The table of internal snapshots: variable-length entries, each starting on a multiple of 8 bytes from the table's start
 * (qcow2.rst, "Snapshots").
 *
 *   bytes  0..7   L1 table offset          bytes 24..31  guest clock in ns
 *   bytes  8..11  L1 entries               bytes 32..35  VM state size (0 if only the extra data has it)
 *   bytes 12..15  id size, name size       bytes 36..39  extra data size
 *   bytes 16..23  date: seconds, ns        then extra data, id, name
 *   extra data: 64-bit VM state size, virtual disk size, instruction count, then what is unknown here and kept
 *
 * Names and ids may be any bytes: the bytes are what is written back, the strings are for people.
 */
import { corrupt, type ErrorFacts, Qcow2Error } from '../base/errors.ts';
import { MiB, roundUp } from '../base/units.ts';
import { L1_BYTES_MAX } from './header-fields.ts';
import { readUint64, writeUint64 } from './uint64.ts';

const FIXED_BYTES = 40;
const KNOWN_EXTRA_BYTES = 24;
const SNAPSHOT_EXTRA_BYTES_MAX = 1024;
const SNAPSHOT_TABLE_BYTES_MAX = 64 * MiB;
export const SNAPSHOT_NAME_BYTES_MAX = 65_535;

export interface SnapshotEntry {
  readonly l1TableOffset: number;
  readonly l1Entries: number;
  readonly idBytes: Uint8Array;
  readonly nameBytes: Uint8Array;
  readonly dateSeconds: number;
  readonly dateNanoseconds: number;
  /** Guest run time. */
  readonly vmClockNs: bigint;
  readonly vmStateSizeBytes: number;
  /** Size of the virtual disk at the time; null in old images that do not say. */
  readonly virtualSizeBytes: number | null;
  /** Instruction count of a recorded run; null when the entry has no such field (2^64 - 1: not recorded). */
  readonly icount: bigint | null;
  /** Extra data after the known fields; only together with `icount`. */
  readonly unknownExtraData: Uint8Array;
}

/** The id as text; invalid UTF-8 is replaced. Untrusted: escape it before showing it. */
export function snapshotId(entry: Pick<SnapshotEntry, 'idBytes'>): string {
  return new TextDecoder().decode(entry.idBytes);
}

/** The name as text; invalid UTF-8 is replaced. Untrusted: escape it before showing it. */
export function snapshotName(entry: Pick<SnapshotEntry, 'nameBytes'>): string {
  return new TextDecoder().decode(entry.nameBytes);
}

/**
 * Decodes `count` entries. `readAt` fills a buffer from a byte offset in the table (zeros past the end of the file);
 * `availableBytes` is what the file holds from the table's start on. Throws CORRUPT or UNSUPPORTED for the first bad entry.
 */
export function decodeSnapshotTable(
  count: number,
  availableBytes: number,
  readAt: (offset: number, into: Uint8Array) => void,
  fileName: string,
): SnapshotEntry[] {
  const entries: SnapshotEntry[] = [];
  const limit = Math.min(availableBytes, SNAPSHOT_TABLE_BYTES_MAX);
  let offset = 0;
  for (let index = 0; index < count; index++) {
    const fixed = new Uint8Array(FIXED_BYTES);
    requireRoom(offset + FIXED_BYTES, limit, index, fileName);
    readAt(offset, fixed);
    const ends = fieldEnds(fixed, index, fileName);
    const bytes = new Uint8Array(ends.at(-1)!);
    requireRoom(offset + bytes.length, limit, index, fileName);
    bytes.set(fixed);
    let start = FIXED_BYTES;
    for (const end of ends) {
      if (end > start) readAt(offset + start, bytes.subarray(start, end));
      start = end;
    }
    entries.push(decodeSnapshotEntry(bytes, index, fileName));
    offset = roundUp(offset + bytes.length, 8);
  }
  return entries;
}

function requireRoom(end: number, limit: number, index: number, fileName: string): void {
  if (end <= limit) return;
  const facts: ErrorFacts = { table: 'snapshot-table', expected: limit, found: end };
  if (end > SNAPSHOT_TABLE_BYTES_MAX) {
    throw new Qcow2Error('UNSUPPORTED', `${fileName}: snapshot table too large (the limit is 64 MiB)`, {
      file: fileName,
      ...facts,
    });
  }
  throw corrupt(fileName, `snapshot table entry ${index} is past the end of the file`, facts);
}

/** Where an entry's extra data, id and name end. */
function fieldEnds(fixed: Uint8Array, index: number, fileName: string): [number, number, number] {
  const view = viewOf(fixed);
  const extraBytes = view.getUint32(36);
  if (extraBytes > SNAPSHOT_EXTRA_BYTES_MAX) {
    const message = `${fileName}: too much extra metadata in snapshot table entry ${index} (${extraBytes} bytes)`;
    const facts: ErrorFacts = {
      file: fileName,
      table: 'snapshot-table',
      expected: SNAPSHOT_EXTRA_BYTES_MAX,
      found: extraBytes,
    };
    throw new Qcow2Error('UNSUPPORTED', message, facts);
  }
  const extraEnd = FIXED_BYTES + extraBytes;
  const idEnd = extraEnd + view.getUint16(12);
  return [extraEnd, idEnd, idEnd + view.getUint16(14)];
}

function decodeSnapshotEntry(bytes: Uint8Array, index: number, fileName: string): SnapshotEntry {
  const view = viewOf(bytes);
  const what = `${fileName}: snapshot table entry ${index}:`;
  const extraBytes = view.getUint32(36);
  const idStart = FIXED_BYTES + extraBytes;
  const nameStart = idStart + view.getUint16(12);
  const hasLargeVmState = extraBytes >= 8;
  const extraU64 = (at: number, name: string) => readUint64(view, FIXED_BYTES + at, `${what} ${name}`);
  return {
    l1TableOffset: readUint64(view, 0, `${what} L1 table offset`),
    l1Entries: view.getUint32(8),
    idBytes: bytes.slice(idStart, nameStart),
    nameBytes: bytes.slice(nameStart),
    dateSeconds: view.getUint32(16),
    dateNanoseconds: view.getUint32(20),
    vmClockNs: view.getBigUint64(24),
    vmStateSizeBytes: hasLargeVmState ? extraU64(0, 'VM state size') : view.getUint32(32),
    virtualSizeBytes: extraBytes >= 16 ? extraU64(8, 'virtual disk size') : null,
    icount: extraBytes >= KNOWN_EXTRA_BYTES ? view.getBigUint64(FIXED_BYTES + 16) : null,
    unknownExtraData: bytes.slice(Math.min(FIXED_BYTES + KNOWN_EXTRA_BYTES, idStart), idStart),
  };
}

/** Throws CORRUPT or UNSUPPORTED when the snapshot's L1 table cannot be one; `index` is the entry's, for the message. */
export function checkSnapshotL1(
  entry: Pick<SnapshotEntry, 'l1TableOffset' | 'l1Entries'>,
  index: number,
  clusterBits: number,
  fileName: string,
): void {
  const { l1TableOffset: offset, l1Entries } = entry;
  const what = `snapshot table entry ${index}: L1 table`;
  if (l1Entries * 8 > L1_BYTES_MAX) {
    const message = `${fileName}: ${what} too large (${l1Entries} entries; the limit is 32 MiB)`;
    throw new Qcow2Error('UNSUPPORTED', message, { file: fileName, table: 'snapshot-table', found: l1Entries });
  }
  const isPlaced = l1Entries === 0 || (offset > 0 && Number.isSafeInteger(offset + l1Entries * 8));
  if (isPlaced && offset % 2 ** clusterBits === 0) return;
  throw corrupt(fileName, `${what} offset ${offset} invalid`, { table: 'snapshot-table', found: offset });
}

/**
 * The whole table; its length is where the last name ends. An entry gets only the extra data that its fields need. Throws
 * INVALID_ARGUMENT for an id, a name, extra data or a table that is too long.
 */
export function encodeSnapshotTable(entries: readonly SnapshotEntry[]): Uint8Array {
  let length = 0;
  const starts = entries.map((entry) => {
    const start = roundUp(length, 8);
    length = start + FIXED_BYTES + extraLength(entry) + entry.idBytes.length + entry.nameBytes.length;
    return start;
  });
  if (length > SNAPSHOT_TABLE_BYTES_MAX) {
    const message = `snapshot table too large (${length} bytes; the limit is 64 MiB)`;
    throw new Qcow2Error('INVALID_ARGUMENT', message, { table: 'snapshot-table', found: length });
  }
  const bytes = new Uint8Array(length);
  entries.forEach((entry, index) => {
    encodeSnapshotEntry(entry, bytes.subarray(starts[index]));
  });
  return bytes;
}

function extraLength(entry: SnapshotEntry): number {
  if (entry.icount !== null) return KNOWN_EXTRA_BYTES + entry.unknownExtraData.length;
  if (entry.virtualSizeBytes !== null) return 16;
  return entry.vmStateSizeBytes > 0xffff_ffff ? 8 : 0;
}

function encodeSnapshotEntry(entry: SnapshotEntry, into: Uint8Array): void {
  const view = viewOf(into);
  const extraBytes = extraLength(entry);
  requireFits('snapshot id', entry.idBytes.length, SNAPSHOT_NAME_BYTES_MAX);
  requireFits('snapshot name', entry.nameBytes.length, SNAPSHOT_NAME_BYTES_MAX);
  requireFits('snapshot extra data', extraBytes, SNAPSHOT_EXTRA_BYTES_MAX);
  writeUint64(view, 0, entry.l1TableOffset);
  view.setUint32(8, entry.l1Entries);
  view.setUint16(12, entry.idBytes.length);
  view.setUint16(14, entry.nameBytes.length);
  view.setUint32(16, entry.dateSeconds);
  view.setUint32(20, entry.dateNanoseconds);
  view.setBigUint64(24, entry.vmClockNs);
  view.setUint32(32, entry.vmStateSizeBytes > 0xffff_ffff ? 0 : entry.vmStateSizeBytes);
  view.setUint32(36, extraBytes);
  if (extraBytes >= 8) writeUint64(view, FIXED_BYTES, entry.vmStateSizeBytes);
  if (extraBytes >= 16) writeUint64(view, FIXED_BYTES + 8, entry.virtualSizeBytes ?? 0);
  if (entry.icount !== null) {
    view.setBigUint64(FIXED_BYTES + 16, entry.icount);
    into.set(entry.unknownExtraData, FIXED_BYTES + KNOWN_EXTRA_BYTES);
  }
  into.set(entry.idBytes, FIXED_BYTES + extraBytes);
  into.set(entry.nameBytes, FIXED_BYTES + extraBytes + entry.idBytes.length);
}

function requireFits(what: string, found: number, limit: number): void {
  if (found <= limit) return;
  throw new Qcow2Error('INVALID_ARGUMENT', `${what} too long (${found} bytes; the limit is ${limit})`, { found });
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
