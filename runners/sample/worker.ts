/**
 * The process that takes one sample and ends. A process, not a thread: its CPU time and peak memory are its own to the
 * byte, it starts with cold code and a fresh heap, and one that dies takes nothing with it.
 *
 * The runner sends one {@link SampleJob}; {@link WorkerMessage}s go back. If the runner disappears the worker removes its
 * image and ends.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  requireSampleJob,
  SAMPLE_PROTOCOL,
  type SampleResult,
  type WorkerMessage,
} from '../../results/sample-protocol.ts';
import { describeFailure, isBadInput } from '../console/errors.ts';
import type { NbdSampleJob, OwnSampleJob, ReportProgress } from './job.ts';
import { measure } from './measure.ts';
import { backingPath } from './prepare.ts';
import type { QemuSampleJob } from './qemu-sample.ts';

const PROGRESS_INTERVAL_MS = 200;

let unfinishedImage: string | null = null;

// Ctrl-C on a terminal reaches the whole process group; the runner decides what happens then.
process.on('SIGINT', () => {});
process.on('disconnect', () => {
  if (unfinishedImage !== null) removeImage(unfinishedImage);
  process.exit(0);
});
process.once('message', (message) => void work(message));

async function work(message: unknown): Promise<void> {
  let lastReportMs = 0;
  try {
    requireSampleJob(message);
    const job = message as OwnSampleJob | QemuSampleJob | NbdSampleJob;
    unfinishedImage = job.imageFile;
    const result = await takeSample(job, async (part, requests) => {
      if (performance.now() - lastReportMs < PROGRESS_INTERVAL_MS) return;
      lastReportMs = performance.now();
      send({ type: 'progress', part, requests });
      // The engine is synchronous: messages leave, and signals arrive, only in such a pause.
      await setImmediate();
    });
    unfinishedImage = null;
    send({ type: 'done', result });
  } catch (error) {
    const { message, expected } = describeFailure(error);
    const isInput = isBadInput(error);
    send({ type: 'failed', message, expected, isInput, stack: (error as Error)?.stack ?? '' });
  }
}

/** Only cells of this engine have a policy or are raw files; only those of servers have a command. */
async function takeSample(
  job: OwnSampleJob | QemuSampleJob | NbdSampleJob,
  progress: ReportProgress,
): Promise<SampleResult> {
  if ('policy' in job.cell || 'raw' in job.cell) return measure({ ...job, cell: job.cell }, progress);
  if ('command' in job.cell) {
    const { measureNbd } = await import('./nbd-sample.ts');
    return measureNbd({ ...job, cell: job.cell }, progress);
  }
  const { measureQemu } = await import('./qemu-sample.ts');
  return measureQemu({ ...job, cell: job.cell }, progress);
}

/** The image, its backing image, and the folder of the run unless others still use it. */
function removeImage(imageFile: string): void {
  fs.rmSync(imageFile, { force: true });
  fs.rmSync(backingPath(imageFile), { force: true });
  try {
    fs.rmdirSync(path.dirname(imageFile));
  } catch {
    // Not empty, or gone already.
  }
}

function send(message: WorkerMessage): void {
  // With a callback, a runner that is gone is no error here: 'disconnect' follows and cleans up.
  process.send!({ protocol: SAMPLE_PROTOCOL, ...message }, () => {});
}
