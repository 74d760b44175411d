/** A thread that weighs the barriers of one recording after the other. */
import { parentPort } from 'node:worker_threads';
import { barrierNecessity } from './barrier-necessity.ts';
import type { CrashWorkload } from './crash-workload.ts';
import type { ExploreOptions } from './explore.ts';
import { type CrashSubject, recordWorkload } from './record-workload.ts';

export interface BarrierJob {
  readonly subject: CrashSubject;
  readonly workload: CrashWorkload;
  readonly options: ExploreOptions;
}

parentPort!.on('message', ({ subject, workload, options }: BarrierJob) => {
  parentPort!.postMessage(barrierNecessity(recordWorkload(workload, subject), options));
});
