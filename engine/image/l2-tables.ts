/**
 * Getting at L2 tables: for reading, and for writing, where a missing table is made and a shared one is copied
 * (qcow2.rst, "Cluster mapping").
 */
import { corrupt } from '../base/errors.ts';
import type { GuestOffset } from '../base/units.ts';
import type { Behaviour } from '../cache/behaviour.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import type { Pointer } from '../cache/ordering.ts';
import { L1_ENTRY_BYTES, l1EntryIsCopied, l1EntryOffset } from '../format/l1-entry.ts';
import type { ActiveL1 } from './active-l1.ts';
import type { Geometry } from './geometry.ts';
import { giveBack } from './give-back.ts';
import type { L1Table } from './l1-table.ts';
import { orUndo, type UndoParts } from './undo.ts';
import { settleUnpublished } from './unpublished.ts';

export interface L2TablesParts extends UndoParts {
  readonly geometry: Geometry;
  readonly activeL1: ActiveL1;
  readonly behaviour: Pick<Behaviour, 'freesSharedL2BeforeCopy' | 'copiesL2FromFile'>;
}

interface NewTable {
  /** Pinned. */
  readonly slice: CachedTable;
  /** All of its slices. */
  readonly table: readonly CachedTable[];
}

export class L2Tables {
  readonly #parts: L2TablesParts;

  constructor(parts: L2TablesParts) {
    this.#parts = parts;
  }

  /** The slice of the L2 table that maps `guestOffset`, pinned; null where there is no table. */
  forRead(guestOffset: GuestOffset): CachedTable | null {
    const { geometry, vars, l2 } = this.#parts;
    const index = geometry.l1Index(guestOffset);
    if (index >= vars.l1.entryCount) return null;
    const offset = this.offsetAt(vars.l1, index);
    return offset === 0 ? null : l2.get(offset + geometry.sliceStart(guestOffset));
  }

  /** The slice of the L2 table that maps `guestOffset`, pinned, of a table that may be changed in place. */
  forWrite(guestOffset: GuestOffset): CachedTable {
    const { geometry, vars, l2, activeL1 } = this.#parts;
    const index = geometry.l1Index(guestOffset);
    if (index >= vars.l1.entryCount) activeL1.grow(index + 1, false);
    const offset = this.offsetAt(vars.l1, index);
    const sliceStart = geometry.sliceStart(guestOffset);
    const writable = offset !== 0 && l1EntryIsCopied(vars.l1.view, index * L1_ENTRY_BYTES);
    return writable ? l2.get(offset + sliceStart) : this.#replace(index, offset, sliceStart);
  }

  /** Host offset of the L2 table that entry `index` of `l1` names, 0 for none. */
  offsetAt(l1: L1Table, index: number): number {
    const offset = l1EntryOffset(l1.view, index * L1_ENTRY_BYTES);
    if (this.#parts.geometry.isClusterAligned(offset)) return offset;
    const facts = { table: 'l1' as const, offset: l1.offset + index * L1_ENTRY_BYTES, found: offset };
    throw corrupt(this.#parts.file.name, `L2 table offset ${offset} unaligned (L1 index: ${index})`, facts);
  }

  /**
   * Makes a new L2 table for L1 entry `index`: a copy of the one at `oldOffset`, or all zero when that is 0.
   * Returns its slice at `sliceStart`, pinned.
   */
  #replace(index: number, oldOffset: number, sliceStart: number): CachedTable {
    const { behaviour } = this.#parts;
    if (oldOffset === 0 || !behaviour.freesSharedL2BeforeCopy) return this.#makeNew(index, oldOffset, sliceStart);
    return orUndo(this.#parts, { what: 'copying a shared L2 table', first: 'refcounts' }, () => {
      this.#free(oldOffset, []);
      return this.#makeNew(index, oldOffset, sliceStart);
    });
  }

  /** The same, in the order of the later stages: what is replaced is freed last. */
  #makeNew(index: number, oldOffset: number, sliceStart: number): CachedTable {
    const { allocator, policy, l2, activeL1, behaviour } = this.#parts;
    settleUnpublished(this.#parts);
    const { offset: newOffset, wait, readsAsZeros } = allocator.allocate(1);
    // Durably counted zeros are an empty table already: its pointer and what it maps can reach the file in any order.
    const isThere = readsAsZeros && wait.length === 0 && oldOffset === 0;
    const pointer = activeL1.pointer(index);
    const { slice, table } = this.#orGiveBack(newOffset, () => {
      policy.order({ order: 'refcount-before-l2-table', before: wait, after: [{ kind: 'l2', offset: newOffset }] });
      return this.#writeNew(newOffset, oldOffset, sliceStart, isThere ? null : pointer);
    });
    try {
      activeL1.link(index, oldOffset, { newOffset, table: isThere ? [] : table, pointer });
      if (oldOffset !== 0 && !behaviour.freesSharedL2BeforeCopy) this.#free(oldOffset, [pointer]);
    } catch (error) {
      l2.unpin(slice);
      throw error;
    }
    return slice;
  }

  /** When `make` fails, nothing names the table: it is forgotten, and its cluster given back. */
  #orGiveBack<Result>(offset: number, make: () => Result): Result {
    const { geometry, l2 } = this.#parts;
    try {
      return make();
    } catch (error) {
      for (let start = 0; start < geometry.clusterBytes; start += geometry.l2SliceBytes) l2.forget(offset + start);
      giveBack(this.#parts, { offset, lengthBytes: geometry.clusterBytes });
      throw error;
    }
  }

  /** Drops the active table's reference to the L2 table at `offset`; `dropped` is the pointer that no longer names it. */
  #free(offset: number, dropped: readonly Pointer[]): void {
    const { allocator, geometry } = this.#parts;
    allocator.release([{ offset, lengthBytes: geometry.clusterBytes }], dropped);
  }

  /** Fills the table at `newOffset` and has it written before `pointer` (null: whatever does) can name it. The slice at `keepStart` stays pinned. */
  #writeNew(newOffset: number, oldOffset: number, keepStart: number, pointer: Pointer | null): NewTable {
    const { l2, policy } = this.#parts;
    const { clusterBytes, l2SliceBytes } = this.#parts.geometry;
    const table: CachedTable[] = [];
    for (let start = 0; start < clusterBytes; start += l2SliceBytes) {
      if (start === keepStart) continue;
      const other = this.#fillNewSlice(newOffset, oldOffset, start);
      table.push(other);
      l2.release(other);
    }
    const slice = this.#fillNewSlice(newOffset, oldOffset, keepStart);
    table.push(slice);
    try {
      if (pointer !== null) policy.order({ order: 'l2-table-before-l1-entry', before: table, after: [pointer] });
      return { slice, table };
    } catch (error) {
      l2.unpin(slice);
      throw error;
    }
  }

  /** One slice of it, dirty and pinned. */
  #fillNewSlice(newOffset: number, oldOffset: number, start: number): CachedTable {
    const { l2, geometry } = this.#parts;
    const slice = l2.getEmpty(newOffset + start);
    try {
      this.#fill(slice, oldOffset === 0 ? 0 : oldOffset + start);
      l2.markDirty(slice, 0, geometry.l2SliceBytes);
      return slice;
    } catch (error) {
      l2.unpin(slice);
      throw error;
    }
  }

  #fill(slice: CachedTable, oldOffset: number): void {
    const { behaviour, file, l2 } = this.#parts;
    if (oldOffset === 0) {
      slice.bytes.fill(0);
    } else if (behaviour.copiesL2FromFile) {
      file.read(oldOffset, slice.bytes, 'l2');
    } else {
      const old = l2.get(oldOffset);
      slice.bytes.set(old.bytes);
      l2.release(old);
    }
  }
}
