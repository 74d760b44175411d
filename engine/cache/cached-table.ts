/**
 * A table in its slot of a cache, and what observers are told of it. The past and the future are kept apart: each event says
 * whether something is about to happen or has happened, and none of them is a command.
 */
import type { TableKind } from '../io/block-file.ts';

/** What a table asks of the cache that it is in. */
export interface TableOwner {
  readonly kind: TableKind;
  offsetOf(slot: number): number;
  residencyOf(slot: number): number;
  isDirty(slot: number): boolean;
  writeOut(slot: number): void;
  writeOutDirtySectors(slot: number): void;
  discard(table: CachedTable, why: DiscardReason): void;
}

/**
 * Slots are recycled, and this object with them: `bytes` and `view` are the same memory for the life of the cache. Which table
 * it is now is said by {@link residency}.
 */
export class CachedTable {
  readonly slot: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #owner: TableOwner;

  constructor(owner: TableOwner, slot: number, tableBytes: number) {
    this.#owner = owner;
    this.slot = slot;
    this.bytes = new Uint8Array(tableBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  get kind(): TableKind {
    return this.#owner.kind;
  }

  /** Where it lies in the file, bytes; 0 while the slot is empty. */
  get offset(): number {
    return this.#owner.offsetOf(this.slot);
  }

  /** Grows each time the slot is filled: with the same number it is still the same table. */
  get residency(): number {
    return this.#owner.residencyOf(this.slot);
  }

  get isDirty(): boolean {
    return this.#owner.isDirty(this.slot);
  }

  /** Writes all of it to the file; it is clean then. No sync. A failure leaves it dirty. @throws Qcow2Error */
  writeOut(): void {
    this.#owner.writeOut(this.slot);
  }

  /** Writes only the 512-byte sectors that hold dirty bytes; it is clean then. No sync. @throws Qcow2Error */
  writeOutDirtySectors(): void {
    this.#owner.writeOutDirtySectors(this.slot);
  }

  /** Its dirty content is worth nothing any more: it is clean from now on, without being written out. */
  discard(why: DiscardReason): void {
    this.#owner.discard(this, why);
  }
}

/**
 * Why dirty content was given up without being written out. `superseded`: its cluster holds something else now. `forgotten`: the
 * table is in use no more, and leaves its slot.
 */
export type DiscardReason = 'superseded' | 'forgotten';

/** Is told of the tables of a cache; implements what it wants to hear. No event may change a table. */
export interface CacheObserver {
  /** About to happen: bytes [from, to) of the table change. It holds its content of until now. */
  dirtying?(table: CachedTable, from: number, to: number): void;
  /** About to happen: the table, which the file does not hold yet, is filled by whoever asked for it. Its bytes are undefined. */
  filling?(table: CachedTable): void;
  /** About to happen: the table, clean, leaves its slot. */
  leaving?(table: CachedTable): void;
  /** Has happened: what was dirty is in the file, though not durable. */
  writtenOut?(table: CachedTable): void;
  /** Has happened: the table is clean, though its dirty content never reached the file. */
  discarded?(table: CachedTable, why: DiscardReason): void;
  /** Has happened: a pin on the table ended; it may have been changed meanwhile. */
  released?(table: CachedTable): void;
}
