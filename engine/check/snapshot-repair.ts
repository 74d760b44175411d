/**
 * A snapshot table whose entries say too little for version 3, or carry more extra data than anybody reads (qcow2.rst, "Snapshots"):
 * written anew at the end of the file, and published by one write to the header.
 */
import { roundUp } from '../base/units.ts';
import { uint64 } from './big-endian.ts';
import type { ExaminedImage } from './check-image.ts';
import type { Examination } from './examination.ts';

const COUNT_FIELD = 60;
const FIXED_BYTES = 40;
/** VM state size and disk size: what version 3 wants. */
const NEEDED_EXTRA_BYTES = 16;
/** And the instruction count: all that is known. */
const KNOWN_EXTRA_BYTES = 24;
const EXTRA_BYTES_MAX = 1024;
const COUNT_MAX = 65_536;
const TABLE_BYTES_MAX = 64 * 2 ** 20;

/** True when a new table was written, uncounted: refcounts are to be raised afterwards. Durable on return. */
export function repairSnapshotTable({ examination: x }: ExaminedImage): boolean {
  const { snapshotCount, clusterBytes, hasDataFile } = x.shape;
  if (snapshotCount === 0 || snapshotCount > COUNT_MAX || hasDataFile) return false;
  const entries = readEntries(x);
  if (entries === null) return false;
  const repaired = entries.map((entry) => repairedEntry(x, entry));
  if (repaired.every((entry, index) => entry === entries[index])) return false;
  const table = joined(repaired);
  const offset = roundUp(x.shape.fileBytes, clusterBytes);
  x.file.write(offset, table, 'snapshot-table');
  x.file.sync('table-before-pointer');
  const fields = new DataView(new ArrayBuffer(12));
  fields.setUint32(0, snapshotCount);
  fields.setBigUint64(4, BigInt(offset));
  x.file.write(COUNT_FIELD, new Uint8Array(fields.buffer), 'header');
  x.file.sync('hook-up');
  return true;
}

/** Each entry's bytes; null when the table does not fit into the file. */
function readEntries(x: Examination): Uint8Array[] | null {
  const { snapshotsOffset: start, snapshotCount, fileBytes, clusterBytes } = x.shape;
  if (start === 0 || start % clusterBytes !== 0) return null;
  const entries: Uint8Array[] = [];
  let at = start;
  for (let index = 0; index < snapshotCount; index++) {
    const fixed = new Uint8Array(FIXED_BYTES);
    if (at + FIXED_BYTES > fileBytes || !x.readInto(at, fixed, 'snapshot-table')) return null;
    const view = new DataView(fixed.buffer);
    const length = FIXED_BYTES + view.getUint32(36) + view.getUint16(12) + view.getUint16(14);
    if (at + length > fileBytes || at + length - start > TABLE_BYTES_MAX) return null;
    const entry = new Uint8Array(length);
    if (!x.readInto(at, entry, 'snapshot-table')) return null;
    entries.push(entry);
    at = start + roundUp(at + length - start, 8);
  }
  return entries;
}

/** The same array where nothing is wrong with it. */
function repairedEntry(x: Examination, entry: Uint8Array): Uint8Array {
  const view = new DataView(entry.buffer);
  const extraBytes = view.getUint32(36);
  const rest = entry.subarray(FIXED_BYTES + extraBytes);
  if (extraBytes > EXTRA_BYTES_MAX) {
    return withExtra(entry, entry.subarray(FIXED_BYTES, FIXED_BYTES + KNOWN_EXTRA_BYTES), rest);
  }
  if (x.shape.version < 3 || extraBytes >= NEEDED_EXTRA_BYTES || !mapsDisk(x, view.getUint32(8))) return entry;
  const extra = new DataView(new ArrayBuffer(NEEDED_EXTRA_BYTES));
  extra.setBigUint64(0, BigInt(extraBytes >= 8 ? uint64(view, FIXED_BYTES) : view.getUint32(32)));
  // In an image that does not say it, the disk had the size that it has.
  extra.setBigUint64(8, BigInt(x.shape.sizeBytes));
  return withExtra(entry, new Uint8Array(extra.buffer), rest);
}

function mapsDisk({ shape }: Examination, l1Entries: number): boolean {
  const bytesPerTable = (shape.clusterBytes / (shape.hasExtendedL2 ? 16 : 8)) * shape.clusterBytes;
  return l1Entries * bytesPerTable >= shape.sizeBytes;
}

function withExtra(entry: Uint8Array, extra: Uint8Array, rest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FIXED_BYTES + extra.length + rest.length);
  bytes.set(entry.subarray(0, FIXED_BYTES));
  bytes.set(extra, FIXED_BYTES);
  bytes.set(rest, FIXED_BYTES + extra.length);
  new DataView(bytes.buffer).setUint32(36, extra.length);
  return bytes;
}

function joined(entries: readonly Uint8Array[]): Uint8Array {
  const length = entries.reduce((sum, entry) => roundUp(sum, 8) + entry.length, 0);
  const table = new Uint8Array(length);
  let at = 0;
  for (const entry of entries) {
    at = roundUp(at, 8);
    table.set(entry, at);
    at += entry.length;
  }
  return table;
}
