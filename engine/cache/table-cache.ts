/**
 * Tables of one kind (L2 tables or refcount blocks) in memory: slots, pins, dirty bytes, replacement. The mechanism only:
 * *when* a dirty table reaches the file is the policy's business, *what must come first* the image code's.
 *
 * Invariants:
 *  1. A pinned table is never replaced; every `get` or `getEmpty` is paired with one `release`.
 *  2. A table leaves its slot only after the policy's `evicting` has returned, and is clean then.
 *  3. To the cache a table is bytes at an offset; it knows nothing of entries.
 */
import { Qcow2Error } from '../base/errors.ts';
import { invariant } from '../base/invariant.ts';
import { roundDown, roundUp, SECTOR_BYTES } from '../base/units.ts';
import type { BlockFile, TableKind } from '../io/block-file.ts';
import { type CacheLayout, createEntryStore, type EntryStore } from './entry-store.ts';

/**
 * How a victim is chosen. `use-count`: the least used, counts never fade. `aging`: the fewest hits, and every search for a
 * victim halves the hits of each unpinned entry that it passes. In both the lowest slot wins a tie.
 */
export type Replacement = 'use-count' | 'aging';

/** Hits that a newly loaded table starts with, so that `aging` does not replace it at once. */
const FIRST_HITS: Record<Replacement, number> = { 'use-count': 0, aging: 32 };

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

export interface CacheCounts {
  hits: number;
  misses: number;
  evictions: number;
  dirtyEvictions: number;
}

/** What a cache needs from the policy: to be told before a table leaves, and after one was let go. */
export interface CacheObserver {
  /** The table in `slot` is about to leave; on return it is clean. */
  evicting(cache: TableCache, slot: number): void;
  /** A table was unpinned, changed or not. */
  released(cache: TableCache, slot: number): void;
}

/** Is told of tables that are about to change, so that a change can be taken back. */
export interface ChangeWatcher {
  /** The table at `offset` holds `bytes` until now. */
  changing(cache: TableCache, offset: number, bytes: Uint8Array): void;
  /** A new table is about to be made at `offset`. */
  filling(cache: TableCache, offset: number): void;
}

/** A table in its slot. `bytes` and `view` are the same memory for the life of the cache. */
export class CachedTable {
  readonly slot: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(slot: number, tableBytes: number) {
    this.slot = slot;
    this.bytes = new Uint8Array(tableBytes);
    this.view = new DataView(this.bytes.buffer);
  }
}

export class TableCache {
  readonly kind: TableKind;
  readonly capacity: number;
  readonly tableBytes: number;
  readonly counts: CacheCounts = { hits: 0, misses: 0, evictions: 0, dirtyEvictions: 0 };
  watcher: ChangeWatcher | null = null;
  readonly #file: BlockFile;
  readonly #observer: CacheObserver;
  readonly #entries: EntryStore;
  readonly #tables: (CachedTable | undefined)[];
  readonly #replacement: Replacement;
  readonly #clusterBytes: number;

  constructor(file: BlockFile, observer: CacheObserver, options: TableCacheOptions) {
    invariant(options.capacity >= 1, 'a table cache holds at least one table');
    this.kind = options.kind;
    this.capacity = options.capacity;
    this.tableBytes = options.tableBytes;
    this.#file = file;
    this.#observer = observer;
    this.#replacement = options.replacement;
    this.#clusterBytes = options.clusterBytes ?? options.tableBytes;
    this.#entries = createEntryStore(options.layout, options.capacity);
    this.#tables = new Array<CachedTable | undefined>(options.capacity).fill(undefined);
  }

  /**
   * The table at byte `offset` of the file, pinned; read from the file when it is not here.
   * @throws Qcow2Error IO, or CORRUPT for a table behind the end of the file; nothing is cached then.
   */
  get(offset: number): CachedTable {
    const found = this.#entries.find(offset);
    if (found >= 0) {
      this.counts.hits++;
      return this.#pin(found);
    }
    this.#refuseOutside(offset);
    const slot = this.#vacate();
    const table = this.#tableIn(slot);
    this.#file.read(offset, table.bytes, this.kind);
    return this.#occupy(slot, offset);
  }

  /** A slot for the table at `offset`, pinned, without reading: the caller fills it. Its bytes are undefined. */
  getEmpty(offset: number): CachedTable {
    this.watcher?.filling(this, offset);
    const found = this.#entries.find(offset);
    return found >= 0 ? this.#pin(found) : this.#occupy(this.#vacate(), offset);
  }

  /** Ends one pin. */
  release(table: CachedTable): void {
    this.unpin(table);
    this.#observer.released(this, table.slot);
  }

  /** Ends one pin without telling the policy: for giving up after an error, when nothing may be written. */
  unpin(table: CachedTable): void {
    this.#entries.addPins(table.slot, -1);
    invariant(this.#entries.pinsOf(table.slot) >= 0, 'a table is released as often as it was pinned');
  }

  /** Bytes [from, to) of a pinned table are about to change; those of a new table may have. */
  markDirty(table: CachedTable, from: number, to: number): void {
    const { slot } = table;
    this.watcher?.changing(this, this.#entries.offsetOf(slot), table.bytes);
    const clean = !this.isDirty(slot);
    this.#entries.setDirty(
      slot,
      clean ? from : Math.min(from, this.#entries.dirtyFrom(slot)),
      clean ? to : Math.max(to, this.#entries.dirtyTo(slot)),
    );
  }

  isDirty(slot: number): boolean {
    return this.#entries.dirtyTo(slot) > this.#entries.dirtyFrom(slot);
  }

  isOccupied(slot: number): boolean {
    return this.#entries.offsetOf(slot) !== 0;
  }

  /** Writes the whole table to the file; it is clean then. No sync. A failure leaves it dirty. */
  writeOut(slot: number): void {
    this.#file.write(this.#entries.offsetOf(slot), this.#tableIn(slot).bytes, this.kind);
    this.#entries.setDirty(slot, 0, 0);
  }

  /** Writes only the sectors that hold dirty bytes; the table is clean then. No sync. */
  writeOutDirtySectors(slot: number): void {
    const from = roundDown(this.#entries.dirtyFrom(slot), SECTOR_BYTES);
    const to = roundUp(this.#entries.dirtyTo(slot), SECTOR_BYTES);
    this.#file.write(this.#entries.offsetOf(slot) + from, this.#tableIn(slot).bytes.subarray(from, to), this.kind);
    this.#entries.setDirty(slot, 0, 0);
  }

  /** The bytes of the file have new content that is none of this cache's: a table still dirty there is stale, and clean now. */
  supersede(offset: number, lengthBytes: number): void {
    for (let slot = 0; slot < this.capacity; slot++) {
      if (!this.isDirty(slot)) continue;
      const at = this.#entries.offsetOf(slot);
      if (at >= offset - this.tableBytes + 1 && at < offset + lengthBytes) this.#entries.setDirty(slot, 0, 0);
    }
  }

  /** Gives the table at `offset` other content, to be written out, if it is here. */
  replace(offset: number, bytes: Uint8Array): void {
    const slot = this.#entries.find(offset);
    if (slot < 0) return;
    this.#tableIn(slot).bytes.set(bytes);
    this.#entries.setDirty(slot, 0, bytes.length);
  }

  /** Forgets the table at `offset`, which is in use no more, even when it is dirty. It must not be pinned. */
  forget(offset: number): void {
    const slot = this.#entries.find(offset);
    if (slot < 0) return;
    this.#entries.setDirty(slot, 0, 0);
    this.#empty(slot);
  }

  /** Forgets every table. None may be pinned or dirty. */
  reset(): void {
    for (let slot = 0; slot < this.capacity; slot++) {
      invariant(!this.isDirty(slot), 'only clean tables are forgotten');
      this.#empty(slot);
    }
  }

  #empty(slot: number): void {
    invariant(this.#entries.pinsOf(slot) === 0, 'only unpinned tables are forgotten');
    this.#entries.setOffset(slot, 0);
    this.#entries.setHits(slot, 0);
  }

  /** A table reaches the file before a pointer to it does, so one that is neither here nor there never was. */
  #refuseOutside(offset: number): void {
    const sizeBytes = this.#file.sizeBytes();
    if (offset < roundUp(sizeBytes, this.#clusterBytes)) return;
    const what = this.kind === 'l2' ? 'L2 table' : 'refcount block';
    const message = `${this.#file.name}: ${what} at offset ${offset} is outside the file of ${sizeBytes} bytes`;
    throw new Qcow2Error('CORRUPT', message, { file: this.#file.name, table: this.kind, offset, expected: sizeBytes });
  }

  #pin(slot: number): CachedTable {
    this.#entries.setHits(slot, this.#entries.hitsOf(slot) + 1);
    this.#entries.addPins(slot, 1);
    return this.#tableIn(slot);
  }

  #occupy(slot: number, offset: number): CachedTable {
    this.#entries.setOffset(slot, offset);
    this.#entries.setHits(slot, FIRST_HITS[this.#replacement]);
    return this.#pin(slot);
  }

  /** Empties the slot of a victim and returns it. */
  #vacate(): number {
    this.counts.misses++;
    const slot = this.#chooseVictim();
    if (this.isOccupied(slot)) {
      this.counts.evictions++;
      if (this.isDirty(slot)) this.counts.dirtyEvictions++;
      this.#observer.evicting(this, slot);
      invariant(!this.isDirty(slot), 'an evicted table is clean');
      this.#entries.setOffset(slot, 0);
    }
    return slot;
  }

  #chooseVictim(): number {
    const entries = this.#entries;
    let victim = -1;
    let fewestHits = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < this.capacity; slot++) {
      if (entries.pinsOf(slot) > 0) continue;
      const hits = entries.hitsOf(slot);
      if (hits < fewestHits) {
        fewestHits = hits;
        victim = slot;
      }
      if (this.#replacement === 'aging') entries.setHits(slot, Math.floor(hits / 2));
    }
    invariant(victim >= 0, 'some table of the cache is unpinned');
    return victim;
  }

  #tableIn(slot: number): CachedTable {
    return (this.#tables[slot] ??= new CachedTable(slot, this.tableBytes));
  }
}
