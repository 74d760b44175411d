/**
 * `modern`: what QEMU's driver does today (7.2), rebuilt. The dependencies between the caches are those of S4b; what came since is that a
 * sync is skipped while nothing was written since the last one that succeeded, and that a guest flush writes both caches out along
 * their dependencies and then syncs once.
 */
import type { SyncCause } from '../io/block-file.ts';
import type { DurableFile } from '../io/durability.ts';
import type { Behaviour } from './behaviour.ts';
import type { CachedTable } from './cached-table.ts';
import { DependentCaches } from './dependent-caches.ts';
import { HistoricalPolicy } from './historical-policy.ts';
import type { Pointer } from './ordering.ts';
import type { FlushOptions, Order } from './policy.ts';

export class ModernPolicy extends HistoricalPolicy {
  readonly #tables: DependentCaches;

  constructor(file: DurableFile, behaviour: Behaviour) {
    super(file);
    const sync = (cause: SyncCause) => this.#syncIfNeeded(cause);
    this.#tables = new DependentCaches(sync, behaviour, () => this.caches);
  }

  protected obey(order: Order): void {
    // History made a sync of it, which does nothing for a refcount that is still in the cache.
    if (order === 'refcount-before-refcount-block')
      return this.#tables.writeOutAll(this.caches.refcounts, 'refcounts-before-table');
    this.#tables.obey(order);
  }

  override place(content: Pointer): void {
    content.write(this.file);
    this.#syncIfNeeded('hook-up');
  }

  override publishNow(pointer: Pointer): void {
    pointer.writeChanged(this.file);
    this.#syncIfNeeded('hook-up');
  }

  clean(table: CachedTable): void {
    this.#tables.writeOut(table);
  }

  flush({ refcountsMayLag = false }: FlushOptions = {}): void {
    this.#tables.writeOutEach(this.caches.l2);
    if (!refcountsMayLag) this.#tables.writeOutEach(this.caches.refcounts);
    this.#syncIfNeeded('guest-flush');
  }

  close(): void {
    this.#tables.close();
  }

  #syncIfNeeded(cause: SyncCause): void {
    if (this.file.durable < this.file.written) this.file.sync(cause);
  }
}
