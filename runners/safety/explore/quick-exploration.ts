/**
 * The exploration that a benchmark can afford: the same workloads for every policy, small enough that all their states are tried,
 * so that verdicts of different policies can be set side by side.
 */
import type { CrashVerdict } from '../../../results/record.ts';
import { FINDING_CLASSES, isViolated, isViolation } from '../judge/state-verdict.ts';
import { namedWorkloads } from '../requests/named-workloads.ts';
import { OPERATIONS } from '../requests/operation-table.ts';
import { type CrashSubject, recordWorkload } from '../states/record-workload.ts';
import type { ExploreOptions } from './explore.ts';
import type { ExplorationJob } from './jobs.ts';
import { tellStory } from './story.ts';
import type { Tally } from './tally.ts';

const CLUSTER_BYTES = 4096;
const OPERATIONS_MAX = 2;
const STARTS = ['shared', 'plain'];
const LIMITS: ExploreOptions = { statesPerPoint: 4096, seed: 1 };

/** What {@link quickJobs} covers, for the record. */
export const QUICK_EXPLORATION =
  `all sequences of up to ${OPERATIONS_MAX} operations and the named crash workloads, on ${CLUSTER_BYTES}-byte clusters, ` +
  `up to ${LIMITS.statesPerPoint} states a point; not the workload of the benchmark`;

/** The work of one subject. */
export function quickJobs(subject: CrashSubject): ExplorationJob[] {
  const shape = { clusterSizeBytes: CLUSTER_BYTES, cacheTables: null };
  const spaces = OPERATIONS.flatMap(({ name }) =>
    STARTS.map((start) => ({ space: { ...shape, start, first: name, maxLength: OPERATIONS_MAX } })),
  );
  const named = namedWorkloads(shape).map((workload) => ({ workload }));
  return [...named, ...spaces].map((work) => ({ subject, work, options: LIMITS }));
}

/** A tally as the record has it, with the story of the simplest violation. */
export function crashVerdictOf(tally: Tally, explored: string): CrashVerdict {
  const worst = FINDING_CLASSES.find((kind) => isViolation(kind) && tally.examples[kind] !== undefined);
  const found = worst === undefined ? undefined : tally.examples[worst]!;
  return {
    verdict: isViolated(tally.findings) ? 'violated' : tally.maxLeakedClusters > 0 ? 'leaks' : 'survived',
    explored,
    epochs: tally.points,
    exhaustiveEpochs: tally.exhaustivePoints,
    states: tally.states,
    distinctStates: tally.distinctStates,
    violations: { ...tally.findings },
    maxLeakedClusters: tally.maxLeakedClusters,
    ...(found !== undefined && { story: tellStory(recordWorkload(found.workload, found.subject), found.example) }),
  };
}
