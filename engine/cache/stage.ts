/**
 * The points of history: what each commit changed, as a few named properties. Everything not named here is the same in all.
 * `docs/policies.md` shows the file operations that each produces.
 */
import type { Behaviour } from './behaviour.ts';

/** Where a point of history comes from. */
export interface History {
  readonly date: string;
  readonly commit: string;
  readonly title: string;
  /** What the program did with freed tables; `behaviour` is free of the defect (decision 002). */
  readonly staleTables: Behaviour['staleTables'];
}

/** A point of history: its behaviour, and the commit that it stands for. */
export interface Stage {
  readonly id: StageId;
  /** Null for what no program ever did: a variant of a stage, for the sake of one question. */
  readonly history: History | null;
  readonly behaviour: Behaviour;
}

const S0: Behaviour = {
  cachesTables: false,
  replacement: 'use-count',
  l2CacheTables: 16,
  refcountCacheTables: 1,
  copiedData: 'barrier',
  layout: 'unpacked',
  freesSharedL2BeforeCopy: true,
  copiesL2FromFile: true,
  staleTables: 'discarded',
  copyOnWrite: 'written',
  snapshots: 'walked',
  countsAgainAfterNewBlock: false,
  l2CacheCoversDisk: false,
  flushesToWriteThrough: false,
  walksInWriteback: false,
};
const S1: Behaviour = {
  ...S0,
  cachesTables: true,
  replacement: 'aging',
  refcountCacheTables: 4,
  copiesL2FromFile: false,
};
const S2: Behaviour = { ...S1, copiedData: 'owed' };
const S3: Behaviour = { ...S2, layout: 'packed' };
const S4a: Behaviour = { ...S3, freesSharedL2BeforeCopy: false };
const S4b: Behaviour = { ...S4a, walksInWriteback: true };

const DEFINITIONS = {
  S0: {
    behaviour: S0,
    history: {
      date: '2011-01',
      commit: 'c641483fb',
      title: 'before the cache: a sync per request',
      staleTables: 'discarded',
    },
  },
  S1: {
    behaviour: S1,
    history: {
      date: '2011-01-24',
      commit: '493810940b + 29c1a7301a',
      title: 'a cache of L2 tables and refcount blocks, with dependencies',
      staleTables: 'written-out',
    },
  },
  S2: {
    behaviour: S2,
    history: {
      date: '2011-01-24',
      commit: '3de0a2944b',
      title: 'the sync after a copy waits for the next L2 write-out',
      staleTables: 'written-out',
    },
  },
  S3: {
    behaviour: S3,
    history: {
      date: '2011-01-31',
      commit: 'bf595021c7',
      title: 'the cache entries packed in memory',
      staleTables: 'written-out',
    },
  },
  S4a: {
    behaviour: S4a,
    history: {
      date: '2011-07',
      commit: '93913dfd8a^',
      title: 'a shared L2 table is freed only after its copy is published',
      staleTables: 'written-out',
    },
  },
  S4b: {
    behaviour: S4b,
    history: {
      date: '2011-07-19',
      commit: '93913dfd8a',
      title: 'snapshots run in writeback whatever the cache mode',
      staleTables: 'written-out',
    },
  },
  // What if: S2 without the barrier owed after a copy.
  'S2-unowed': { behaviour: { ...S2, copiedData: 'none' }, history: null },
} as const satisfies Record<string, Omit<Stage, 'id'>>;

/** The id of a stage: one of {@link STAGE_IDS}. */
export type StageId = keyof typeof DEFINITIONS;

/** Every stage and variant by its id. */
export const STAGES = Object.fromEntries(
  Object.entries(DEFINITIONS).map(([id, definition]) => [id, { id, ...definition }]),
) as unknown as Readonly<Record<StageId, Stage>>;

/** The points of history, in order. */
export const STAGE_IDS: readonly StageId[] = Object.values(STAGES)
  .filter(({ history }) => history !== null)
  .map(({ id }) => id);

/** The stage or variant called `id`, in any case; null when there is none. */
export function findStage(id: string): Stage | null {
  return Object.values(STAGES).find((stage) => stage.id.toLowerCase() === id.toLowerCase()) ?? null;
}

/** What the program of that day did, its defects included; the behaviour alone for what no program did. */
export function behaviourInHistory({ behaviour, history }: Stage): Behaviour {
  return history === null ? behaviour : { ...behaviour, staleTables: history.staleTables };
}
