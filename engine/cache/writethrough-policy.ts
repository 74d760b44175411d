/**
 * `writethrough`, stages S1 to S4b: a changed table is written out, whole and along its dependencies, when the image code releases
 * it. The host file is O_DSYNC, so the write is durable on return. From S4b on a snapshot walk runs as writeback. Refcounts that may lag
 * stay dirty, as in writeback.
 */
import type { TableKind } from '../io/block-file.ts';
import type { DurableFile } from '../io/durability.ts';
import type { Behaviour } from './behaviour.ts';
import type { CachedTable } from './cached-table.ts';
import { DependentCaches } from './dependent-caches.ts';
import { HistoricalPolicy } from './historical-policy.ts';
import type { FlushOptions, Order, SnapshotWalk } from './policy.ts';

export class WritethroughPolicy extends HistoricalPolicy implements SnapshotWalk {
  readonly #tables: DependentCaches;
  readonly #walksInWriteback: boolean;
  /** Whose tables are written out when they are released: both kinds, but for the time of a walk. */
  readonly #writesThrough = new Set<TableKind>(['l2', 'refcount-block']);

  readonly #refcountsMayLag: () => boolean;

  constructor(file: DurableFile, behaviour: Behaviour, refcountsMayLag: () => boolean) {
    super(file);
    this.#refcountsMayLag = refcountsMayLag;
    this.#tables = new DependentCaches(
      (cause) => file.sync(cause),
      behaviour,
      () => this.caches,
    );
    this.#walksInWriteback = behaviour.walksInWriteback;
  }

  protected obey(order: Order): void {
    this.#tables.obey(order);
  }

  released(table: CachedTable): void {
    // First, since nearly every table that is released is clean.
    if (!table.isDirty) return;
    if (table.kind === 'refcount-block' && this.#refcountsMayLag()) return;
    if (this.#writesThrough.has(table.kind)) this.#tables.writeOut(table);
  }

  clean(table: CachedTable): void {
    this.#tables.writeOut(table);
  }

  override flush(options?: FlushOptions): void {
    this.#tables.flush(options);
  }

  override close(): void {
    this.#tables.close();
  }

  begin(): void {
    if (this.#walksInWriteback) this.#writesThrough.clear();
  }

  /** Each cache is written out as it returns to writethrough; the L2 tables first. */
  end(publishL1: () => void): void {
    if (this.#walksInWriteback) this.#returnToWritethrough();
    publishL1();
  }

  #returnToWritethrough(): void {
    try {
      for (const cache of [this.caches.l2, this.caches.refcounts]) {
        this.#tables.writeOutAll(cache, 'mode-switch');
        this.#writesThrough.add(cache.kind);
      }
    } finally {
      this.#writesThrough.add('l2').add('refcount-block');
    }
  }
}
