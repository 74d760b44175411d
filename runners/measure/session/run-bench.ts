/**
 * The run: takes the samples of all cells in interleaved order, a fresh image and a fresh process each, and keeps the
 * record on disk up to date after every one.
 *
 * Invariants:
 *  1. Whatever happens, the record holds every sample that finished, and no image is left (unless asked for).
 *  2. Every cell has its first sample before any cell has its second.
 *  3. A run is measured by one process at a time.
 *  4. A sample is named by its place in the schedule, which the plan alone decides: a resumed run takes those that are missing.
 */

import path from 'node:path';
import type { RunRecord } from '../../../results/record.ts';
import { readRecord, recordPath, removeRecord, writeRecord } from '../../../results/store.ts';
import { totalsOf } from '../../../workloads/totals.ts';
import type { Workload } from '../../../workloads/workload.ts';
import { isBadInput } from '../../console/errors.ts';
import { openWorkload } from '../../sample/workload-choice.ts';
import type { BenchPlan } from '../plan/plan.ts';
import { requirePlainCells } from '../plan/raw-checks.ts';
import { requireRequesters } from '../plan/requester-checks.ts';
import { BenchRun } from './bench-run.ts';
import type { BenchDisplay } from './display.ts';
import { newRecord } from './new-record.ts';
import { pacedLengthMs } from './paced-length.ts';
import { findResumable, otherInputs } from './resume.ts';
import { RunLock } from './run-lock.ts';
import { TemporaryImages } from './temporary-images.ts';

export interface BenchOutcome {
  readonly record: RunRecord;
  readonly recordFile: string;
  /** What ended the run early, if its status is `failed`. */
  readonly error: unknown;
}

/**
 * Runs what is `asked`; aborting `signal` ends the run with what was measured.
 * @throws an error of use or input while nothing has been measured, and leaves no record; others are in the outcome.
 */
export async function runBench(asked: BenchPlan, signal: AbortSignal, display: BenchDisplay): Promise<BenchOutcome> {
  // Bad input must be reported before anything is created: this reads a trace to its end.
  const { workload, requests } = await openWorkload(asked.workload, asked.cells[0]!.clusterSizeBytes);
  requireRequesters(asked, workload);
  const pacedMs = asked.pace === null ? null : await pacedLengthMs(asked.pace, requests);
  const plan: BenchPlan = { ...asked, workload: { ...asked.workload, inputs: workload.inputs } };
  const recordedFlushes = plan.workload.guestFlush === 'recorded' ? undefined : await flushesOf(workload);
  const images = new TemporaryImages(plan.directory, plan.session.keepImages);
  const locks: RunLock[] = [];
  const lock = (besides: string, name: string) =>
    locks.push(new RunLock(path.join(path.dirname(besides), `.${name}.lock`)));
  try {
    await requirePlainCells(plan, images.folder);
    const { resume, recordsRoot } = plan.session;
    const fresh = newRecord(plan, workload, { recordedFlushes }, images.folder);
    // By plan, too: of two that find nothing to resume, both would begin.
    if (resume) lock(recordPath(recordsRoot, fresh), fresh.plan!);
    const earlier = resume ? findResumable(recordsRoot, fresh) : null;
    const recordFile = earlier ?? recordPath(recordsRoot, fresh);
    lock(recordFile, path.basename(recordFile, '.json'));
    if (resume && earlier === null) fresh.environment.warnings.push(...otherInputs(recordsRoot, fresh));
    const record = earlier === null ? fresh : readRecord(earlier);
    if (record.status === 'complete') return { record, recordFile, error: null };
    Object.assign(record, { status: 'running', failure: null, finishedAt: null });
    writeRecord(recordFile, record);
    const budgetMs = typeof plan.rounds === 'number' ? null : plan.rounds.timeBudgetMs;
    display.started(record, recordFile, images.folder, pacedMs, budgetMs);
    const around = { images, display, announcedRequests: announcedRequests(plan, workload) };
    const error = await new BenchRun(plan, record, recordFile, around).complete(signal);
    if (isBadInput(error) && record.cells.every(({ exact }) => exact === null)) {
      // A record of nothing would be found, listed and compared as if it were one.
      removeRecord(recordFile);
      throw error;
    }
    return { record, recordFile, error };
  } finally {
    display.finished();
    for (const held of locks) held.release();
    images.remove();
  }
}

/** How many requests a sample will serve, if that is known before the first one. */
function announcedRequests({ workload }: BenchPlan, { totalRequests }: Workload): number | null {
  if (totalRequests === undefined || workload.guestFlush !== 'recorded') return workload.limit;
  return Math.min(totalRequests, workload.limit ?? totalRequests);
}

async function flushesOf(workload: Workload): Promise<number> {
  return (await totalsOf(workload.requests())).byOp.flush.count;
}
