/** What all policies of history share: their file and caches, and pointers published by a write and a barrier. */
import { invariant } from '../base/invariant.ts';
import type { SyncCause } from '../io/block-file.ts';
import type { DurableFile } from '../io/durability.ts';
import type { CachedTable } from './cached-table.ts';
import type { Pointer, Prerequisite } from './ordering.ts';
import type { CachePolicy, FlushOptions, Order, Ordering, TableCaches } from './policy.ts';

export abstract class HistoricalPolicy implements CachePolicy {
  protected readonly file: DurableFile;
  #caches: TableCaches | null = null;

  constructor(file: DurableFile) {
    this.file = file;
  }

  attach(caches: TableCaches): void {
    this.#caches = caches;
  }

  protected get caches(): TableCaches {
    invariant(this.#caches !== null, 'a policy is attached before it is used');
    return this.#caches;
  }

  place(content: Pointer): void {
    this.publishNow(content);
  }

  /** What must precede it does already: by an order declared before, or because its own pointer was published at once. */
  publish(pointer: Pointer): void {
    this.publishNow(pointer);
  }

  publishNow(pointer: Pointer): void {
    pointer.write(this.file);
    this.syncUnlessDurable('hook-up');
  }

  /** Nothing is postponed. */
  withdraw(): void {}

  /** The barrier that follows an ordered write; a file opened O_DSYNC needs none. */
  protected syncUnlessDurable(cause: SyncCause): void {
    if (!this.file.writesAreDurable) this.file.sync(cause);
  }

  abstract clean(table: CachedTable): void;
  order(ordering: Ordering): void {
    if (ordering.order !== null) this.obey(ordering.order, ordering.before);
  }

  /** Does what the stage did for `order`; `before` are the things that must come first. */
  protected abstract obey(order: Order, before: readonly Prerequisite[]): void;

  abstract flush(options?: FlushOptions): void;
  abstract close(): void;
}
