/** Changing the active L1 table: its entries, its length, and the size of the disk that it maps (qcow2.rst, "Header", l1_size). */
import { Qcow2Error } from '../base/errors.ts';
import { roundDown, SECTOR_BYTES } from '../base/units.ts';
import type { Allocator } from '../cache/allocator.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import { Pointer } from '../cache/ordering.ts';
import type { CachePolicy } from '../cache/policy.ts';
import { HEADER_FIELDS, L1_BYTES_MAX } from '../format/header-fields.ts';
import { L1_ENTRY_BYTES, writeL1Entry } from '../format/l1-entry.ts';
import type { Geometry } from './geometry.ts';
import { L1Table, l1Fields, sizeField } from './l1-table.ts';
import { settleUnpublished } from './unpublished.ts';
import type { ImageVars, UnpublishedTable } from './vars.ts';

export interface ActiveL1Parts {
  readonly geometry: Geometry;
  readonly vars: ImageVars;
  readonly policy: CachePolicy;
  readonly allocator: Allocator;
}

/** A new L2 table, and the pointer that will name it. */
export interface NewLink {
  readonly newOffset: number;
  readonly table: readonly CachedTable[];
  readonly pointer: Pointer;
}

export class ActiveL1 {
  readonly #parts: ActiveL1Parts;

  constructor(parts: ActiveL1Parts) {
    this.#parts = parts;
  }

  /** What publishes entry `index`: its sector. */
  pointer(index: number): Pointer {
    const { l1 } = this.#parts.vars;
    const from = roundDown(index * L1_ENTRY_BYTES, SECTOR_BYTES);
    const entry = index * L1_ENTRY_BYTES - from;
    const sector = l1.bytes.subarray(from, from + SECTOR_BYTES);
    return new Pointer('l1', l1.offset + from, sector, { from: entry, to: entry + L1_ENTRY_BYTES });
  }

  /** Points entry `index`, which names the table at `oldOffset`, at the new table, and publishes it. */
  link(index: number, oldOffset: number, { newOffset, table, pointer }: NewLink): void {
    const { geometry, vars } = this.#parts;
    const { l1 } = vars;
    writeL1Entry(l1.view, index * L1_ENTRY_BYTES, newOffset, true);
    try {
      this.#parts.policy.publish(pointer, table);
    } catch (error) {
      // Memory goes back to the old pointer; the file may have the new one.
      writeL1Entry(l1.view, index * L1_ENTRY_BYTES, oldOffset, false);
      this.#keepUnpublished(newOffset, geometry.clusterBytes, pointer.offset);
      throw error;
    }
  }

  /**
   * Makes room for at least `minEntries` entries: a new table, larger by steps of 1.5 (or `exact`), written and published by the
   * header; then the old one is freed.
   * @throws Qcow2Error INVALID_ARGUMENT when the table would pass 32 MiB.
   */
  grow(minEntries: number, exact: boolean): void {
    const { geometry, vars, policy, allocator } = this.#parts;
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
    settleUnpublished(this.#parts);
    const { offset, wait } = allocator.allocate(geometry.clustersFor(lengthBytes));
    const table = new L1Table(offset, entryCount);
    table.bytes.set(old.entryBytes);
    const content = new Pointer('l1', offset, table.entryBytes);
    const header = new Pointer('header', HEADER_FIELDS.l1Size, l1Fields(table));
    try {
      policy.order({ order: 'refcount-before-l1-table', before: wait, after: [content] });
      policy.place(content);
      policy.publish(header, [content]);
    } catch (error) {
      this.#keepUnpublished(offset, lengthBytes, 'header');
      throw error;
    }
    policy.withdraw({ offset: old.offset, lengthBytes: old.reservedBytes }, header);
    vars.l1 = table;
    allocator.release([{ offset: old.offset, lengthBytes: old.reservedBytes }], [header]);
  }

  #keepUnpublished(offset: number, lengthBytes: number, namedBy: UnpublishedTable['namedBy']): void {
    const { vars } = this.#parts;
    vars.unpublished = [...vars.unpublished, { range: { offset, lengthBytes }, namedBy }];
  }

  /** The size of the virtual disk, in the header and in memory; the L1 table must be long enough for it. */
  publishSize(sizeBytes: number): void {
    this.#parts.policy.publishNow(new Pointer('header', HEADER_FIELDS.size, sizeField(sizeBytes)));
    this.#parts.vars.sizeBytes = sizeBytes;
  }
}

function grownEntryCount(present: number, minEntries: number): number {
  let count = Math.max(1, present);
  while (count < minEntries) count = Math.floor((count * 3 + 1) / 2);
  return count;
}
