/**
 * What an engine does that is not the policy's choice at run time, or was not in history: a few named properties. A policy of the
 * future has one of its own; each point of history (`stage.ts`) is another.
 */
import type { CacheLayout } from './entry-store.ts';
import type { Replacement } from './replacement.ts';

/** What an engine does besides what its policy decides, as named properties. */
export interface Behaviour {
  /** False before the cache: every table is written through in sectors. */
  readonly cachesTables: boolean;
  readonly replacement: Replacement;
  readonly l2CacheTables: number;
  readonly refcountCacheTables: number;
  /**
   * After copied data: a barrier at once, or one owed to the next L2 write-out. `none` (in no stage of history) leaves it to the
   * edge L2 → refcounts, which every copy sets too and whose barrier comes before the same L2 write-out.
   */
  readonly copiedData: 'barrier' | 'owed' | 'none';
  /** How the entries of the table caches lie in memory. */
  readonly layout: CacheLayout;
  /** True while an L2 table that is about to be copied was freed *before* its copy was published: unsafe after a snapshot. */
  readonly freesSharedL2BeforeCopy: boolean;
  /** A shared L2 table is copied from the file, not from the cache. */
  readonly copiesL2FromFile: boolean;
  /**
   * A table that was freed while it was dirty: `written-out` all the same, over whatever its cluster holds by then, as programs did; or
   * `discarded` as soon as the cluster holds something else (decision 002).
   */
  readonly staleTables: 'written-out' | 'discarded';
  /**
   * What a write leaves out of a new cluster: `written` on its own, zeros too, as in history; or `merged` with the data in one write, and
   * not written where it reads as zeros and the place does, too. Clusters that continue one another in the file are then one write as well.
   */
  readonly copyOnWrite: 'written' | 'merged';
  /** How snapshots are taken, applied and deleted: see `image/walked-snapshots.ts` and `image/flipped-snapshots.ts`. */
  readonly snapshots: 'walked' | 'flipped';
  /** What an allocation counted before it came to need a new refcount block is taken back then, and counted again. */
  readonly countsAgainAfterNewBlock: boolean;
  /** The L2 cache holds the tables of the whole disk by default, up to 32 MiB, in place of {@link l2CacheTables}. */
  readonly l2CacheCoversDisk: boolean;
  /** What is written through (O_DSYNC) is flushed after each request: the caches always write back. */
  readonly flushesToWriteThrough: boolean;
  /** Snapshot walks run in writeback whatever the host cache mode. */
  readonly walksInWriteback: boolean;
}
