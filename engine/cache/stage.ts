/**
 * The stages of history: what each commit changed, as a few named properties. Everything not named here is the same in all.
 * `docs/policies.md` shows the file operations that each produces.
 */
import type { CacheLayout } from './entry-store.ts';
import type { Replacement } from './replacement.ts';

export const STAGE_IDS = ['S0', 'S1', 'S2', 'S3', 'S4a', 'S4b'] as const;
/** Stages that never were, for the sake of one question each; in no list of history. */
export const WHAT_IF_STAGE_IDS = ['S2-unowed'] as const;
export type StageId = (typeof STAGE_IDS)[number] | (typeof WHAT_IF_STAGE_IDS)[number];

export interface Stage {
  readonly id: StageId;
  readonly date: string;
  readonly commit: string;
  readonly title: string;
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
  /** Snapshot walks run in writeback whatever the host cache mode. */
  readonly walksInWriteback: boolean;
}

const S0: Stage = {
  id: 'S0',
  date: '2011-01',
  commit: 'c641483fb',
  title: 'before the cache: a sync per request',
  cachesTables: false,
  replacement: 'use-count',
  l2CacheTables: 16,
  refcountCacheTables: 1,
  copiedData: 'barrier',
  layout: 'unpacked',
  freesSharedL2BeforeCopy: true,
  copiesL2FromFile: true,
  walksInWriteback: false,
};

const S1: Stage = {
  ...S0,
  id: 'S1',
  date: '2011-01-24',
  commit: '493810940b + 29c1a7301a',
  title: 'a cache of L2 tables and refcount blocks, with dependencies',
  cachesTables: true,
  replacement: 'aging',
  refcountCacheTables: 4,
  copiesL2FromFile: false,
};

const S2: Stage = {
  ...S1,
  id: 'S2',
  date: '2011-01-24',
  commit: '3de0a2944b',
  title: 'the sync after a copy waits for the next L2 write-out',
  copiedData: 'owed',
};

const S3: Stage = {
  ...S2,
  id: 'S3',
  date: '2011-01-31',
  commit: 'bf595021c7',
  title: 'the cache entries packed in memory',
  layout: 'packed',
};

const S4a: Stage = {
  ...S3,
  id: 'S4a',
  date: '2011-07',
  commit: '93913dfd8a^',
  title: 'a shared L2 table is freed only after its copy is published',
  freesSharedL2BeforeCopy: false,
};

const S4b: Stage = {
  ...S4a,
  id: 'S4b',
  date: '2011-07-19',
  commit: '93913dfd8a',
  title: 'snapshots run in writeback whatever the cache mode',
  walksInWriteback: true,
};

const S2_UNOWED: Stage = {
  ...S2,
  id: 'S2-unowed',
  date: 'never',
  commit: 'none',
  title: 'what if: S2 without the barrier owed after a copy',
  copiedData: 'none',
};

/** Every stage by its id; the ones of history are those of {@link STAGE_IDS}. */
export const STAGES: Readonly<Record<StageId, Stage>> = { S0, S1, S2, S3, S4a, S4b, 'S2-unowed': S2_UNOWED };
