/** The work that is shared out between threads: a job and its result are plain data. */
import type { WorkloadShape } from '../requests/build-named.ts';
import type { CrashWorkload } from '../requests/crash-workload.ts';
import { randomWorkload } from '../requests/random-workload.ts';
import { type SequenceSpace, sequences } from '../requests/sequences.ts';
import { type CrashSubject, recordWorkload } from '../states/record-workload.ts';
import { type Exploration, type ExploreOptions, exploreRecording } from './explore.ts';
import { fingerprintOf } from './recording-fingerprint.ts';
import { addTally, emptyTally, type Tally, tallyOf } from './tally.ts';

export interface ExplorationJob {
  readonly subject: CrashSubject;
  /**
   * One workload; all sequences of a space, each from its last operation on, with one table cache after the other where several are named;
   * or random workloads.
   */
  readonly work:
    | { readonly workload: CrashWorkload }
    | { readonly space: SequenceSpace; readonly caches?: readonly CrashWorkload['cacheTables'][] }
    | { readonly random: RandomWorkloads };
  readonly options: ExploreOptions;
}

/** Those with seeds from `firstSeed` on. */
export interface RandomWorkloads {
  readonly shape: WorkloadShape;
  readonly firstSeed: number;
  readonly count: number;
}

/** `mayStop` is asked between two workloads; what was explored until then is the result. */
export function runJob({ subject, work, options }: ExplorationJob, mayStop: () => boolean): Tally {
  const sum = emptyTally();
  // With two tables or with all of them in memory, most short sequences write the same: what is known is not explored again.
  const known = 'caches' in work ? new Map<string, Exploration>() : null;
  for (const { workload, limits } of workloadsOf(work, options)) {
    if (!('workload' in work) && mayStop()) break;
    addTally(sum, exploreWorkload(subject, workload, limits, known));
  }
  return sum;
}

/** The workloads of a job. Of a sequence, what its beginning shows is left to the shorter one. */
export function* workloadsOf(
  work: ExplorationJob['work'],
  options: ExploreOptions,
): Generator<{ workload: CrashWorkload; limits: ExploreOptions }> {
  if ('workload' in work) yield { workload: work.workload, limits: options };
  else if ('random' in work) {
    const { shape, firstSeed, count } = work.random;
    for (let index = 0; index < count; index++)
      yield { workload: randomWorkload(firstSeed + index, shape), limits: options };
  } else {
    for (const cacheTables of work.caches ?? [work.space.cacheTables]) {
      for (const workload of sequences({ ...work.space, cacheTables })) {
        yield { workload, limits: { ...options, fromRequest: workload.lastOperation } };
      }
    }
  }
}

function exploreWorkload(
  subject: CrashSubject,
  workload: CrashWorkload,
  options: ExploreOptions,
  known: Map<string, Exploration> | null,
): Tally {
  const recording = recordWorkload(workload, subject);
  const key = known === null ? '' : `${workload.name} ${fingerprintOf(recording)}`;
  const exploration = known?.get(key) ?? exploreRecording(recording, options);
  known?.set(key, exploration);
  return tallyOf(exploration, subject, workload, recording.failures);
}
