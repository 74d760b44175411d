/** Changing the active L1 table: its entries, its length, and the size of the disk that it maps (qcow2.rst, "Header", l1_size). */
import { Qcow2Error } from '../base/errors.ts';
import { roundDown, SECTOR_BYTES } from '../base/units.ts';
import type { Allocator } from '../cache/allocator.ts';
import type { CachePolicy } from '../cache/policy.ts';
import { HEADER_FIELDS, L1_BYTES_MAX } from '../format/header-fields.ts';
import { L1_ENTRY_BYTES, writeL1Entry } from '../format/l1-entry.ts';
import type { DurableFile } from '../io/durability.ts';
import type { Geometry } from './geometry.ts';
import { L1Table, l1Fields, sizeField } from './l1-table.ts';
import type { ImageVars } from './vars.ts';

export interface ActiveL1Parts {
  readonly file: DurableFile;
  readonly geometry: Geometry;
  readonly vars: ImageVars;
  readonly policy: CachePolicy;
  readonly allocator: Allocator;
}

export class ActiveL1 {
  readonly #parts: ActiveL1Parts;

  constructor(parts: ActiveL1Parts) {
    this.#parts = parts;
  }

  /** Points entry `index`, which names the table at `oldOffset`, at the L2 table at `newOffset`, and publishes its sector. */
  link(index: number, newOffset: number, oldOffset: number): void {
    const { l1 } = this.#parts.vars;
    writeL1Entry(l1.view, index * L1_ENTRY_BYTES, newOffset, true);
    try {
      const from = roundDown(index * L1_ENTRY_BYTES, SECTOR_BYTES);
      this.#parts.policy.hookUp(l1.offset + from, l1.bytes.subarray(from, from + SECTOR_BYTES), 'l1');
    } catch (error) {
      // Memory goes back to what the file may still say; the new table is leaked, not lost.
      writeL1Entry(l1.view, index * L1_ENTRY_BYTES, oldOffset, false);
      throw error;
    }
  }

  /**
   * Makes room for at least `minEntries` entries: a new table, larger by steps of 1.5 (or `exact`), written and published by the
   * header; then the old one is freed.
   * @throws Qcow2Error INVALID_ARGUMENT when the table would pass 32 MiB.
   */
  grow(minEntries: number, exact: boolean): void {
    const { file, geometry, vars, policy, allocator } = this.#parts;
    const old = vars.l1;
    if (minEntries <= old.entryCount) return;
    const entryCount = exact ? minEntries : grownEntryCount(old.entryCount, minEntries);
    const lengthBytes = entryCount * L1_ENTRY_BYTES;
    if (lengthBytes > L1_BYTES_MAX) {
      throw new Qcow2Error(
        'INVALID_ARGUMENT',
        `the L1 table would need ${lengthBytes} bytes; the limit is ${L1_BYTES_MAX}`,
      );
    }
    const { offset } = allocator.allocate(geometry.clustersFor(lengthBytes));
    const table = new L1Table(offset, entryCount);
    table.bytes.set(old.entryBytes);
    policy.require('refcount-before-l1-table');
    policy.hookUp(offset, table.entryBytes, 'l1');
    policy.hookUp(HEADER_FIELDS.l1Size, l1Fields(table), 'header');
    vars.l1 = table;
    allocator.release([{ offset: old.offset, lengthBytes: old.reservedBytes }], [file.written]);
  }

  /** The size of the virtual disk, in the header and in memory; the L1 table must be long enough for it. */
  publishSize(sizeBytes: number): void {
    this.#parts.policy.hookUp(HEADER_FIELDS.size, sizeField(sizeBytes), 'header');
    this.#parts.vars.sizeBytes = sizeBytes;
  }
}

function grownEntryCount(present: number, minEntries: number): number {
  let count = Math.max(1, present);
  while (count < minEntries) count = Math.floor((count * 3 + 1) / 2);
  return count;
}
