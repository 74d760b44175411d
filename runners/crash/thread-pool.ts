/** Threads that each take one job after the other. Jobs are given out in order, so the longest should come first. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

export interface ThreadOptions<Job, Result> {
  /** Default: one for each core. */
  readonly threads?: number;
  /** Told after each job. */
  readonly onDone: (job: Job, result: Result) => void;
  readonly signal?: AbortSignal;
}

/** Sends every job to a thread that runs the module `worker`, which answers each message with one. A defect ends the run with its error. */
export async function runInThreads<Job, Result>(
  worker: URL,
  jobs: readonly Job[],
  options: ThreadOptions<Job, Result>,
): Promise<void> {
  const waiting = [...jobs];
  const threads = Math.min(options.threads ?? availableParallelism(), jobs.length);
  await Promise.all(Array.from({ length: threads }, () => runThread(worker, waiting, options)));
}

function runThread<Job, Result>(url: URL, waiting: Job[], options: ThreadOptions<Job, Result>): Promise<void> {
  const worker = new Worker(url);
  const finished = new Promise<void>((resolve, reject) => {
    let current: Job | undefined;
    const next = () => {
      current = options.signal?.aborted ? undefined : waiting.shift();
      if (current === undefined) resolve();
      else worker.postMessage(current);
    };
    worker.on('message', (result: Result) => {
      options.onDone(current!, result);
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
