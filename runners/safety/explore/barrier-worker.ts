/** A thread that weighs the barriers of one recording after the other. */
import { parentPort } from 'node:worker_threads';
import type { CrashWorkload } from '../requests/crash-workload.ts';
import { type CrashSubject, recordWorkload } from '../states/record-workload.ts';
import { barrierNecessity } from './barrier-necessity.ts';
import type { ExploreOptions } from './explore.ts';

export interface BarrierJob {
  readonly subject: CrashSubject;
  readonly workload: CrashWorkload;
  readonly options: ExploreOptions;
}

parentPort!.on('message', ({ subject, workload, options }: BarrierJob) => {
  parentPort!.postMessage(barrierNecessity(recordWorkload(workload, subject), options));
});
