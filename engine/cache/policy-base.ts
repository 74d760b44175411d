/** What most policies share: their file and caches, and pointers that are published by a write and a barrier. */
import { invariant } from '../base/invariant.ts';
import type { SyncCause } from '../io/block-file.ts';
import type { DurableFile } from '../io/durability.ts';
import { CachedTable } from './cached-table.ts';
import { isDurable, type Pointer, type Prerequisite } from './ordering.ts';
import type { CachePolicy, FlushOptions, Ordering, TableCaches } from './policy.ts';

/**
 * A base for policies: tables stay dirty until the guest flushes or the image is closed, pointers are published at once. A subclass
 * decides what an order costs and how a table is written out, and overrides what it does otherwise.
 */
export abstract class PolicyBase implements CachePolicy {
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

  abstract order(ordering: Ordering): void;
  abstract clean(table: CachedTable): void;

  place(content: Pointer): void {
    content.write(this.file);
  }

  publish(pointer: Pointer, before: readonly Prerequisite[]): void {
    this.order({ order: null, before, after: [] });
    this.publishNow(pointer);
  }

  publishNow(pointer: Pointer): void {
    pointer.write(this.file);
    this.syncUnlessDurable('hook-up');
  }

  /** Nothing is postponed. */
  withdraw(): void {}

  flush(_options?: FlushOptions): void {
    this.close();
    this.file.sync('guest-flush');
  }

  /** Refcounts first: when it fails in between, clusters are leaked and none is named that counts as free. */
  close(): void {
    for (const cache of [this.caches.refcounts, this.caches.l2]) {
      for (const table of cache.dirtyTables()) this.clean(table);
    }
  }

  /** The barrier that follows an ordered write; a file opened O_DSYNC needs none. */
  protected syncUnlessDurable(cause: SyncCause): void {
    if (!this.file.writesAreDurable) this.file.sync(cause);
  }

  /** Makes `before` durable now: writes out what of it is dirty, then a barrier, unless all of it is durable already. */
  protected settle(before: readonly Prerequisite[]): void {
    for (const one of before) if (one instanceof CachedTable && one.isDirty) this.clean(one);
    if (!isDurable(before, this.file.durable)) this.file.sync('dependency');
  }
}
