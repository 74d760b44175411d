/** `writeback`, stages S1 to S4b: changed tables stay dirty until a flush, an eviction, or a dependency forces them out. */
import type { DurableFile } from '../io/durability.ts';
import type { Behaviour } from './behaviour.ts';
import type { CachedTable } from './cached-table.ts';
import { DependentCaches } from './dependent-caches.ts';
import { HistoricalPolicy } from './historical-policy.ts';
import type { FlushOptions, Order } from './policy.ts';

export class WritebackPolicy extends HistoricalPolicy {
  readonly #tables: DependentCaches;

  constructor(file: DurableFile, behaviour: Behaviour) {
    super(file);
    this.#tables = new DependentCaches(
      (cause) => file.sync(cause),
      behaviour,
      () => this.caches,
    );
  }

  protected obey(order: Order): void {
    this.#tables.obey(order);
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
}
