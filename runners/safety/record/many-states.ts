/**
 * Millions of states of a few policies: every sequence of up to a number of operations first, then workloads drawn at random, shape by
 * shape in turn, until enough states were judged. The parts and their order depend on the scope alone.
 */
import { z } from 'zod';
import { type PolicyName, policyNames } from '../../../engine/index.ts';
import type { FinishedParts } from '../../shards/finished-parts.ts';
import type { Shard } from '../../shards/shard.ts';
import type { ExplorationJob } from '../explore/jobs.ts';
import { addTally, emptyTally, type Tally } from '../explore/tally.ts';
import { runInThreads } from '../explore/thread-pool.ts';
import type { WorkloadShape } from '../requests/build-named.ts';
import { OPERATIONS } from '../requests/operation-table.ts';

export interface ManyStatesScope {
  readonly policies: readonly PolicyName[];
  /** Operations per sequence. */
  readonly length: number;
  readonly seed: number;
}

/** All that decides the content of a record, in a form that passes between machines. */
export const ManyStatesPlan = z.strictObject({
  scope: z.strictObject({
    policies: z
      .array(z.string().refine((name) => policyNames().includes(name), 'no policy of this program'))
      .min(1)
      .readonly(),
    length: z.int().min(1).max(5),
    seed: z
      .int()
      .min(0)
      .max(2 ** 20),
  }),
  /** States to judge, at least. */
  goal: z.int().min(1),
});
export type ManyStatesPlan = z.infer<typeof ManyStatesPlan>;

/** What one row of the record sums up. */
export interface StateGroup {
  readonly policy: PolicyName;
  readonly work: 'sequences' | 'random';
  readonly shape: WorkloadShape;
}

interface Part {
  readonly name: string;
  readonly group: StateGroup;
  readonly job: ExplorationJob;
}

export interface GroupTally {
  readonly group: StateGroup;
  readonly tally: Tally;
}

export interface ManyStatesRun {
  /** Threads; default: one for each core. */
  readonly threads?: number;
  /** Do the parts of this one, until it has its share of the states. */
  readonly shard?: Shard;
  /** Called with the states judged so far, and how many of them an earlier run had judged. */
  readonly onStates: (states: number, resumed: number) => void;
  readonly onPart: (tally: Tally) => void;
  readonly signal: AbortSignal;
}

const CACHES: readonly WorkloadShape['cacheTables'][] = [{ l2: 2, refcounts: 2 }, null];
/** Sequences run where a table is a sector, so that everything grows soonest. */
const SEQUENCE_CLUSTER_BYTES = 512;
const RANDOM_CLUSTER_BYTES: readonly number[] = [512, 1024, 4096];
const RANDOM_PER_PART = 32;
const SEQUENCE_OPTIONS = { statesPerPoint: 65_536, repairs: 1 };
/** Of the few points with more combinations, a sample. */
const RANDOM_OPTIONS = { statesPerPoint: 1024, repairs: 1 };

/** Judges at least `goal` states, those in `finished` included, and keeps each part there. Ends early on `signal`. */
export async function judgeManyStates(
  scope: ManyStatesScope,
  goal: number,
  finished: FinishedParts,
  { threads, shard, onStates, onPart, signal }: ManyStatesRun,
): Promise<void> {
  const share = shard === undefined ? goal : shareOfGoal(goal, shard);
  let states = 0;
  let resumed = 0;
  const begun: Part[] = [];
  function* due(): Generator<ExplorationJob> {
    for (const part of shard === undefined ? partsOf(scope) : partsOfShard(scope, shard)) {
      if (states >= share) return;
      const known = finished.get<Tally>(part.name);
      if (known === undefined) {
        begun.push(part);
        yield part.job;
        continue;
      }
      states += known.states;
      resumed += known.states;
      onStates(states, resumed);
    }
  }
  await runInThreads<ExplorationJob, Tally>(new URL('../explore/exploration-worker.ts', import.meta.url), due(), {
    ...(threads !== undefined && { threads }),
    signal,
    onDone: (_, tally, index) => {
      // It may be of a part of the work only.
      if (signal.aborted) return;
      finished.keep(begun[index]!.name, tally);
      states += tally.states;
      onPart(tally);
      onStates(states, resumed);
    },
  });
}

/** What a shard judges at least; which parts that takes, its results decide. */
export function shareOfGoal(goal: number, { count }: Shard): number {
  return Math.ceil(goal / count);
}

/** The names of the first `parts` parts that a shard does. */
export function shareOfStates(scope: ManyStatesScope, shard: Shard, parts: number): Set<string> {
  const names = new Set<string>();
  if (parts === 0) return names;
  for (const { name } of partsOfShard(scope, shard)) {
    if (names.add(name).size >= parts) break;
  }
  return names;
}

/** One of each run of neighbours, not the same one each time: policies take turns in the list. */
function* partsOfShard(scope: ManyStatesScope, { index, count }: Shard): Generator<Part> {
  let place = 0;
  for (const one of partsOf(scope)) {
    if ((place + Math.floor(place / count)) % count === index - 1) yield one;
    place++;
  }
}

/** What the parts up to the goal add up to, by group; of those that are finished, in order. */
export function manyStatesOf(scope: ManyStatesScope, goal: number, finished: FinishedParts): GroupTally[] {
  const groups = new Map<string, GroupTally>();
  let states = 0;
  for (const { name, group } of partsOf(scope)) {
    const tally = finished.get<Tally>(name);
    if (states >= goal || tally === undefined) break;
    states += tally.states;
    const key = JSON.stringify(group);
    if (!groups.has(key)) groups.set(key, { group, tally: emptyTally() });
    addTally(groups.get(key)!.tally, tally);
  }
  return [...groups.values()];
}

/** Without end. */
function* partsOf(scope: ManyStatesScope): Generator<Part> {
  yield* sequenceParts(scope);
  for (let block = 0; ; block++) yield* randomParts(scope, block);
}

function* sequenceParts({ policies, length, seed }: ManyStatesScope): Generator<Part> {
  for (const cacheTables of CACHES) {
    const shape = { clusterSizeBytes: SEQUENCE_CLUSTER_BYTES, cacheTables };
    for (const { name: first } of OPERATIONS) {
      for (const start of ['shared', 'plain']) {
        for (const policy of policies) {
          const work = { space: { ...shape, start, first, maxLength: length } };
          const options = { ...SEQUENCE_OPTIONS, seed };
          yield part({ policy, work: 'sequences', shape }, `${start} ${first}`, work, options);
        }
      }
    }
  }
}

function* randomParts({ policies, seed }: ManyStatesScope, block: number): Generator<Part> {
  for (const clusterSizeBytes of RANDOM_CLUSTER_BYTES) {
    for (const cacheTables of CACHES) {
      const shape = { clusterSizeBytes, cacheTables };
      for (const policy of policies) {
        const firstSeed = seed * 2 ** 32 + block * RANDOM_PER_PART;
        const work = { random: { shape, firstSeed, count: RANDOM_PER_PART } };
        yield part({ policy, work: 'random', shape }, `${block}`, work, { ...RANDOM_OPTIONS, seed });
      }
    }
  }
}

function part(
  group: StateGroup,
  place: string,
  work: ExplorationJob['work'],
  options: ExplorationJob['options'],
): Part {
  const subject = { policy: group.policy, stage: null, hostCacheMode: null };
  const { clusterSizeBytes, cacheTables } = group.shape;
  const name = `${group.work} ${group.policy} ${clusterSizeBytes} ${cacheTables?.l2 ?? 'own'} ${place}`;
  return { name, group, job: { subject, work, options } };
}
