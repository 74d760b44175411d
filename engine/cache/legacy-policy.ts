/**
 * `legacy`, stage S0: no dirty table ever. A changed table is written through at once in 512-byte sectors, and every order
 * is bought with a barrier on the spot. During a snapshot walk the one buffered refcount block is written back late; so it is with
 * lazy refcounts, which that day did not have.
 */
import type { SyncCause } from '../io/block-file.ts';
import type { DurableFile } from '../io/durability.ts';
import { CachedTable } from './cached-table.ts';
import { HistoricalPolicy } from './historical-policy.ts';
import type { Prerequisite } from './ordering.ts';
import type { FlushOptions, Order, SnapshotWalk } from './policy.ts';

/** Orders that S0 buys with a bare barrier. The others hold already, because every write before them was at once. */
const BARRIERS: Partial<Record<Order, SyncCause>> = {
  'data-before-mapping': 'data-before-mapping',
  'copied-data-before-mapping': 'data-before-mapping',
  'compressed-data-before-mapping': 'data-before-mapping',
  'mapping-before-free': 'mapping-before-free',
  'refcount-before-l2-table': 'refcounts-before-table',
  'refcount-before-l1-table': 'refcounts-before-table',
  'refcount-before-snapshot-l1': 'refcounts-before-table',
  'refcount-before-snapshot-table': 'refcounts-before-table',
  'refcount-before-refcount-block': 'refcounts-before-table',
  'snapshot-walk-step': 'snapshot-walk',
  'compressed-walk-step': 'snapshot-walk',
};

/** Orders for which S0 writes out the new tables that must come first; those that were released are written already. */
const WRITES_TABLES: ReadonlySet<Order> = new Set(['l2-table-before-l1-entry', 'refcount-block-before-refcount-table']);

export class LegacyPolicy extends HistoricalPolicy implements SnapshotWalk {
  /** In a snapshot walk refcount changes stay in the buffered block until another block takes its place. */
  #walking = false;
  readonly #refcountsMayLag: () => boolean;

  constructor(file: DurableFile, refcountsMayLag: () => boolean) {
    super(file);
    this.#refcountsMayLag = refcountsMayLag;
  }

  protected obey(order: Order, before: readonly Prerequisite[]): void {
    const cause = BARRIERS[order];
    if (cause !== undefined) return this.file.sync(cause);
    if (WRITES_TABLES.has(order)) {
      for (const table of before) if (table instanceof CachedTable && table.isDirty) this.#writeWhole(table);
    }
    if (order === 'l2-tables-before-refcount-table' && this.#walking) this.#writeBufferedRefcounts();
  }

  released(table: CachedTable): void {
    if (!table.isDirty) return;
    if (!this.#walking) return this.#mayStayDirty(table) ? undefined : table.writeOutDirtySectors();
    if (table.kind === 'l2') this.#writeWhole(table);
  }

  /** Outside of a walk a table is dirty because it is a lazy refcount block, or because writing it failed before. */
  clean(table: CachedTable): void {
    if (!this.#walking && this.#mayStayDirty(table)) {
      if (table.isDirty) table.writeOutDirtySectors();
    } else if (this.#walking ? table.kind === 'refcount-block' : table.isDirty) this.#writeWhole(table);
  }

  override flush({ refcountsMayLag = false }: FlushOptions = {}): void {
    if (!refcountsMayLag) this.#writeLateRefcounts();
    this.file.sync('guest-flush');
  }

  override close(): void {
    this.#writeLateRefcounts();
  }

  #mayStayDirty({ kind }: CachedTable): boolean {
    return kind === 'refcount-block' && this.#refcountsMayLag();
  }

  #writeLateRefcounts(): void {
    if (!this.#refcountsMayLag()) return;
    for (const block of this.caches.refcounts.dirtyTables()) block.writeOutDirtySectors();
  }

  /** The walk reads L2 tables from the file, not from what was cached before, and keeps none of them cached. */
  begin(): void {
    this.#forgetL2Tables();
    this.#walking = true;
  }

  end(publishL1: () => void): void {
    try {
      publishL1();
      this.#forgetL2Tables();
    } finally {
      this.#walking = false;
    }
    this.#writeBufferedRefcounts();
  }

  #forgetL2Tables(): void {
    const { l2 } = this.caches;
    for (const table of l2.dirtyTables()) this.#writeWhole(table);
    l2.reset();
  }

  /** Writes the refcount block in the buffer, changed or not, as the program of that day did. */
  #writeBufferedRefcounts(): void {
    for (const block of this.caches.refcounts.tables()) this.#writeWhole(block);
  }

  #writeWhole(table: CachedTable): void {
    table.writeOut();
    this.syncUnlessDurable('table-before-pointer');
  }
}
