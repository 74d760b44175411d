/**
 * The two table caches of stages S1 to S4b, and the order between them: *one edge per cache*. `L2 → refcounts` means that no L2 table
 * may be written out before every refcount block is durable. Setting an edge settles what it would reverse or replace, so there is
 * never a cycle. Besides the edge, a cache can owe one bare barrier (for copied data), paid before its next write-out.
 */
import { Qcow2Error } from '../base/errors.ts';
import type { SyncCause } from '../io/block-file.ts';
import type { Behaviour } from './behaviour.ts';
import type { CachedTable } from './cached-table.ts';
import type { FlushOptions, Order, TableCaches } from './policy.ts';
import type { TableCache } from './table-cache.ts';

interface Link {
  /** The cache that must be durable before this one is written out. */
  dependsOn: TableCache | null;
  /** Copied data must be durable before this cache is written out. */
  owesBarrier: boolean;
}

/** The first of two errors, unless it says that space ran out and the second has a reason of its own: space can be made. */
function worse(first: Qcow2Error | null, second: Qcow2Error): Qcow2Error {
  if (first === null) return second;
  return first.code === 'NO_SPACE' && second.code !== 'NO_SPACE' && rootOf(second) !== rootOf(first) ? second : first;
}

/** After a failed sync every refusal goes back to that one. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error;
}

export class DependentCaches {
  readonly #sync: (cause: SyncCause) => void;
  readonly #copiedData: Behaviour['copiedData'];
  readonly #attached: () => TableCaches;
  readonly #links: Record<'l2' | 'refcounts', Link> = {
    l2: { dependsOn: null, owesBarrier: false },
    refcounts: { dependsOn: null, owesBarrier: false },
  };

  /** `sync` makes a barrier, or skips one that would do nothing. */
  constructor(sync: (cause: SyncCause) => void, { copiedData }: Behaviour, attached: () => TableCaches) {
    this.#sync = sync;
    this.#copiedData = copiedData;
    this.#attached = attached;
  }

  get #caches(): TableCaches {
    return this.#attached();
  }

  /** Does what stages S1 to S4b did for an order. */
  obey(order: Order): void {
    const { l2, refcounts } = this.#caches;
    switch (order) {
      case 'copied-data-before-mapping':
        if (this.#copiedData === 'barrier') this.#sync('data-before-mapping');
        else if (this.#copiedData === 'owed') this.#links.l2.owesBarrier = true;
        return;
      case 'refcounts-before-mapping':
      case 'refcounts-before-copied-flag':
        return this.#setDependency(l2, refcounts);
      case 'dereference-before-refcount':
        return this.#setDependency(refcounts, l2);
      case 'refcount-before-l2-table':
      case 'refcount-before-l1-table':
        return this.writeOutAll(refcounts, 'refcounts-before-table');
      case 'l2-table-before-l1-entry':
      case 'l2-tables-before-refcount-table':
        return this.writeOutAll(l2, 'table-before-pointer');
      case 'refcount-block-before-refcount-table':
        return this.writeOutAll(refcounts, 'table-before-pointer');
      case 'refcount-before-snapshot-l1':
      case 'refcount-before-snapshot-table':
      case 'refcount-before-refcount-block':
        return this.#sync('refcounts-before-table');
      case 'snapshot-walk-step':
      case 'compressed-walk-step':
        return this.#sync('snapshot-walk');
      case 'data-before-mapping':
      case 'compressed-data-before-mapping':
      case 'mapping-before-free':
        // The edges set for the refcounts of the same request cover both.
        return;
    }
  }

  /** Three syncs, dirty or not; two where the refcounts may lag. */
  flush({ refcountsMayLag = false }: FlushOptions = {}): void {
    this.writeOutAll(this.#caches.l2, 'cache-flush');
    if (!refcountsMayLag) this.writeOutAll(this.#caches.refcounts, 'cache-flush');
    this.#sync('guest-flush');
  }

  /** Writes out what is dirty, without a promise to the guest. */
  close(): void {
    this.writeOutAll(this.#caches.l2, 'close');
    this.writeOutAll(this.#caches.refcounts, 'close');
  }

  /** Writes one table out, what it depends on first. Not followed by a barrier. */
  writeOut(table: CachedTable): void {
    if (!table.isDirty) return;
    const link = table.kind === 'l2' ? this.#links.l2 : this.#links.refcounts;
    if (link.dependsOn !== null) this.#settleDependency(link);
    else if (link.owesBarrier) {
      this.#sync('data-before-mapping');
      link.owesBarrier = false;
    }
    table.writeOut();
  }

  /** Writes every dirty table of `cache` out, then one barrier: always, as history has it, even when nothing was dirty. */
  writeOutAll(cache: TableCache, cause: SyncCause): void {
    this.writeOutEach(cache);
    this.#sync(cause);
  }

  /** The same without the barrier at the end. A table that cannot be written keeps no other back. */
  writeOutEach(cache: TableCache): void {
    let worst: Qcow2Error | null = null;
    for (let table = cache.dirtyFrom(0); table !== null; table = cache.dirtyFrom(table.slot + 1)) {
      try {
        this.writeOut(table);
      } catch (error) {
        if (!(error instanceof Qcow2Error)) throw error;
        worst = worse(worst, error);
      }
    }
    if (worst !== null) throw worst;
  }

  #link(cache: TableCache): Link {
    return cache === this.#caches.l2 ? this.#links.l2 : this.#links.refcounts;
  }

  #setDependency(cache: TableCache, on: TableCache): void {
    const reverse = this.#link(on);
    if (reverse.dependsOn !== null) this.#settleDependency(reverse);
    const link = this.#link(cache);
    if (link.dependsOn !== null && link.dependsOn !== on) this.#settleDependency(link);
    link.dependsOn = on;
  }

  /** The barrier that ends the write-out covers copied data too: a barrier owed besides the edge is paid with it. */
  #settleDependency(link: Link): void {
    if (link.dependsOn !== null) this.writeOutAll(link.dependsOn, 'dependency');
    link.dependsOn = null;
    link.owesBarrier = false;
  }
}
