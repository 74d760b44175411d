/**
 * The active L1 table (qcow2.rst, "Cluster mapping"): always whole in memory, published a 512-byte sector at a time.
 */
import { roundUp, SECTOR_BYTES } from '../base/units.ts';
import { L1_ENTRY_BYTES } from '../format/l1-entry.ts';
import { writeUint64 } from '../format/uint64.ts';

export class L1Table {
  /** Byte offset in the file. */
  readonly offset: number;
  readonly entryCount: number;
  /** Bytes that the table takes in the file: more than its entries after a snapshot of a shorter table was applied. */
  readonly reservedBytes: number;
  /** Whole sectors; zero past the last entry. */
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

/** The two adjacent header fields, 12 bytes, that publish an L1 table. */
export function l1Fields(table: L1Table): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, table.entryCount);
  writeUint64(view, 4, table.offset);
  return bytes;
}

/** The header field of 8 bytes that holds it. */
export function sizeField(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeUint64(new DataView(bytes.buffer), 0, sizeBytes);
  return bytes;
}
