/** Cache policies with something left out, or done otherwise: wrappers that mutants and fixed policies are made of. */
import {
  type CachedTable,
  type CachePolicy,
  type DiscardReason,
  type FlushOptions,
  type HostRange,
  type Order,
  type Ordering,
  Pointer,
  type Prerequisite,
  type Sequence,
  type SnapshotWalk,
  type TableCaches,
} from '../../../engine/index.ts';

/** Header fields, bytes: the number of snapshots, followed by the offset of their table. */
const SNAPSHOT_COUNT = 60;
const SNAPSHOTS_OFFSET = 64;

/** Passes everything on; a mutant overrides what it gets wrong. */
export class MutantPolicy implements CachePolicy {
  protected readonly inner: CachePolicy;

  constructor(inner: CachePolicy) {
    this.inner = inner;
  }

  attach(caches: TableCaches): void {
    this.inner.attach(caches);
  }
  order(ordering: Ordering): void {
    this.inner.order(ordering);
  }
  publish(pointer: Pointer, before: readonly Prerequisite[]): void {
    this.inner.publish(pointer, before);
  }
  publishNow(pointer: Pointer): void {
    this.inner.publishNow(pointer);
  }
  place(content: Pointer): void {
    this.inner.place(content);
  }
  withdraw(range: HostRange, successor: Pointer): void {
    this.inner.withdraw(range, successor);
  }
  flush(options?: FlushOptions): void {
    this.inner.flush(options);
  }
  close(): void {
    this.inner.close();
  }
  clean(table: CachedTable): void {
    this.inner.clean(table);
  }
  dirtying(table: CachedTable, from: number, to: number): void {
    this.inner.dirtying?.(table, from, to);
  }
  filling(table: CachedTable): void {
    this.inner.filling?.(table);
  }
  leaving(table: CachedTable): void {
    this.inner.leaving?.(table);
  }
  writtenOut(table: CachedTable, at: Sequence): void {
    this.inner.writtenOut?.(table, at);
  }
  discarded(table: CachedTable, why: DiscardReason): void {
    this.inner.discarded?.(table, why);
  }
  released(table: CachedTable): void {
    this.inner.released?.(table);
  }
}

/** Does not pass on some orders. */
export class ForgetfulPolicy extends MutantPolicy {
  readonly #forgets: (order: Order) => boolean;

  constructor(inner: CachePolicy, forgets: (order: Order) => boolean) {
    super(inner);
    this.#forgets = forgets;
  }

  override order(ordering: Ordering): void {
    if (ordering.order === null || !this.#forgets(ordering.order)) super.order(ordering);
  }
}

/** Says that the image is clean before its tables are written out. */
export class HastyClosePolicy extends MutantPolicy {
  #owesClose = false;

  override close(): void {
    this.#owesClose = true;
  }

  override publishNow(pointer: Pointer): void {
    super.publishNow(pointer);
    if (this.#owesClose) this.inner.close();
    this.#owesClose = false;
  }
}

/** Declares another order as well, or in place of one. */
export class RestatingPolicy extends MutantPolicy {
  readonly #restate: (ordering: Ordering, inner: CachePolicy) => void;

  constructor(inner: CachePolicy, restate: (ordering: Ordering, inner: CachePolicy) => void) {
    super(inner);
    this.#restate = restate;
  }

  override order(ordering: Ordering): void {
    this.#restate(ordering, this.inner);
  }
}

/** Of the refcount blocks, writes out only the new one before the pointer to it; the refcounts in the others stay in memory. */
export class NarrowBlockPolicy extends MutantPolicy {
  override order(ordering: Ordering): void {
    if (ordering.order !== 'refcount-block-before-refcount-table') return super.order(ordering);
    for (const block of ordering.before) (block as CachedTable).writeOut();
    // A bare barrier, under every policy.
    this.inner.order({ ...ordering, order: 'refcount-before-snapshot-table' });
  }
}

/** Does not notice that the tables could not be written out at the end of a snapshot walk. */
export function careless(walk: SnapshotWalk): SnapshotWalk {
  return {
    begin: () => walk.begin(),
    end: (publishL1) => {
      let isPublished = false;
      const publish = () => {
        isPublished = true;
        publishL1();
      };
      try {
        walk.end(publish);
      } catch {
        if (!isPublished) publish();
      }
    },
  };
}

/** Fix: the two header fields that publish a snapshot table are written at once. */
export class JoinedHeaderPolicy extends MutantPolicy {
  #tableOffset: Uint8Array | null = null;

  override publish(pointer: Pointer, before: readonly Prerequisite[]): void {
    const { kind, offset, bytes } = pointer;
    if (kind === 'header' && offset === SNAPSHOTS_OFFSET) {
      this.#tableOffset = bytes.slice();
    } else if (kind === 'header' && offset === SNAPSHOT_COUNT && this.#tableOffset !== null) {
      const both = new Uint8Array(bytes.length + this.#tableOffset.length);
      both.set(bytes);
      both.set(this.#tableOffset, bytes.length);
      super.publish(new Pointer(kind, offset, both), before);
    } else super.publish(pointer, before);
  }
}
