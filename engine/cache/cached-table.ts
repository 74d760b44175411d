/**
 * A table while it is in a cache, and the events that observers receive. Past and future are kept apart: each event says whether
 * something is about to happen or has happened, and none of them is a command.
 */
import type { TableKind } from '../io/block-file.ts';
import type { Sequence } from '../io/durability.ts';

/** What a table asks of the cache that it is in. */
export interface TableOwner {
  readonly kind: TableKind;
  isResident(table: CachedTable): boolean;
  isDirty(slot: number): boolean;
  /** Both return the number of the change that wrote it. */
  writeOut(table: CachedTable): Sequence;
  writeOutDirtySectors(table: CachedTable): Sequence;
  writeOutRanges(table: CachedTable, ranges: readonly TableRange[]): Sequence;
  discard(table: CachedTable, why: DiscardReason): void;
}

/** Bytes [from, to) of a table, whole sectors. */
export interface TableRange {
  readonly from: number;
  readonly to: number;
}

/** The memory of a slot, used by one table after the other. */
export interface TableMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/**
 * One stay of a table in a cache. When it has left, and its slot holds another, this object still says that it is clean and when it was
 * written out; only its memory must not be used any more.
 */
export class CachedTable {
  readonly slot: number;
  /** Where it lies in the file, bytes. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #owner: TableOwner;

  constructor(owner: TableOwner, slot: number, offset: number, memory: TableMemory) {
    this.#owner = owner;
    this.slot = slot;
    this.offset = offset;
    this.bytes = memory.bytes;
    this.view = memory.view;
  }

  get kind(): TableKind {
    return this.#owner.kind;
  }

  /** False once it has left its slot. */
  get isResident(): boolean {
    return this.#owner.isResident(this);
  }

  get isDirty(): boolean {
    return this.#owner.isDirty(this.slot) && this.isResident;
  }

  /** Number of the change of the file that last wrote it out; 0 for never in this stay. */
  get writtenAt(): Sequence {
    return this.#writtenAt;
  }
  #writtenAt = 0 as Sequence;

  /** Writes all of it to the file; it is clean then. No sync. A failure leaves it dirty. @throws Qcow2Error */
  writeOut(): void {
    this.#writtenAt = this.#owner.writeOut(this);
  }

  /** Writes only the 512-byte sectors that hold dirty bytes; it is clean then. No sync. @throws Qcow2Error */
  writeOutDirtySectors(): void {
    this.#writtenAt = this.#owner.writeOutDirtySectors(this);
  }

  /** Writes these ranges, which cover all that is dirty, in their order; it is clean then. No sync. @throws Qcow2Error */
  writeOutRanges(ranges: readonly TableRange[]): void {
    this.#writtenAt = this.#owner.writeOutRanges(this, ranges);
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

/** Receives the events of a cache's tables; implements those that it needs. No event may change a table. */
export interface CacheObserver {
  /** About to happen: bytes [from, to) of the table change. It holds its content of until now. */
  dirtying?(table: CachedTable, from: number, to: number): void;
  /** About to happen: the table, which the file does not hold yet, is filled by whoever asked for it. Its bytes are undefined. */
  filling?(table: CachedTable): void;
  /** About to happen: the table, clean, leaves its slot. */
  leaving?(table: CachedTable): void;
  /** Has happened: what was dirty is in the file, by the change with number `at`, and durable when that is. */
  writtenOut?(table: CachedTable, at: Sequence): void;
  /** Has happened: the table is clean, though its dirty content never reached the file. */
  discarded?(table: CachedTable, why: DiscardReason): void;
  /** Has happened: a pin on the table ended; it may have been changed meanwhile. */
  released?(table: CachedTable): void;
}
