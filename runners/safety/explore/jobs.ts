/** The work that is shared out between threads: a job and its result are plain data. */
import type { CrashWorkload } from '../requests/crash-workload.ts';
import { type SequenceSpace, sequences } from '../requests/sequences.ts';
import { type CrashSubject, recordWorkload } from '../states/record-workload.ts';
import { type ExploreOptions, exploreRecording } from './explore.ts';
import { addTally, emptyTally, type Tally, tallyOf } from './tally.ts';

export interface ExplorationJob {
  readonly subject: CrashSubject;
  /** One workload, or all sequences of a space, each from its last operation on. */
  readonly work: { readonly workload: CrashWorkload } | { readonly space: SequenceSpace };
  readonly options: ExploreOptions;
}

/** `mayStop` is asked between two sequences; what was explored until then is the result. */
export function runJob({ subject, work, options }: ExplorationJob, mayStop: () => boolean): Tally {
  if ('workload' in work) return exploreWorkload(subject, work.workload, options);
  const sum = emptyTally();
  for (const workload of sequences(work.space)) {
    if (mayStop()) break;
    addTally(sum, exploreWorkload(subject, workload, { ...options, fromRequest: workload.lastOperation }));
  }
  return sum;
}

function exploreWorkload(subject: CrashSubject, workload: CrashWorkload, options: ExploreOptions): Tally {
  const recording = recordWorkload(workload, subject);
  return tallyOf(exploreRecording(recording, options), subject, workload, recording.failures);
}
