/**
 * Threads that each take one job after the other. Jobs are given out in order, so of a fixed number of them the longest should come
 * first.
 */
import { availableParallelism } from 'node:os';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { preloads } from '../../plugins/preloads.ts';

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

/**
 * Sends every job to a thread that runs the module `worker`, which answers each message with one. A defect ends the run with its error.
 * The next job is asked for only when a thread is free, so what is known by then may decide whether there is one.
 */
export async function runInThreads<Job, Result>(
  worker: URL,
  jobs: Iterable<Job>,
  options: ThreadOptions<Job, Result>,
): Promise<void> {
  const waiting = numbered(jobs);
  const most = Array.isArray(jobs) ? jobs.length : Number.MAX_SAFE_INTEGER;
  const threads = Math.min(options.threads ?? availableParallelism(), most);
  // A thread at work hears no message; it can look at shared memory.
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const onAbort = () => Atomics.store(stop, 0, 1);
  options.signal?.addEventListener('abort', onAbort);
  try {
    await Promise.all(
      Array.from({ length: threads }, () =>
        runThread(new Worker(worker, { workerData: stop, execArgv: preloads() }), waiting, options),
      ),
    );
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
  }
}

function* numbered<Job>(jobs: Iterable<Job>): Generator<[index: number, job: Job]> {
  let index = 0;
  for (const job of jobs) yield [index++, job];
}

function runThread<Job, Result>(
  worker: Worker,
  waiting: Generator<[index: number, job: Job]>,
  options: ThreadOptions<Job, Result>,
): Promise<void> {
  const finished = new Promise<void>((resolve, reject) => {
    let current: [index: number, job: Job] | undefined;
    const next = () => {
      const { value, done } = options.signal?.aborted ? waiting.return(undefined) : waiting.next();
      if (done) return resolve();
      current = value;
      worker.postMessage(value[1]);
    };
    worker.on('message', (result: Result) => {
      const [index, job] = current!;
      options.onDone(job, result, index);
      next();
    });
    worker.on('error', (error) => {
      waiting.return(undefined);
      reject(error);
    });
    next();
  });
  return finished.finally(() => worker.terminate());
}
