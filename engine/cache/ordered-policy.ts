/**
 * `ordered`: soft updates for qcow2 (Ganger and Patt, 1994). Every change is of one of three kinds:
 *
 *  1. *safe*: what nothing durable names (data in new clusters, raised refcounts, new tables) can be written at any time;
 *  2. *publishing*: L2 entries and pointers are written once what they name is durable;
 *  3. *releasing*: a lowered refcount, a punched hole and reuse wait until what dropped the last reference is durable. They are no
 *     orders between tables but later work of the allocator (`image/quarantine.ts`), so that no table waits for one that waits for it.
 *
 * An epoch writes what is safe, makes one barrier if something published needs it, and writes what is published. A guest flush is an
 * epoch and one barrier: at most two, one where nothing new is named, none where nothing was written. Only dirty sectors are written.
 *
 * Refcounts that may lag are no prerequisites, and stay out of a guest flush.
 */
import type { HostRange } from '../base/units.ts';
import type { SyncCause } from '../io/block-file.ts';
import type { DurableFile, Sequence } from '../io/durability.ts';
import type { CachedTable } from './cached-table.ts';
import { DirtySectors } from './dirty-sectors.ts';
import { isDurable, Pointer, type Prerequisite } from './ordering.ts';
import type { CachePolicy, FlushOptions, Order, Ordering } from './policy.ts';

/**
 * Orders that hold without a barrier: a reference is dropped before its refcount is lowered because the allocator waits, and the rest are
 * steps of history's way to take snapshots and to grow the refcount table.
 */
const HELD_OTHERWISE: ReadonlySet<Order> = new Set<Order>([
  'mapping-before-free',
  'dereference-before-refcount',
  'l2-tables-before-refcount-table',
  'refcounts-before-copied-flag',
  'snapshot-walk-step',
  'compressed-walk-step',
]);

export interface OrderedOptions {
  /** Default: they never may. */
  readonly refcountsMayLag?: () => boolean;
  /** What the storage writes as one, 512 or 4096 bytes. Default 512. */
  readonly sectorBytes?: number;
}

export class OrderedPolicy implements CachePolicy {
  readonly #file: DurableFile;
  readonly #clusterBytes: number;
  readonly #refcountsMayLag: () => boolean;
  readonly #l2: DirtySectors;
  readonly #refcounts: DirtySectors;
  /** Pending pointers by place: one that changed twice is written once. Those of refcount blocks go first. */
  readonly #blockPointers = new Map<number, Pointer>();
  readonly #pointers = new Map<number, Pointer>();
  /** Clusters of L2 tables, by host offset, that no pointer in the file names: all of such a table is safe. */
  readonly #newTables = new Set<number>();
  /** What published changes wait for: all changes of the file up to this one, and the tables that are safe and dirty. */
  #waitsFor = 0 as Sequence;
  #waitsForTables = false;

  constructor(file: DurableFile, clusterBytes: number, { refcountsMayLag, sectorBytes }: OrderedOptions = {}) {
    this.#file = file;
    this.#clusterBytes = clusterBytes;
    this.#refcountsMayLag = refcountsMayLag ?? (() => false);
    this.#l2 = new DirtySectors(sectorBytes);
    this.#refcounts = new DirtySectors(sectorBytes);
  }

  attach(): void {}

  dirtying(table: CachedTable, from: number, to: number): void {
    this.#sectorsOf(table).dirtying(table, from, to);
  }

  writtenOut(table: CachedTable): void {
    this.#sectorsOf(table).writtenOut(table);
  }

  discarded(table: CachedTable): void {
    this.#sectorsOf(table).discarded(table);
  }

  order({ order, before }: Ordering): void {
    if (order === null || !HELD_OTHERWISE.has(order)) this.#waitFor(before);
  }

  publish(pointer: Pointer, before: readonly Prerequisite[]): void {
    this.#waitFor(before);
    for (const table of before) if (isTable(table) && table.kind === 'l2') this.#newTables.add(this.#clusterOf(table));
    const namesBlocks =
      pointer.kind === 'refcount-table' || before.some((one) => isPlace(one) && one.kind === 'refcount-table');
    const pending = namesBlocks ? this.#blockPointers : this.#pointers;
    pending.get(pointer.offset)?.supersededBy(pointer);
    pending.set(pointer.offset, pointer);
  }

  publishNow(pointer: Pointer): void {
    this.withdraw({ offset: pointer.offset, lengthBytes: pointer.bytes.length }, pointer);
    pointer.write(this.#file);
    this.#sync('hook-up');
  }

  withdraw({ offset, lengthBytes }: HostRange, successor: Pointer): void {
    for (const pending of [this.#blockPointers, this.#pointers]) {
      for (const [at, pointer] of pending) {
        if (at < offset || at + pointer.bytes.length > offset + lengthBytes || pointer === successor) continue;
        pointer.supersededBy(successor);
        pending.delete(at);
      }
    }
  }

  place(content: Pointer): void {
    content.write(this.#file);
  }

  /** One table that must go takes the whole epoch along: the barrier is the same for all. */
  clean(table: CachedTable): void {
    if (this.#isSafe(table)) this.#write(this.#sectorsOf(table), table);
    else this.#writeEpoch('dependency');
  }

  flush({ refcountsMayLag = false }: FlushOptions = {}): void {
    if (this.#publishesNothing() && this.#file.durable === this.#file.written) return;
    this.#writeEpoch('dependency', refcountsMayLag);
    this.#sync('guest-flush');
  }

  /** Durable too: whoever opens the file next takes what it finds for durable, and skips the sync of a clean flush. */
  close(): void {
    this.#writeEpoch('close');
    this.#sync('close');
  }

  #publishesNothing(): boolean {
    return this.#l2.isEmpty && this.#pointers.size === 0 && this.#blockPointers.size === 0;
  }

  /** A refcount block that is about to be named is written in any case: the file must hold one there. */
  #writeEpoch(cause: SyncCause, withoutRefcounts = false): void {
    if (!withoutRefcounts || this.#blockPointers.size > 0) this.#writeTables(this.#refcounts, () => true);
    this.#writeTables(this.#l2, (table) => this.#isSafe(table));
    this.#writeBlockPointers();
    if (this.#waitsForTables) this.#waitsFor = this.#file.written;
    if (!this.#publishesNothing() && this.#file.durable < this.#waitsFor) this.#sync(cause);
    this.#writeTables(this.#l2, () => true);
    this.#writePointers(this.#pointers);
    this.#waitsForTables = false;
    this.#newTables.clear();
  }

  /**
   * A refcount that lies in a block that nothing durable names is none: nothing may rely on it before. The cluster of a new block can be
   * counted by another new one, which was published first, so each pointer waits for the one before. Once in 2 GiB at 64 KiB.
   */
  #writeBlockPointers(): void {
    for (const [offset, pointer] of this.#blockPointers) {
      this.#sync('table-before-pointer');
      pointer.write(this.#file);
      this.#blockPointers.delete(offset);
      this.#waitsFor = this.#file.written;
    }
  }

  #writePointers(pointers: Map<number, Pointer>): void {
    for (const [offset, pointer] of [...pointers].sort(([a], [b]) => a - b)) {
      pointer.write(this.#file);
      pointers.delete(offset);
    }
  }

  #writeTables(sectors: DirtySectors, wanted: (table: CachedTable) => boolean): void {
    for (const table of sectors.tables()) if (wanted(table)) this.#write(sectors, table);
  }

  #write(sectors: DirtySectors, table: CachedTable): void {
    table.writeOutRanges(sectors.rangesOf(table));
  }

  #isSafe(table: CachedTable): boolean {
    return table.kind === 'refcount-block' || this.#newTables.has(this.#clusterOf(table));
  }

  #waitFor(before: readonly Prerequisite[]): void {
    for (const one of before) {
      if (isDurable([one], this.#file.durable) || this.#mayLag(one)) continue;
      if (typeof one === 'number') this.#waitsFor = Math.max(this.#waitsFor, one) as Sequence;
      else if (isTable(one) && one.isDirty) this.#waitsForTables = true;
      else this.#waitsFor = Math.max(this.#waitsFor, one.writtenAt) as Sequence;
    }
  }

  #mayLag(one: Prerequisite): boolean {
    return isPlace(one) && one.kind === 'refcount-block' && isTable(one) && this.#refcountsMayLag();
  }

  #sync(cause: SyncCause): void {
    if (this.#file.durable < this.#file.written) this.#file.sync(cause);
  }

  #sectorsOf({ kind }: CachedTable): DirtySectors {
    return kind === 'l2' ? this.#l2 : this.#refcounts;
  }

  #clusterOf({ offset }: CachedTable): number {
    return offset - (offset % this.#clusterBytes);
  }
}

function isPlace(one: Prerequisite): one is CachedTable | Pointer {
  return typeof one !== 'number';
}

function isTable(one: Prerequisite): one is CachedTable {
  return isPlace(one) && !(one instanceof Pointer);
}
