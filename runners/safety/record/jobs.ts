/** The jobs of a safety record: what is explored, with which mutants, and which barriers are left out. */
import { policyNamed } from '../../../engine/index.ts';
import type { BarrierJob } from '../explore/barrier-worker.ts';
import type { ExplorationJob } from '../explore/jobs.ts';
import type { MutantJob } from '../mutants/mutant-worker.ts';
import { mutantsOf } from '../mutants/mutants.ts';
import { type ConfusionMatrix, compareCheckers } from '../qemu/qemu-verdicts.ts';
import type { WorkloadShape } from '../requests/build-named.ts';
import type { CrashWorkload } from '../requests/crash-workload.ts';
import { laterWorkloads } from '../requests/later-workloads.ts';
import { namedWorkloads } from '../requests/named-workloads.ts';
import { OPERATIONS } from '../requests/operation-table.ts';
import { type CrashSubject, recordWorkload } from '../states/record-workload.ts';
import { type SafetyPlan, safetySubjects } from './safety-plan.ts';

const SEED = 1;

/** Both checkers on states of the named workloads under every subject. */
export function qemuVerdicts(
  { clusterSizes, qemuStates, policies }: SafetyPlan,
  signal?: AbortSignal,
): Promise<ConfusionMatrix> {
  const recordings = safetySubjects(policies).flatMap((subject) =>
    clusterSizes.flatMap((clusterSizeBytes) =>
      namedWorkloads({ clusterSizeBytes, cacheTables: null }).map((workload) => ({ workload, subject })),
    ),
  );
  return compareCheckers(recorded(recordings), qemuStates, signal);
}

/** One at a time: recordings of large clusters are large. */
function* recorded(pairs: readonly { workload: CrashWorkload; subject: CrashSubject }[]) {
  for (const { workload, subject } of pairs) yield recordWorkload(workload, subject);
}

export function explorationsOf(
  subject: CrashSubject,
  { length, clusterSizes, caches, statesPerPoint }: SafetyPlan,
): ExplorationJob[] {
  const options = { statesPerPoint, seed: SEED };
  // The longest jobs first, and each sequence with all caches in one job: there most of it need not be explored twice.
  const largestFirst = clusterSizes.toReversed();
  const cachesInTurn = caches.toReversed();
  const named = largestFirst.flatMap((clusterSizeBytes) =>
    cachesInTurn.flatMap((cacheTables) => workloadsFor(subject, { clusterSizeBytes, cacheTables })),
  );
  return [
    ...largestFirst.flatMap((clusterSizeBytes) =>
      OPERATIONS.flatMap(({ name }) =>
        ['shared', 'plain'].map((start): ExplorationJob => {
          const space = { clusterSizeBytes, cacheTables: null, start, first: name, maxLength: length };
          return { subject, work: { space, caches: cachesInTurn }, options };
        }),
      ),
    ),
    ...named.map((workload) => ({ subject, work: { workload }, options })),
  ];
}

/** Of a policy that is no point of history, those of later mechanisms as well. */
function workloadsFor({ policy }: CrashSubject, shape: WorkloadShape): CrashWorkload[] {
  const isHistory = policyNamed(policy).stage !== undefined;
  return isHistory ? namedWorkloads(shape) : [...namedWorkloads(shape), ...laterWorkloads(shape)];
}

export function huntsOf(subject: CrashSubject, { mutants }: SafetyPlan): MutantJob[] {
  const options = { statesPerPoint: 1024, seed: SEED, repairs: 0 };
  return mutantsOf(subject.policy).map(({ name }) => ({
    subject,
    mutant: name,
    options,
    withSequences: mutants === 'all',
  }));
}

/** Clusters of this size keep each point small enough to explore all of it again for every barrier. */
export const BARRIER_CLUSTER_BYTES = 4096;

export function barriersOf(subject: CrashSubject, { statesPerPoint }: SafetyPlan): BarrierJob[] {
  const options = { statesPerPoint: Math.min(statesPerPoint, 1024), seed: SEED, repairs: 0 };
  const workloads = namedWorkloads({ clusterSizeBytes: BARRIER_CLUSTER_BYTES, cacheTables: null });
  // Of the making of an image, only the guest's part can be compared.
  return workloads
    .filter(({ recordsCreation }) => !recordsCreation)
    .map((workload) => ({ subject, workload, options }));
}
