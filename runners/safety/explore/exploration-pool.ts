/** Explores in threads and adds up what they find. */
import type { ExplorationJob } from './jobs.ts';
import { sumOf, type Tally } from './tally.ts';
import { runInThreads } from './thread-pool.ts';

export interface PoolOptions {
  /** Default: one for each core. */
  readonly threads?: number;
  /** Called after each job; after `signal` the tally may be of a part of it. */
  readonly onDone?: (index: number, tally: Tally) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs all jobs and returns their sum, which does not depend on which thread was faster. A defect in a thread ends the run
 * with its error.
 */
export async function exploreJobs(jobs: readonly ExplorationJob[], options: PoolOptions = {}): Promise<Tally> {
  const tallies: Tally[] = [];
  await runInThreads<ExplorationJob, Tally>(new URL('./exploration-worker.ts', import.meta.url), jobs, {
    ...options,
    onDone: (_, tally, index) => {
      tallies[index] = tally;
      options.onDone?.(index, tally);
    },
  });
  return sumOf(tallies.filter((tally) => tally !== undefined));
}
