/** Threads that each take one job after the other. Jobs are given out in order, so the longest should come first. */
import { availableParallelism } from 'node:os';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

export interface ThreadOptions<Job, Result> {
  /** Default: one for each core. */
  readonly threads?: number;
  /** Called after each job; `index` is its place in the list. */
  readonly onDone: (job: Job, result: Result, index: number) => void;
  /** Ends the run: no further job is begun, and those under way may stop early, see {@link mayStop}. */
  readonly signal?: AbortSignal;
}

/** Asked by a job in a thread between its steps: is the result no longer worth the time? */
export function mayStop(): boolean {
  return !isMainThread && Atomics.load(workerData as Int32Array, 0) === 1;
}

/** Sends every job to a thread that runs the module `worker`, which answers each message with one. A defect ends the run with its error. */
export async function runInThreads<Job, Result>(
  worker: URL,
  jobs: readonly Job[],
  options: ThreadOptions<Job, Result>,
): Promise<void> {
  const waiting = [...jobs.entries()];
  const threads = Math.min(options.threads ?? availableParallelism(), jobs.length);
  // A thread at work hears no message; it can look at shared memory.
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const onAbort = () => Atomics.store(stop, 0, 1);
  options.signal?.addEventListener('abort', onAbort);
  try {
    await Promise.all(
      Array.from({ length: threads }, () => runThread(new Worker(worker, { workerData: stop }), waiting, options)),
    );
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
  }
}

function runThread<Job, Result>(
  worker: Worker,
  waiting: [index: number, job: Job][],
  options: ThreadOptions<Job, Result>,
): Promise<void> {
  const finished = new Promise<void>((resolve, reject) => {
    let current: [index: number, job: Job] | undefined;
    const next = () => {
      current = options.signal?.aborted ? undefined : waiting.shift();
      if (current === undefined) resolve();
      else worker.postMessage(current[1]);
    };
    worker.on('message', (result: Result) => {
      const [index, job] = current!;
      options.onDone(job, result, index);
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
