/**
 * The contract of an allocator: which clusters new data and tables get, and when a cluster that is no longer referenced can be
 * given away again. Counting is not its business but that of `refcounts.ts`, which every allocator works on.
 *
 * An allocator may postpone: raise refcounts ahead of time and hand out what is counted durably already, or keep a freed cluster
 * back until the reference that was dropped is durably gone. Invariants of every implementation:
 *  1. What `allocate` returned is counted once, in one piece, and is returned to nobody else before it was released.
 *  2. A released cluster is counted for as long as it can't be allocated again: a power cut leaks it at worst.
 *  3. After `close` nothing is counted that is not referenced.
 */
import type { CachedTable } from '../cache/cached-table.ts';
import type { Sequence } from '../io/durability.ts';
import type { HostRange } from './geometry.ts';

/** What must be durable before something else: a table as it is now, or every change up to a number. */
export type Prerequisite = CachedTable | Sequence;

/** Whether all of it survives a power cut when the changes up to `durable` do. A table that changed again since is not. */
export function isDurable(prerequisites: readonly Prerequisite[], durable: Sequence): boolean {
  return prerequisites.every((one) =>
    typeof one === 'number' ? one <= durable : !one.isDirty && one.writtenAt <= durable,
  );
}

export interface Allocation {
  /** Host offset of the first cluster, bytes, on a cluster boundary. */
  readonly offset: number;
  /** What must be durable before anything durable names the clusters; empty when it is so already. */
  readonly wait: readonly Prerequisite[];
}

/** What goes back when an operation that failed is taken back; see `undo.ts`. */
export interface Savepoint {
  /** The allocator is what it was; can be called again. The image's variables and tables are put back by the caller. */
  restore(): void;
}

export interface Allocator {
  /**
   * Takes `clusters` consecutive clusters and counts each once.
   * @throws Qcow2Error NO_SPACE, CORRUPT when refcounts and tables contradict each other, IO.
   */
  allocate(clusters: number): Allocation;
  /**
   * One reference to every cluster that the ranges touch is dropped, and `dropped` says what must be durable before that can't come
   * back. Clusters without another reference can be allocated again, now or later.
   * @throws Qcow2Error CORRUPT when a cluster is freed that is free already.
   */
  release(ranges: readonly HostRange[], dropped: readonly Prerequisite[]): void;
  /** A sync returned: all changes up to `durable` survive a power cut. What waited for one of them can be done. */
  settled(durable: Sequence): void;
  savepoint(): Savepoint;
  /** The image is closed: lowers what was postponed and gives back what was reserved. The caches are written out after it. */
  close(): void;
}
