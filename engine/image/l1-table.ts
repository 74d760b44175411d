/**
 * The active L1 table (qcow2.rst, "Cluster mapping"): always whole in memory, published a 512-byte sector at a time.
 */
import { Qcow2Error } from '../base/errors.ts';
import { roundDown, roundUp, SECTOR_BYTES } from '../base/units.ts';
import { HEADER_FIELDS, L1_BYTES_MAX } from '../format/header-fields.ts';
import { L1_ENTRY_BYTES } from '../format/l1-entry.ts';
import { writeUint64 } from '../format/uint64.ts';
import { allocateClusters, freeClusters } from './refcounts.ts';
import type { ImageState } from './state.ts';

export class L1Table {
  /** Byte offset in the file. */
  readonly offset: number;
  readonly entryCount: number;
  /** Bytes that the table takes in the file: more than its entries after a snapshot of a shorter table was applied. */
  readonly reservedBytes: number;
  /** Whole sectors; zero behind the last entry. */
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(offset: number, entryCount: number, reservedBytes = entryCount * L1_ENTRY_BYTES) {
    this.offset = offset;
    this.entryCount = entryCount;
    this.reservedBytes = reservedBytes;
    this.bytes = new Uint8Array(roundUp(entryCount * L1_ENTRY_BYTES, SECTOR_BYTES));
    this.view = new DataView(this.bytes.buffer);
  }

  /** The entries' bytes, without the padding. */
  get entryBytes(): Uint8Array {
    return this.bytes.subarray(0, this.entryCount * L1_ENTRY_BYTES);
  }

  /** The same place in the file, used only up to entry `entryCount`. */
  shortenedTo(entryCount: number): L1Table {
    const short = new L1Table(this.offset, entryCount, this.reservedBytes);
    short.entryBytes.set(this.entryBytes.subarray(0, entryCount * L1_ENTRY_BYTES));
    return short;
  }
}

/** Publishes entry `index` by writing its sector. */
export function publishL1Entry(state: ImageState, index: number): void {
  const from = roundDown(index * L1_ENTRY_BYTES, SECTOR_BYTES);
  state.policy.hookUp(state.vars.l1.offset + from, state.vars.l1.bytes.subarray(from, from + SECTOR_BYTES), 'l1');
}

/**
 * Makes room for at least `minEntries` entries: a new table, larger by steps of 1.5 (or `exact`), written and published by the
 * header; then the old one is freed.
 * @throws Qcow2Error INVALID_ARGUMENT when the table would pass 32 MiB.
 */
export function growL1(state: ImageState, minEntries: number, exact: boolean): void {
  const old = state.vars.l1;
  if (minEntries <= old.entryCount) return;
  const grown = new L1Table(0, exact ? minEntries : grownEntryCount(old.entryCount, minEntries));
  const lengthBytes = grown.entryBytes.length;
  if (lengthBytes > L1_BYTES_MAX) {
    throw new Qcow2Error(
      'INVALID_ARGUMENT',
      `the L1 table would need ${lengthBytes} bytes; the limit is ${L1_BYTES_MAX}`,
    );
  }
  const offset = allocateClusters(state, lengthBytes);
  const table = new L1Table(offset, grown.entryCount);
  table.bytes.set(old.entryBytes);
  state.policy.require('refcount-before-l1-table');
  state.policy.hookUp(offset, table.entryBytes, 'l1');
  state.policy.hookUp(HEADER_FIELDS.l1Size, l1Fields(table), 'header');
  state.vars.l1 = table;
  freeClusters(state, old.offset, old.reservedBytes);
}

function grownEntryCount(present: number, minEntries: number): number {
  let count = Math.max(1, present);
  while (count < minEntries) count = Math.floor((count * 3 + 1) / 2);
  return count;
}

/** The two adjacent header fields, 12 bytes, that publish an L1 table. */
export function l1Fields(table: L1Table): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, table.entryCount);
  writeUint64(view, 4, table.offset);
  return bytes;
}

/** The size of the virtual disk, in the header and in memory; the L1 table must be long enough for it. */
export function publishSize(state: ImageState, sizeBytes: number): void {
  state.policy.hookUp(HEADER_FIELDS.size, sizeField(sizeBytes), 'header');
  state.vars.sizeBytes = sizeBytes;
}

/** The header field of 8 bytes that holds it. */
export function sizeField(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeUint64(new DataView(bytes.buffer), 0, sizeBytes);
  return bytes;
}
