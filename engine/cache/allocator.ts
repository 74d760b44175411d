/**
 * The contract of an allocator: which clusters new data and tables get, and when a cluster that is no longer referenced can be
 * given away again. It works on {@link ClusterCounts}, which keep the refcounts. A policy may come with one of its own.
 *
 * An allocator may postpone: raise refcounts ahead of time and hand out what is counted durably already, or keep a freed cluster
 * back until the reference that was dropped is durably gone. Invariants of every implementation:
 *  1. What `allocate` returned is counted once, in one piece, and is returned to nobody else before it was released.
 *  2. A released cluster is counted for as long as it can't be allocated again: a power cut leaks it at worst.
 *  3. After `close` nothing is counted that is not referenced.
 */
import type { HostOffset, HostRange } from '../base/units.ts';
import type { DurableFile, Sequence } from '../io/durability.ts';
import type { CachedTable } from './cached-table.ts';
import type { Prerequisite } from './ordering.ts';

/** Refcounts of host clusters. Offsets and lengths are bytes and need not lie on cluster boundaries. */
export interface ClusterCounts {
  /** The refcount of host cluster `cluster`; 0 where no refcount block exists. */
  of(cluster: number): number;
  /**
   * Host offset of the first `count` consecutive clusters that are not counted. They are not counted yet; the next search starts past
   * them, and again before them once one of them is lowered to 0. For 0 clusters: where the next search starts.
   * @throws Qcow2Error NO_SPACE past 2^53 bytes, CORRUPT when too many clusters past the end of the file are in use, or when one that
   * was found holds metadata all the same.
   */
  findFree(count: number): HostOffset;
  /** The next search finds what earlier ones have passed, because they looked for more clusters in one piece. */
  searchFromStart(): void;
  /**
   * How many of the `most` clusters from host offset `offset` on are free, up to the first that is not or that no refcount block counts yet.
   * Nothing is counted. @throws Qcow2Error CORRUPT when one holds metadata all the same.
   */
  freeAt(offset: number, most: number): number;
  /**
   * Adds 1 to the refcount of each cluster that the `lengthBytes` bytes at host `offset` touch. Returns the refcount blocks that must
   * be durable before a new reference to one of the clusters may be.
   * @throws Qcow2Error UNSUPPORTED when a refcount would not fit its width, CORRUPT for a used cluster that no block counts.
   */
  raise(offset: number, lengthBytes: number): readonly CachedTable[];
  /**
   * Takes 1 from the refcount of each cluster that the bytes touch, after `dropped`: what named them. Those that reach 0 are found by
   * the next search. Returns the refcount blocks that were changed.
   * @throws Qcow2Error CORRUPT when a refcount would fall below 0.
   */
  lower(offset: number, lengthBytes: number, dropped: readonly Prerequisite[]): readonly CachedTable[];
  /**
   * The same for what nothing named. Lowered counts that cannot be written out now are written out later, and that is no error: whoever
   * gave back could not know that they are lowered, and would lower them twice. On an error none is lowered.
   * @throws Qcow2Error CORRUPT when a refcount would fall below 0, IO when a refcount block cannot be read.
   */
  lowerUnnamed(offset: number, lengthBytes: number): void;
}

/** What an allocator is made from. */
export interface AllocatorParts {
  readonly file: DurableFile;
  readonly clusterBytes: number;
  readonly counts: ClusterCounts;
}

/** Makes the allocator of an image that is being opened. */
export type AllocatorFactory = (parts: AllocatorParts) => Allocator;

/** Consecutive clusters that an allocator gave out. */
export interface Allocation {
  /** Host offset of the first cluster, bytes, on a cluster boundary. */
  readonly offset: number;
  /** What must be durable before anything durable names the clusters; empty when it is so already. */
  readonly wait: readonly Prerequisite[];
  /** The clusters read as zeros until they are written to, after a power cut as well. */
  readonly readsAsZeros: boolean;
  /** Nothing durable names the clusters, so that what they hold can be destroyed. */
  readonly isUnnamed: boolean;
}

/** One that may be smaller than what was asked for. */
export interface PartialAllocation extends Allocation {
  /** Absent: all that were asked for. */
  readonly clusters?: number;
}

/** What is restored when a failed operation is rolled back; see `undo.ts`. */
export interface Savepoint {
  /** The allocator is what it was; can be called again. The image's variables and tables are rolled back by the caller. */
  restore(): void;
}

/** Chooses clusters and gives freed ones back; one for each open image. */
export interface Allocator {
  /**
   * Takes `clusters` consecutive clusters and counts each once.
   * @throws Qcow2Error NO_SPACE, CORRUPT when refcounts and tables contradict each other, IO.
   */
  allocate(clusters: number): Allocation;
  /**
   * The same for clusters that continue others in the file: as many of `clusters` as can be had from host offset `offset` on; null for none.
   * Without it nothing is continued.
   */
  allocateAt?(offset: number, clusters: number): PartialAllocation | null;
  /**
   * One reference to every cluster that the ranges touch is dropped, and `dropped` says what must be durable before that can't come
   * back. Clusters without another reference can be allocated again, now or later.
   * @throws Qcow2Error CORRUPT when a cluster is freed that is free already.
   */
  release(ranges: readonly HostRange[], dropped: readonly Prerequisite[]): void;
  /**
   * Releases what was taken for a request that failed before anything named it; on an error nothing is released, so that it can be called
   * again. Without it such clusters are released, with nothing dropped.
   */
  giveBack?(range: HostRange): void;
  /** A sync returned: all changes up to `durable` survive a power cut. What waited for one of them can be done. */
  settled(durable: Sequence): void;
  /**
   * The refcounts are about to be taken for what is referenced (a snapshot walk sets COPIED by them): lowers what was postponed, after
   * making durable what that waits for.
   */
  settleAll(): void;
  /**
   * The disk is full: makes everything free that is only held back, after making durable what that waits for, and reserves nothing for a
   * while. False where nothing was held back: another try would end as the first. Without it nothing ever is.
   * @throws Qcow2Error NO_SPACE, IO when that cannot be made durable.
   */
  makeRoom?(): boolean;
  savepoint(): Savepoint;
  /** The image is closed: lowers what was postponed and gives back what was reserved. The policy writes out after it. */
  close(): void;
}
