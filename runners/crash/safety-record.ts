/** Everything that `docs/safety.md` says about one policy, found by exploring it. */
import { availableParallelism } from 'node:os';
import { STAGE_IDS } from '../../engine/index.ts';
import { type BarrierNecessity, barrierNecessity } from './barrier-necessity.ts';
import type { CrashWorkload } from './crash-workload.ts';
import { exploreJobs } from './exploration-pool.ts';
import type { ExplorationJob } from './jobs.ts';
import type { HuntResult } from './mutant-hunt.ts';
import type { MutantJob } from './mutant-worker.ts';
import { MUTANTS } from './mutants.ts';
import { namedWorkloads } from './named-workloads.ts';
import { OPERATIONS } from './operation-table.ts';
import { type ConfusionMatrix, compareCheckers } from './qemu-verdicts.ts';
import { type CrashSubject, recordWorkload } from './record-workload.ts';
import type { Tally } from './tally.ts';
import { runInThreads } from './thread-pool.ts';

export interface SafetyScope {
  readonly length: number;
  readonly clusterSizes: readonly number[];
  readonly caches: readonly CrashWorkload['cacheTables'][];
  readonly statesPerPoint: number;
  /** States of each recording that go through qemu-img; 0: none. */
  readonly qemuStates: number;
  /** Which workloads mutants are hunted with. */
  readonly mutants: 'none' | 'named' | 'all';
}

export interface SafetyRecord {
  readonly subject: CrashSubject;
  readonly tally: Tally;
  /** Only of presets. */
  readonly hunts: readonly HuntResult[];
  readonly barriers: BarrierNecessity;
}

const SEED = 1;

/** The presets, then the writeback policy at each point of history that is not a preset's. */
export const SAFETY_SUBJECTS: readonly CrashSubject[] = [
  ...(['legacy', 'writethrough', 'writeback'] as const).map((policy) => subjectOf(policy, null)),
  ...STAGE_IDS.filter((id) => id !== 'S0' && id !== 'S4b').map((stage) => subjectOf('writeback', stage)),
];

function subjectOf(policy: CrashSubject['policy'], stage: CrashSubject['stage']): CrashSubject {
  return { policy, stage, hostCacheMode: null };
}

export async function safetyOf(subject: CrashSubject, scope: SafetyScope): Promise<SafetyRecord> {
  const tally = await exploreJobs(jobsOf(subject, scope));
  const hunts = subject.stage === null ? await huntMutants(subject, scope) : [];
  return { subject, tally, hunts, barriers: sumOfBarriers(subject, scope) };
}

/** Both checkers on states of the named workloads under every subject. */
export function qemuVerdicts({ clusterSizes, qemuStates }: SafetyScope): Promise<ConfusionMatrix> {
  const recordings = SAFETY_SUBJECTS.flatMap((subject) =>
    clusterSizes.flatMap((clusterSizeBytes) =>
      namedWorkloads({ clusterSizeBytes, cacheTables: null }).map((workload) => ({ workload, subject })),
    ),
  );
  return compareCheckers(recorded(recordings), qemuStates);
}

/** One at a time: recordings of large clusters are large. */
function* recorded(pairs: readonly { workload: CrashWorkload; subject: CrashSubject }[]) {
  for (const { workload, subject } of pairs) yield recordWorkload(workload, subject);
}

function jobsOf(subject: CrashSubject, { length, clusterSizes, caches, statesPerPoint }: SafetyScope) {
  const options = { statesPerPoint, seed: SEED };
  const shapes = clusterSizes.flatMap((clusterSizeBytes) =>
    caches.map((cacheTables) => ({ clusterSizeBytes, cacheTables })),
  );
  return shapes.toReversed().flatMap((shape): ExplorationJob[] => [
    ...namedWorkloads(shape).map((workload) => ({ subject, work: { workload }, options })),
    ...OPERATIONS.flatMap(({ name }) =>
      ['shared', 'plain'].map((start) => ({
        subject,
        work: { space: { ...shape, start, first: name, maxLength: length } },
        options,
      })),
    ),
  ]);
}

async function huntMutants(subject: CrashSubject, scope: SafetyScope): Promise<HuntResult[]> {
  if (scope.mutants === 'none') return [];
  const names = MUTANTS.map(({ name }) => name);
  const shares = Array.from({ length: availableParallelism() }, (_, share) =>
    names.filter((_, index) => index % availableParallelism() === share),
  );
  const options = { statesPerPoint: 1024, seed: SEED, repairs: 0 };
  const jobs = shares.map((mutants) => ({ subject, mutants, options, withSequences: scope.mutants === 'all' }));
  const results: HuntResult[] = [];
  await runInThreads<MutantJob, HuntResult[]>(new URL('./mutant-worker.ts', import.meta.url), jobs, {
    onDone: (_, hunts) => results.push(...hunts),
  });
  return results.sort((a, b) => names.indexOf(a.mutant) - names.indexOf(b.mutant));
}

/** Clusters of this size keep each point small enough to explore all of it again for every barrier. */
export const BARRIER_CLUSTER_BYTES = 4096;

function sumOfBarriers(subject: CrashSubject, { statesPerPoint }: SafetyScope): BarrierNecessity {
  const options = { statesPerPoint: Math.min(statesPerPoint, 1024), seed: SEED, repairs: 0 };
  const sum: BarrierNecessity = { barriers: 0, loadBearing: 0, guestWrites: 0 };
  for (const workload of namedWorkloads({ clusterSizeBytes: BARRIER_CLUSTER_BYTES, cacheTables: null })) {
    // Of the making of an image, only the guest's part can be compared.
    if (workload.recordsCreation) continue;
    const one = barrierNecessity(recordWorkload(workload, subject), options);
    sum.barriers += one.barriers;
    sum.loadBearing += one.loadBearing;
    sum.guestWrites += one.guestWrites;
  }
  return sum;
}
