/** A cache policy with something left out: the wrapper that mutants are made of. */
import type { CachedTable, CachePolicy, Order, TableCache, TableCaches, TableKind } from '../../engine/index.ts';

/** Passes everything on; a mutant overrides what it gets wrong. */
export class MutantPolicy implements CachePolicy {
  protected readonly inner: CachePolicy;

  constructor(inner: CachePolicy) {
    this.inner = inner;
  }

  attach(caches: TableCaches): void {
    this.inner.attach(caches);
  }
  require(order: Order, table?: CachedTable): void {
    this.inner.require(order, table);
  }
  hookUp(offset: number, bytes: Uint8Array, kind: TableKind): void {
    this.inner.hookUp(offset, bytes, kind);
  }
  flush(): void {
    this.inner.flush();
  }
  close(): void {
    this.inner.close();
  }
  beginSnapshotWalk(): void {
    this.inner.beginSnapshotWalk();
  }
  endSnapshotWalk(publishL1: () => void): void {
    this.inner.endSnapshotWalk(publishL1);
  }
  evicting(cache: TableCache, slot: number): void {
    this.inner.evicting(cache, slot);
  }
  released(cache: TableCache, slot: number): void {
    this.inner.released(cache, slot);
  }
}

/** Does not pass on some orders. */
export class ForgetfulPolicy extends MutantPolicy {
  readonly #forgets: (order: Order) => boolean;

  constructor(inner: CachePolicy, forgets: (order: Order) => boolean) {
    super(inner);
    this.#forgets = forgets;
  }

  override require(order: Order, table?: CachedTable): void {
    if (!this.#forgets(order)) super.require(order, table);
  }
}

/** Says that the image is clean before its tables are written out. */
export class HastyClosePolicy extends MutantPolicy {
  #owesClose = false;

  override close(): void {
    this.#owesClose = true;
  }

  override hookUp(offset: number, bytes: Uint8Array, kind: TableKind): void {
    super.hookUp(offset, bytes, kind);
    if (this.#owesClose) this.inner.close();
    this.#owesClose = false;
  }
}
