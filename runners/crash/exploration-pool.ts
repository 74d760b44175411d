/** Explores in threads and adds up what they find. */
import type { ExplorationJob } from './jobs.ts';
import { addTally, emptyTally, type Tally } from './tally.ts';
import { runInThreads } from './thread-pool.ts';

export interface PoolOptions {
  /** Default: one for each core. */
  readonly threads?: number;
  /** Told after each job. */
  readonly onDone?: (job: ExplorationJob, tally: Tally) => void;
  readonly signal?: AbortSignal;
}

/** Runs all jobs and returns their sum. A defect in a thread ends the run with its error. */
export async function exploreJobs(jobs: readonly ExplorationJob[], options: PoolOptions = {}): Promise<Tally> {
  const sum = emptyTally();
  await runInThreads<ExplorationJob, Tally>(new URL('./exploration-worker.ts', import.meta.url), jobs, {
    ...options,
    onDone: (job, tally) => {
      addTally(sum, tally);
      options.onDone?.(job, tally);
    },
  });
  return sum;
}
