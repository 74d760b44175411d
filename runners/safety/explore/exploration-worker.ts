/** A thread that explores: takes one job after the other and answers each with its tally. */
import { parentPort } from 'node:worker_threads';
import { type ExplorationJob, runJob } from './jobs.ts';
import { mayStop } from './thread-pool.ts';

parentPort!.on('message', (job: ExplorationJob) => {
  parentPort!.postMessage(runJob(job, mayStop));
});
