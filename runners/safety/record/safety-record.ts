/** Everything that `docs/safety.md` says about one policy, found by exploring it, part by part. */
import { policyOfStage, policyPresets, STAGE_IDS } from '../../../engine/index.ts';
import type { BarrierNecessity } from '../explore/barrier-necessity.ts';
import type { BarrierJob } from '../explore/barrier-worker.ts';
import type { ExplorationJob } from '../explore/jobs.ts';
import { sumOf, type Tally } from '../explore/tally.ts';
import { runInThreads } from '../explore/thread-pool.ts';
import type { HuntResult } from '../mutants/mutant-hunt.ts';
import type { MutantJob } from '../mutants/mutant-worker.ts';
import { mutantsOf } from '../mutants/mutants.ts';
import { type ConfusionMatrix, compareCheckers } from '../qemu/qemu-verdicts.ts';
import type { CrashWorkload } from '../requests/crash-workload.ts';
import { namedWorkloads } from '../requests/named-workloads.ts';
import { OPERATIONS } from '../requests/operation-table.ts';
import { type CrashSubject, recordWorkload } from '../states/record-workload.ts';
import type { FinishedParts } from './finished-parts.ts';

export interface SafetyScope {
  readonly length: number;
  readonly clusterSizes: readonly number[];
  readonly caches: readonly CrashWorkload['cacheTables'][];
  readonly statesPerPoint: number;
  /** States of each recording that go through qemu-img; 0: none. */
  readonly qemuStates: number;
  /** Which workloads mutants are tested with. */
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
export function safetySubjects(): CrashSubject[] {
  const presets = policyPresets();
  const others = STAGE_IDS.filter((id) => !presets.some(({ stage }) => stage === id));
  return [
    ...presets.map(({ name }) => subjectOf(name, null)),
    ...others.map((stage) => subjectOf(policyOfStage(stage, 'writeback'), stage)),
  ];
}

function subjectOf(policy: CrashSubject['policy'], stage: CrashSubject['stage']): CrashSubject {
  return { policy, stage, hostCacheMode: null };
}

/** Work of one kind, in parts that are plain data, as are their results. */
interface Chore<Job, Result> {
  readonly name: string;
  readonly worker: string;
  readonly jobs: readonly Job[];
  readonly results: Result[];
}

/** What is known when all is done, and how to get there. */
export class SafetyWork {
  readonly #subject: CrashSubject;
  readonly #explorations: Chore<ExplorationJob, Tally>;
  readonly #hunts: Chore<MutantJob, HuntResult>;
  readonly #barriers: Chore<BarrierJob, BarrierNecessity>;

  constructor(subject: CrashSubject, scope: SafetyScope) {
    this.#subject = subject;
    const chore = <Job, Result>(what: string, worker: string, jobs: readonly Job[]): Chore<Job, Result> => ({
      name: `${what} of ${subject.policy} ${subject.stage ?? ''}`,
      worker,
      jobs,
      results: [],
    });
    this.#explorations = chore('states', '../explore/exploration-worker.ts', jobsOf(subject, scope));
    // Of stages that are no preset, no mutants: they have the faults that the mutants are modelled on.
    const isHunted = subject.stage === null && scope.mutants !== 'none';
    this.#hunts = chore('mutants', '../mutants/mutant-worker.ts', isHunted ? huntsOf(subject, scope) : []);
    this.#barriers = chore('barriers', '../explore/barrier-worker.ts', barriersOf(subject, scope));
  }

  get partCount(): number {
    return this.#explorations.jobs.length + this.#hunts.jobs.length + this.#barriers.jobs.length;
  }

  /** Does what `finished` does not have, and keeps it there. `onPart` is called for each part; `signal` ends it early. */
  async run(finished: FinishedParts, onPart: (wasFinished: boolean) => void, signal: AbortSignal): Promise<void> {
    for (const chore of [this.#explorations, this.#hunts, this.#barriers] as Chore<unknown, unknown>[]) {
      await carryOut(chore, finished, onPart, signal);
    }
  }

  /** Of finished work only. */
  record(): SafetyRecord {
    const barriers: BarrierNecessity = { barriers: 0, loadBearing: 0, guestWrites: 0 };
    for (const one of this.#barriers.results) {
      barriers.barriers += one.barriers;
      barriers.loadBearing += one.loadBearing;
      barriers.guestWrites += one.guestWrites;
    }
    return { subject: this.#subject, tally: sumOf(this.#explorations.results), hunts: this.#hunts.results, barriers };
  }
}

async function carryOut<Job, Result>(
  { name, worker, jobs, results }: Chore<Job, Result>,
  finished: FinishedParts,
  onPart: (wasFinished: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  const partName = (index: number) => `${name}, ${index}`;
  const open = [...jobs.keys()].filter((index) => !finished.has(partName(index)));
  for (const index of jobs.keys()) {
    const known = finished.get<Result>(partName(index));
    if (known === undefined) continue;
    results[index] = known;
    onPart(true);
  }
  const work = open.map((index) => jobs[index]!);
  await runInThreads<Job, Result>(new URL(worker, import.meta.url), work, {
    signal,
    onDone: (_, result, place) => {
      // It may be of a part of the work only.
      if (signal.aborted) return;
      results[open[place]!] = result;
      finished.keep(partName(open[place]!), result);
      onPart(false);
    },
  });
}

/** Both checkers on states of the named workloads under every subject. */
export function qemuVerdicts(
  { clusterSizes, qemuStates }: SafetyScope,
  signal?: AbortSignal,
): Promise<ConfusionMatrix> {
  const recordings = safetySubjects().flatMap((subject) =>
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

function huntsOf(subject: CrashSubject, scope: SafetyScope): MutantJob[] {
  const options = { statesPerPoint: 1024, seed: SEED, repairs: 0 };
  return mutantsOf(subject.policy).map(({ name }) => ({
    subject,
    mutant: name,
    options,
    withSequences: scope.mutants === 'all',
  }));
}

/** Clusters of this size keep each point small enough to explore all of it again for every barrier. */
export const BARRIER_CLUSTER_BYTES = 4096;

function barriersOf(subject: CrashSubject, { statesPerPoint }: SafetyScope): BarrierJob[] {
  const options = { statesPerPoint: Math.min(statesPerPoint, 1024), seed: SEED, repairs: 0 };
  const workloads = namedWorkloads({ clusterSizeBytes: BARRIER_CLUSTER_BYTES, cacheTables: null });
  // Of the making of an image, only the guest's part can be compared.
  return workloads
    .filter(({ recordsCreation }) => !recordsCreation)
    .map((workload) => ({ subject, workload, options }));
}
