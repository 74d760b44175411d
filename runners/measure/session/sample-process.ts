/** Runs one sample in a process of its own; see `../../sample/worker.ts` for why. */
import { type ChildProcess, fork } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {
  parseWorkerMessage,
  SAMPLE_PROTOCOL,
  type SamplePart,
  type SampleResult,
  type WorkerMessage,
} from '../../../results/sample-protocol.ts';
import { SampleFailure } from '../../console/errors.ts';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import { preloads } from '../../plugins/preloads.ts';
import type { NbdSampleJob, OwnSampleJob } from '../../sample/job.ts';
import type { QemuSampleJob } from '../../sample/qemu-sample.ts';
import { workerPath } from './worker-path.ts';

/** Enough of a dying worker's words to name the cause. */
const STDERR_BYTES = 4096;

/**
 * Takes the sample with the worker of the program at `root`, by default this one.
 * @throws SampleFailure, or the reason of `signal` once it is aborted and the worker is gone.
 */
export function takeSample(
  job: OwnSampleJob | QemuSampleJob | NbdSampleJob,
  signal: AbortSignal,
  onProgress: (part: SamplePart, requests: number) => void,
  root: string = PROJECT_ROOT,
): Promise<SampleResult> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<SampleResult>();
  const worker = startWorker(root);
  let errors = '';
  let outcome: (() => void) | null = null;
  worker.stderr!.on('data', (text) => (errors = (errors + text).slice(-STDERR_BYTES)));
  const kill = () => void worker.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  worker.on('message', (received) => {
    let message: WorkerMessage;
    try {
      message = parseWorkerMessage(received);
    } catch (error) {
      outcome ??= () => reject(new SampleFailure((error as Error).message, { expected: true }, ''));
      return kill();
    }
    if (message.type === 'progress') return onProgress(message.part, message.requests);
    if (message.type === 'done') outcome ??= () => resolve(message.result);
    else outcome ??= () => reject(new SampleFailure(message.message, message, message.stack));
    worker.disconnect();
  });
  worker.on('error', (error) =>
    reject(new SampleFailure(`cannot start a worker: ${error.message}`, { expected: false }, '')),
  );
  const settle = (code: number | null, killedBy: NodeJS.Signals | null) => {
    signal.removeEventListener('abort', kill);
    if (signal.aborted) reject(signal.reason);
    else if (outcome) outcome();
    else
      reject(
        new SampleFailure(`the worker ended early (${killedBy ?? `exit code ${code}`})`, { expected: false }, errors),
      );
  };
  // Only once the worker is gone does it hold no image, so that the image can be removed. Not 'close': it never comes
  // after a disconnect from this side.
  worker.on('exit', (code, killedBy) => {
    if (worker.stderr!.closed) settle(code, killedBy);
    else worker.stderr!.once('close', () => settle(code, killedBy));
  });
  worker.send({ protocol: SAMPLE_PROTOCOL, ...job }, () => {});
  return promise;
}

function startWorker(root: string): ChildProcess {
  // NODE_OPTIONS may load a profiler or an inspector, which would be measured too.
  const { NODE_OPTIONS: _, ...env } = process.env;
  return fork(path.join(root, workerPathIn(root)), [], {
    env,
    execArgv: preloads(root),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

function workerPathIn(root: string): string {
  const file = path.join(root, 'package.json');
  return workerPath(fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : null);
}
