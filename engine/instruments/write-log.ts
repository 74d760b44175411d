/**
 * Recordings as files in the format of the kernel's dm-log-writes target (Documentation/admin-guide/device-mapper/log-writes.rst),
 * which QEMU's `blklogwrites` driver writes too: so a stream that another program made can be explored like our own, and ours
 * replayed by other tools.
 *
 *   superblock  bytes 0..7 magic  8..15 version 1  16..23 entries  24..27 sector size     one sector
 *   entry       bytes 0..7 sector  8..15 sectors  16..23 flags  24..31 bytes of data      one sector, then the written sectors
 *
 * All fields are little-endian. The format knows no file size and no table kinds; size changes, preallocated ranges and guest marks travel as MARK
 * entries whose text, in the entry's own sector, starts with `cowbench `.
 */
import { Qcow2Error } from '../base/errors.ts';
import { SECTOR_BYTES } from '../base/units.ts';
import type { RecordedChange, RecordedEvent } from './recording-file.ts';

const MAGIC = 0x6a736677736872n;
const VERSION = 1n;
/** Bytes of an entry's fields, at the start of its sector. */
export const WRITE_LOG_ENTRY_FIELDS_BYTES = 32;
const MARK_PREFIX = 'cowbench ';
const FLUSH = 1;
const FUA = 2;
const DISCARD = 4;
const MARK = 8;

/** The log of `events` with 512-byte sectors. Failed operations are left out: the format cannot say "perhaps". */
export function encodeWriteLog(events: readonly RecordedEvent[]): Uint8Array {
  const entries = events.flatMap((event) => encodeEvent(event) ?? []);
  const superblock = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(superblock.buffer);
  view.setBigUint64(0, MAGIC, true);
  view.setBigUint64(8, VERSION, true);
  view.setBigUint64(16, BigInt(entries.length), true);
  view.setUint32(24, SECTOR_BYTES, true);
  return concatenate([superblock, ...entries]);
}

function encodeEvent(event: RecordedEvent): Uint8Array | null {
  switch (event.op) {
    case 'write':
      if (event.failed) return null;
      return entry(event.offset, event.bytes.length, event.durable ? FUA : 0, event.bytes);
    case 'sync':
      return event.failed ? null : entry(0, 0, FLUSH, new Uint8Array(0));
    case 'punch':
      return event.failed ? null : entry(event.offset, event.lengthBytes, DISCARD, new Uint8Array(0));
    case 'preallocate':
      return event.failed ? null : markEntry({ preallocate: [event.offset, event.lengthBytes] });
    case 'truncate':
      return event.failed ? null : markEntry({ truncate: event.sizeBytes });
    case 'mark':
      return markEntry({ guest: event.mark });
  }
}

function entry(offset: number, lengthBytes: number, flags: number, data: Uint8Array): Uint8Array {
  if (offset % SECTOR_BYTES !== 0 || lengthBytes % SECTOR_BYTES !== 0) {
    const message = `a write log holds whole sectors, not ${lengthBytes} bytes at offset ${offset}`;
    throw new Qcow2Error('UNSUPPORTED', message, { offset });
  }
  const bytes = new Uint8Array(SECTOR_BYTES + data.length);
  writeEntryHeader(bytes, offset / SECTOR_BYTES, lengthBytes / SECTOR_BYTES, flags, data.length);
  bytes.set(data, SECTOR_BYTES);
  return bytes;
}

function markEntry(content: object): Uint8Array {
  const text = new TextEncoder().encode(MARK_PREFIX + JSON.stringify(content));
  const bytes = new Uint8Array(SECTOR_BYTES);
  writeEntryHeader(bytes, 0, 0, MARK, text.length);
  bytes.set(text, WRITE_LOG_ENTRY_FIELDS_BYTES);
  return bytes;
}

function writeEntryHeader(bytes: Uint8Array, sector: number, sectors: number, flags: number, dataBytes: number): void {
  const view = new DataView(bytes.buffer);
  [sector, sectors, flags, dataBytes].forEach((value, index) => {
    view.setBigUint64(index * 8, BigInt(value), true);
  });
}

/**
 * The changes that a log holds, in order. Entries of other flags and foreign marks are skipped; a write's kind is unknown.
 * @throws Qcow2Error CORRUPT, naming the byte, for a file that is no such log or ends inside an entry.
 */
export function decodeWriteLog(log: Uint8Array, name: string): RecordedEvent[] {
  return decodeWriteLogEntries(log, name)
    .flat()
    .map((change, sequence) => ({ ...change, sequence }));
}

/** The same, by entry: for who knows at which entry something else happened. */
export function decodeWriteLogEntries(log: Uint8Array, name: string): RecordedChange[][] {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  // Slices of a Buffer, which is what a file read gives, would be views of all that lies around them.
  const bytes = new Uint8Array(log.buffer, log.byteOffset, log.byteLength);
  const { sectorBytes, entryCount } = readWriteLogSuperblock(view, name);
  const entries: RecordedChange[][] = [];
  let at = sectorBytes;
  while (entries.length < entryCount) {
    if (at + sectorBytes > log.length) throw truncated(name, at);
    const { changes, lengthBytes } = readEntry(bytes, view, at, sectorBytes, name);
    entries.push(changes);
    at += lengthBytes;
  }
  return entries;
}

export interface WriteLogSuperblock {
  readonly sectorBytes: number;
  readonly entryCount: number;
}

/** What the first sector of a log says. Throws CORRUPT or UNSUPPORTED. */
export function readWriteLogSuperblock(view: DataView, name: string): WriteLogSuperblock {
  if (view.byteLength < SECTOR_BYTES || view.getBigUint64(0, true) !== MAGIC) {
    throw new Qcow2Error('CORRUPT', `${name}: not a write log`, { file: name, offset: 0 });
  }
  if (view.getBigUint64(8, true) !== VERSION) {
    const message = `${name}: write log of version ${view.getBigUint64(8, true)}, only 1 is known`;
    throw new Qcow2Error('UNSUPPORTED', message, { file: name, offset: 8 });
  }
  const sectorBytes = view.getUint32(24, true);
  if (sectorBytes < SECTOR_BYTES || sectorBytes > 65_536 || sectorBytes % SECTOR_BYTES !== 0) {
    throw new Qcow2Error('CORRUPT', `${name}: sector size ${sectorBytes} of the write log`, { file: name, offset: 24 });
  }
  return { sectorBytes, entryCount: Number(view.getBigUint64(16, true)) };
}

/** The fields of the entry at byte `at`, and how many bytes it takes in the log with what was written. */
export function readWriteLogEntry(view: DataView, at: number, sectorBytes: number) {
  const field = (index: number) => Number(view.getBigUint64(at + index * 8, true));
  const has = (flag: number) => Math.floor(field(2) / flag) % 2 === 1;
  const lengthBytes = field(1) * sectorBytes;
  const entryBytes = has(DISCARD) || has(MARK) ? sectorBytes : sectorBytes + lengthBytes;
  return { offset: field(0) * sectorBytes, lengthBytes, markBytes: field(3), has, entryBytes };
}

function readEntry(log: Uint8Array, view: DataView, at: number, sectorBytes: number, name: string) {
  const { offset, lengthBytes, markBytes, has, entryBytes } = readWriteLogEntry(view, at, sectorBytes);
  if (has(MARK)) {
    const text = log.subarray(at + WRITE_LOG_ENTRY_FIELDS_BYTES, at + WRITE_LOG_ENTRY_FIELDS_BYTES + markBytes);
    return { changes: readMark(new TextDecoder().decode(text)), lengthBytes: entryBytes };
  }
  const changes: RecordedChange[] = [];
  // A write with FLUSH is preceded by a flush of all that was completed before it.
  if (has(FLUSH)) changes.push({ op: 'sync', cause: 'other', failed: false });
  if (has(DISCARD)) {
    changes.push({ op: 'punch', offset, lengthBytes, failed: false });
    return { changes, lengthBytes: entryBytes };
  }
  if (at + entryBytes > log.length) throw truncated(name, at);
  if (lengthBytes > 0) {
    const bytes = log.slice(at + sectorBytes, at + sectorBytes + lengthBytes);
    changes.push({ op: 'write', offset, bytes, kind: null, durable: has(FUA), failed: false });
  }
  return { changes, lengthBytes: entryBytes };
}

function readMark(text: string): RecordedChange[] {
  if (!text.startsWith(MARK_PREFIX)) return [];
  const content = JSON.parse(text.slice(MARK_PREFIX.length));
  if (typeof content.truncate === 'number') return [{ op: 'truncate', sizeBytes: content.truncate, failed: false }];
  if (Array.isArray(content.preallocate)) {
    const [offset, lengthBytes] = content.preallocate;
    return [{ op: 'preallocate', offset, lengthBytes, failed: false }];
  }
  return content.guest === undefined ? [] : [{ op: 'mark', mark: content.guest }];
}

function truncated(name: string, at: number): Qcow2Error {
  return new Qcow2Error('CORRUPT', `${name}: the write log ends inside the entry at byte ${at}`, {
    file: name,
    offset: at,
  });
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
