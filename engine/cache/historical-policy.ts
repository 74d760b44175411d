/** What all policies of history share: their file and caches, and pointers published by a write and a barrier. */
import { invariant } from '../base/invariant.ts';
import type { BlockFile, SyncCause, TableKind } from '../io/block-file.ts';
import { writeBytes } from '../io/sector-access.ts';
import type { CachedTable } from './cached-table.ts';
import type { CachePolicy, Order, TableCaches } from './policy.ts';

export abstract class HistoricalPolicy implements CachePolicy {
  protected readonly file: BlockFile;
  #caches: TableCaches | null = null;

  constructor(file: BlockFile) {
    this.file = file;
  }

  attach(caches: TableCaches): void {
    this.#caches = caches;
  }

  protected get caches(): TableCaches {
    invariant(this.#caches !== null, 'a policy is attached before it is used');
    return this.#caches;
  }

  hookUp(offset: number, bytes: Uint8Array, kind: TableKind): void {
    writeBytes(this.file, offset, bytes, kind);
    this.syncUnlessDurable('hook-up');
  }

  /** The barrier that follows an ordered write; a file opened O_DSYNC needs none. */
  protected syncUnlessDurable(cause: SyncCause): void {
    if (!this.file.writesAreDurable) this.file.sync(cause);
  }

  abstract clean(table: CachedTable): void;
  abstract require(order: Order, table?: CachedTable): void;
  abstract flush(): void;
  abstract close(): void;
}
