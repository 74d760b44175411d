/** Threads that explore, one a core. Jobs are given out in order, so the longest should come first. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ExplorationJob } from './jobs.ts';
import { addTally, emptyTally, type Tally } from './tally.ts';

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
  const waiting = [...jobs];
  const threads = Math.min(options.threads ?? availableParallelism(), jobs.length);
  const work = Array.from({ length: threads }, () => runThread(waiting, sum, options));
  await Promise.all(work);
  return sum;
}

function runThread(waiting: ExplorationJob[], sum: Tally, options: PoolOptions): Promise<void> {
  const worker = new Worker(new URL('./exploration-worker.ts', import.meta.url));
  const finished = new Promise<void>((resolve, reject) => {
    let current: ExplorationJob | undefined;
    const next = () => {
      current = options.signal?.aborted ? undefined : waiting.shift();
      if (current === undefined) resolve();
      else worker.postMessage(current);
    };
    worker.on('message', (tally: Tally) => {
      addTally(sum, tally);
      options.onDone?.(current!, tally);
      next();
    });
    worker.on('error', (error) => {
      waiting.length = 0;
      reject(error);
    });
    next();
  });
  return finished.finally(() => worker.terminate());
}
