/**
 * Tables of one kind (L2 tables or refcount blocks) in memory: slots, pins, dirty bytes, replacement. The mechanism only:
 * *when* a dirty table reaches the file is the policy's business, *what must come first* the image code's.
 *
 * Invariants:
 *  1. A pinned table is never replaced; every `get` or `getEmpty` is paired with one `release`.
 *  2. A table leaves its slot only after the {@link TableCleaner} has returned, and is clean then.
 *  3. To the cache a table is bytes at an offset; it knows nothing of entries.
 *  4. Whatever makes a table dirty or clean is an event for every observer.
 */
import { corrupt } from '../base/errors.ts';
import { invariant } from '../base/invariant.ts';
import { exactText, roundDown, roundUp, SECTOR_BYTES } from '../base/units.ts';
import type { TableKind } from '../io/block-file.ts';
import type { DurableFile, Sequence } from '../io/durability.ts';
import {
  CachedTable,
  type CacheObserver,
  type DiscardReason,
  type TableMemory,
  type TableOwner,
  type TableRange,
} from './cached-table.ts';
import { type CacheLayout, createEntryStore, type EntryStore } from './entry-store.ts';
import { createChooser, type Replacement, type VictimChooser } from './replacement.ts';

export interface TableCacheOptions {
  readonly kind: TableKind;
  /** How many tables it holds. */
  readonly capacity: number;
  readonly tableBytes: number;
  /** A file may end inside its last cluster of this size. Default: the table size. */
  readonly clusterBytes?: number;
  readonly replacement: Replacement;
  readonly layout: CacheLayout;
}

/** How often a table was in memory or was not, and how many were replaced (dirty ones: written out first), since the image was opened. */
export interface CacheCounts {
  hits: number;
  misses: number;
  evictions: number;
  dirtyEvictions: number;
}

/** Whom the cache commands to make a table clean: the policy. */
export interface TableCleaner {
  /** On return the table is clean, and whatever had to precede it in the file has. Also asked of a table that is clean. */
  clean(table: CachedTable): void;
}

/** The cached tables of one kind: L2 tables (or slices), or refcount blocks. */
export class TableCache implements TableOwner {
  readonly kind: TableKind;
  readonly capacity: number;
  readonly tableBytes: number;
  readonly counts: CacheCounts = { hits: 0, misses: 0, evictions: 0, dirtyEvictions: 0 };
  readonly #file: DurableFile;
  readonly #cleaner: TableCleaner;
  #observers: readonly CacheObserver[] = [];
  /** Of {@link #observers}, by event those that receive it: most implement few. Looped over by index, for these are the hottest events. */
  #on = listenersOf([]);
  #dirtying: Listeners['dirtying'] | null = null;
  #released: Listeners['released'] | null = null;
  readonly #entries: EntryStore;
  readonly #victims: VictimChooser;
  /** By slot; of an empty slot, the table that was there last. */
  readonly #tables: (CachedTable | undefined)[];
  readonly #memories: (TableMemory | undefined)[];
  readonly #clusterBytes: number;

  constructor(file: DurableFile, cleaner: TableCleaner, options: TableCacheOptions) {
    invariant(options.capacity >= 1, 'a table cache holds at least one table');
    this.kind = options.kind;
    this.capacity = options.capacity;
    this.tableBytes = options.tableBytes;
    this.#file = file;
    this.#cleaner = cleaner;
    this.#clusterBytes = options.clusterBytes ?? options.tableBytes;
    this.#entries = createEntryStore(options.layout, options.capacity);
    this.#victims = createChooser(options.replacement, this.#entries);
    this.#tables = new Array<CachedTable | undefined>(options.capacity).fill(undefined);
    this.#memories = new Array<TableMemory | undefined>(options.capacity).fill(undefined);
  }

  /** From now on `observer` receives the events that it implements, after earlier observers. */
  observe(observer: CacheObserver): void {
    this.#observers = [...this.#observers, observer];
    this.#on = listenersOf(this.#observers);
    this.#dirtying = this.#on.dirtying.length > 0 ? this.#on.dirtying : null;
    this.#released = this.#on.released.length > 0 ? this.#on.released : null;
  }

  unobserve(observer: CacheObserver): void {
    this.#observers = this.#observers.filter((other) => other !== observer);
    this.#on = listenersOf(this.#observers);
    this.#dirtying = this.#on.dirtying.length > 0 ? this.#on.dirtying : null;
    this.#released = this.#on.released.length > 0 ? this.#on.released : null;
  }

  /**
   * The table at byte `offset` of the file, pinned; read from the file when it is not here.
   * @throws Qcow2Error IO, or CORRUPT for a table past the end of the file; nothing is cached then.
   */
  get(offset: number): CachedTable {
    const found = this.#entries.find(offset);
    if (found >= 0) {
      this.counts.hits++;
      return this.#pin(found);
    }
    this.#refuseOutside(offset);
    const slot = this.#vacate();
    const memory = this.#memoryOf(slot);
    this.#file.read(offset, memory.bytes, this.kind);
    return this.#occupy(slot, offset, memory);
  }

  /** A slot for the table at `offset`, pinned, without reading: the caller fills it. Its bytes are undefined. */
  getEmpty(offset: number): CachedTable {
    const found = this.#entries.find(offset);
    const table = found >= 0 ? this.#pin(found) : this.#occupy(this.#vacate(), offset);
    for (const observer of this.#on.filling) observer.filling(table);
    return table;
  }

  /** Ends one pin. */
  release(table: CachedTable): void {
    this.unpin(table);
    const released = this.#released;
    if (released === null) return;
    for (let index = 0; index < released.length; index++) released[index]!.released(table);
  }

  /** Ends one pin without telling anybody: for giving up after an error, when nothing may be written. */
  unpin({ slot }: CachedTable): void {
    const pins = this.#entries.addPins(slot, -1);
    invariant(pins >= 0, 'a table is released as often as it was pinned');
    if (pins === 0) this.#victims.unpinned(slot);
  }

  /** Bytes [from, to) of a pinned table are about to change; those of a new table may have. */
  markDirty(table: CachedTable, from: number, to: number): void {
    if (this.#dirtying !== null) tellDirtying(this.#dirtying, table, from, to);
    const { slot } = table;
    const oldFrom = this.#entries.dirtyFrom(slot);
    const oldTo = this.#entries.dirtyTo(slot);
    const clean = oldTo <= oldFrom;
    this.#entries.setDirty(slot, clean ? from : Math.min(from, oldFrom), clean ? to : Math.max(to, oldTo));
  }

  /** The tables that are here, by slot. */
  *tables(): Generator<CachedTable> {
    for (let slot = 0; slot < this.capacity; slot++) if (this.#entries.offsetOf(slot) !== 0) yield this.#tableIn(slot);
  }

  /** The dirty ones by slot, each as it is when its turn comes. */
  *dirtyTables(): Generator<CachedTable> {
    for (let table = this.dirtyFrom(0); table !== null; table = this.dirtyFrom(table.slot + 1)) yield table;
  }

  /** The first of them from `slot` on; null for none. Quicker than {@link dirtyTables} where that is asked at each flush. */
  dirtyFrom(slot: number): CachedTable | null {
    const dirty = this.#entries.nextDirty(slot);
    return dirty < 0 ? null : this.#tableIn(dirty);
  }

  isResident(table: CachedTable): boolean {
    return this.#tables[table.slot] === table && this.#entries.offsetOf(table.slot) !== 0;
  }

  isDirty(slot: number): boolean {
    return this.#entries.dirtyTo(slot) > this.#entries.dirtyFrom(slot);
  }

  writeOut(table: CachedTable): Sequence {
    this.#write(table, 0, this.tableBytes);
    return this.#written(table);
  }

  writeOutDirtySectors(table: CachedTable): Sequence {
    const from = roundDown(this.#entries.dirtyFrom(table.slot), SECTOR_BYTES);
    const to = roundUp(this.#entries.dirtyTo(table.slot), SECTOR_BYTES);
    this.#write(table, from, to);
    return this.#written(table);
  }

  writeOutRanges(table: CachedTable, ranges: readonly TableRange[]): Sequence {
    for (const { from, to } of ranges) this.#write(table, from, to);
    return this.#written(table);
  }

  discard(table: CachedTable, why: DiscardReason): void {
    if (!table.isDirty) return;
    this.#entries.setDirty(table.slot, 0, 0);
    for (const observer of this.#on.discarded) observer.discarded(table, why);
  }

  /** Gives the table at `offset` other content, to be written out, if it is here. */
  replace(offset: number, bytes: Uint8Array): void {
    const slot = this.#entries.find(offset);
    if (slot < 0) return;
    const table = this.#tableIn(slot);
    this.markDirty(table, 0, bytes.length);
    table.bytes.set(bytes);
  }

  /** Forgets the table at `offset`, which is in use no more, even when it is dirty. It must not be pinned. */
  forget(offset: number): void {
    const slot = this.#entries.find(offset);
    if (slot < 0) return;
    this.discard(this.#tableIn(slot), 'forgotten');
    this.#empty(slot);
  }

  /** Forgets every table. None may be pinned or dirty. */
  reset(): void {
    for (let slot = 0; slot < this.capacity; slot++) this.#empty(slot);
  }

  #write(table: CachedTable, from: number, to: number): void {
    invariant(this.isResident(table), 'only a table that is in the cache is written out');
    this.#file.write(table.offset + from, table.bytes.subarray(from, to), this.kind);
  }

  /** The table is clean now; returns the number of the change that wrote it. */
  #written(table: CachedTable): Sequence {
    const at = this.#file.written;
    this.#entries.setDirty(table.slot, 0, 0);
    const { writtenOut } = this.#on;
    for (let index = 0; index < writtenOut.length; index++) writtenOut[index]!.writtenOut(table, at);
    return at;
  }

  #empty(slot: number): void {
    invariant(!this.isDirty(slot), 'only clean tables are forgotten');
    invariant(this.#entries.pinsOf(slot) === 0, 'only unpinned tables are forgotten');
    if (this.#entries.offsetOf(slot) !== 0) this.#leave(this.#tableIn(slot));
    this.#victims.emptied(slot);
  }

  #leave(table: CachedTable): void {
    const { leaving } = this.#on;
    for (let index = 0; index < leaving.length; index++) leaving[index]!.leaving(table);
    this.#entries.setOffset(table.slot, 0);
  }

  /** A table reaches the file before a pointer to it does, so one that is neither here nor there never was. */
  #refuseOutside(offset: number): void {
    const sizeBytes = this.#file.sizeBytes();
    if (offset < roundUp(sizeBytes, this.#clusterBytes)) return;
    const what = this.kind === 'l2' ? 'L2 table' : 'refcount block';
    const why = `${what} at offset ${exactText(offset)} is outside the file of ${sizeBytes} bytes`;
    throw corrupt(this.#file.name, why, { table: this.kind, offset });
  }

  #pin(slot: number): CachedTable {
    this.#victims.used(slot);
    this.#entries.addPins(slot, 1);
    return this.#tableIn(slot);
  }

  #occupy(slot: number, offset: number, memory = this.#memoryOf(slot)): CachedTable {
    this.#entries.setOffset(slot, offset);
    const table = new CachedTable(this, slot, offset, memory);
    this.#tables[slot] = table;
    this.#victims.loaded(slot);
    this.#entries.addPins(slot, 1);
    return table;
  }

  /** Empties the slot of a victim and returns it. */
  #vacate(): number {
    this.counts.misses++;
    const slot = this.#victims.choose();
    if (this.#entries.offsetOf(slot) !== 0) {
      this.counts.evictions++;
      if (this.isDirty(slot)) this.counts.dirtyEvictions++;
      const table = this.#tableIn(slot);
      this.#cleaner.clean(table);
      invariant(!this.isDirty(slot), 'an evicted table is clean');
      this.#leave(table);
    }
    return slot;
  }

  #tableIn(slot: number): CachedTable {
    return this.#tables[slot]!;
  }

  #memoryOf(slot: number): TableMemory {
    return (this.#memories[slot] ??= newMemory(this.tableBytes));
  }
}

function newMemory(tableBytes: number): TableMemory {
  const bytes = new Uint8Array(tableBytes);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** By event, who receives it. */
type Listeners = { readonly [Event in keyof CacheObserver]-?: readonly Required<Pick<CacheObserver, Event>>[] };

function listenersOf(observers: readonly CacheObserver[]): Listeners {
  const to = <Event extends keyof CacheObserver>(event: Event) =>
    observers.filter((observer): observer is Required<Pick<CacheObserver, Event>> => observer[event] !== undefined);
  return {
    dirtying: to('dirtying'),
    filling: to('filling'),
    leaving: to('leaving'),
    writtenOut: to('writtenOut'),
    discarded: to('discarded'),
    released: to('released'),
  };
}

function tellDirtying(observers: Listeners['dirtying'], table: CachedTable, from: number, to: number): void {
  for (let index = 0; index < observers.length; index++) observers[index]!.dirtying(table, from, to);
}
