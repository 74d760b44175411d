/**
 * The contract of a metadata cache policy.
 *
 * The image code never syncs. It declares what must precede what ({@link Ordering}); the table caches hold the tables; the policy
 * alone decides when a table is written out and where a barrier goes. So a policy is one short file.
 *
 * Three words, never mixed: *write out* is memory to file, a *barrier* is a sync between two writes, a *flush* is the
 * guest's request for durability.
 *
 * | event                            | legacy                     | writethrough               | writeback                     |
 * | -------------------------------- | -------------------------- | -------------------------- | ----------------------------- |
 * | released, changed                | write the changed sectors  | write out along the edges  | stays dirty                   |
 * | clean (eviction, rollback)       | it is clean                | it is clean                | write out along the edges     |
 * | data before mapping              | barrier                    | S1 barrier; S2 owe one     | S1 barrier; S2 owe one        |
 * | refcounts before mapping         | the barrier above          | edge L2 → refcounts        | edge L2 → refcounts           |
 * | mapping before free              | barrier                    | the edge below             | the edge below                |
 * | dropped reference before refcount| (in order already)         | edge refcounts → L2        | edge refcounts → L2           |
 * | refcounts before a new table     | barrier                    | write out all refcounts    | write out all refcounts       |
 * | new table before its pointer     | write, barrier             | write out all L2 tables    | write out all L2 tables       |
 * | publish                          | write, barrier             | write, barrier             | write, barrier                |
 * | guest flush                      | barrier                    | L2, refcounts, file: three | L2, refcounts, file: three    |
 */
import type { HostRange } from '../base/units.ts';
import type { DurableFile } from '../io/durability.ts';
import type { AllocatorFactory } from './allocator.ts';
import type { Behaviour } from './behaviour.ts';
import type { CacheObserver } from './cached-table.ts';
import type { Place, Pointer, Prerequisite } from './ordering.ts';
import type { ReserveOptions } from './reserve.ts';
import type { TableCache, TableCleaner } from './table-cache.ts';

/**
 * What must be durable before what, one name for each place in the image code that declares an order. History did something of its
 * own at most of them; a policy that goes by the subjects of an {@link Ordering} need not look at the name.
 */
export const ORDERS = [
  /** Guest data of newly allocated clusters is written; the L2 entries that will name them come next. */
  'data-before-mapping',
  /** The same, and parts of those clusters were copied from elsewhere: without the copy, old guest data would be lost. */
  'copied-data-before-mapping',
  /** The same of a compressed cluster. */
  'compressed-data-before-mapping',
  /** The raised refcounts of new clusters, before the L2 entries that name them: else a crash could give them away again. */
  'refcounts-before-mapping',
  /** L2 entries that no longer name some clusters, before those clusters' refcounts are lowered. */
  'mapping-before-free',
  /** Any dropped reference (L2 entry, table pointer, snapshot entry), before the refcount that it stood for is lowered. */
  'dereference-before-refcount',
  /** The refcount of a cluster for a new L2 table, before that table and the L1 entry that publishes it. */
  'refcount-before-l2-table',
  /** The refcounts of a new, longer L1 table, before the table and the header that publishes it. */
  'refcount-before-l1-table',
  /** The refcounts of a snapshot's L1 copy, before it is written. */
  'refcount-before-snapshot-l1',
  /** The refcounts of a new snapshot table, before it is written. */
  'refcount-before-snapshot-table',
  /** A new L2 table, before the L1 entry that publishes it. */
  'l2-table-before-l1-entry',
  /** L2 tables, before the refcount table changes. */
  'l2-tables-before-refcount-table',
  /** The refcount of a new refcount block that another block counts, before the block itself. */
  'refcount-before-refcount-block',
  /** A new refcount block, before the refcount table entry that publishes it. */
  'refcount-block-before-refcount-table',
  /** Raised refcounts, before the COPIED flags that a snapshot walk clears. */
  'refcounts-before-copied-flag',
  /** Inside a snapshot walk, after the changed refcount of a cluster or L2 table. */
  'snapshot-walk-step',
  /** The same, after the changed refcounts of a compressed cluster. */
  'compressed-walk-step',
] as const;
/** The name of a kind of ordering that the image code declares: one of {@link ORDERS}. */
export type Order = (typeof ORDERS)[number];

/** What must be durable before something else is written, as the image code declares it. */
export interface Ordering {
  /** Null where history declared nothing of its own, and its policies do nothing. */
  readonly order: Order | null;
  /** What must be durable first. */
  readonly before: readonly Prerequisite[];
  /** What may not reach the file before that. A table that is in memory is pinned. */
  readonly after: readonly Place[];
}

/** The two table caches of an image. */
export interface TableCaches {
  readonly l2: TableCache;
  readonly refcounts: TableCache;
}

/** What is true of the image when the guest asks for durability. */
export interface FlushOptions {
  /** {@link PolicyParts.refcountsMayLag} holds, and this flush is the guest's: refcounts need not be durable. A policy may write them. */
  readonly refcountsMayLag?: boolean;
}

/** A metadata cache policy: what it is asked to do, and the events of the table caches that it may listen to. */
export interface CachePolicy extends CacheObserver, TableCleaner {
  /** Hands the policy its caches; called once, before anything else. */
  attach(caches: TableCaches): void;
  /** Declared at the moment between the two: `before` has changed in memory or in the file, `after` has not yet. */
  order(ordering: Ordering): void;
  /**
   * Writes a structure that nothing names yet (a longer L1 table, the copy of one for a snapshot, a snapshot table) to clusters that were
   * allocated for it. What `order` said of it precedes it.
   */
  place(content: Pointer): void;
  /** Has the pointer written, once `before` and what {@link order} said of it is durable: now, or as late as the next flush. */
  publish(pointer: Pointer, before: readonly Prerequisite[]): void;
  /** The same with nothing to wait for, and durable on return; pointers to the same bytes that are still postponed are given up. */
  publishNow(pointer: Pointer): void;
  /** What the pointers into this range named is named through `successor` now: those that are still postponed are given up. */
  withdraw(range: HostRange, successor: Pointer): void;
  /** The guest's flush: on return all completed writes are durable. */
  flush(options?: FlushOptions): void;
  /** Writes out what is dirty before the image is closed. */
  close(): void;
}

/** What the caches do around a walk over everything that an L1 table names, which is how history took snapshots. */
export interface SnapshotWalk {
  /** Many refcounts and COPIED flags will change. */
  begin(): void;
  /** The walk ends, complete or not; `publishL1` writes the changed L1 table and is called once, when the order wants it. */
  end(publishL1: () => void): void;
}

/** Sizes that a policy may want to know. */
export interface TableGeometry {
  readonly clusterBytes: number;
  /** Of a table of the L2 cache: a whole L2 table or a slice of one. */
  readonly l2SliceBytes: number;
  readonly l2EntryBytes: number;
  readonly clustersPerRefcountBlock: number;
  /** A refcount has 2 to the power of this many bits. */
  readonly refcountOrder: number;
}

/** What a policy is made from. */
export interface PolicyParts {
  /** The image file: what a policy writes and syncs goes through it, past the guards of the engine. */
  readonly file: DurableFile;
  readonly geometry: TableGeometry;
  readonly behaviour: Behaviour;
  /** The image has lazy refcounts: the first reference to a new cluster sets the dirty bit, durably. */
  readonly lazyRefcounts: boolean;
  /**
   * The dirty bit is set, until the image is closed: after a power cut all refcounts are counted anew. So no reference waits for one,
   * and none needs to be written before {@link CachePolicy.close}.
   */
  readonly refcountsMayLag: () => boolean;
  /** What is counted ahead, where the caller says so. */
  readonly reserve?: ReserveOptions;
}

/** What a factory returns: the policy, and what comes with it. */
export interface PolicySetup {
  readonly policy: CachePolicy;
  /** Absent: a walk is nothing special. */
  readonly snapshotWalk?: SnapshotWalk;
  /** Absent: clusters are freed at once, as in history. */
  readonly createAllocator?: AllocatorFactory;
}

/** Makes the policy of one open image. A factory around another alters or watches what that one makes. */
export type PolicyFactory = (parts: PolicyParts) => PolicySetup;
