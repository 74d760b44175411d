/**
 * The run: takes the samples of all cells in interleaved order, a fresh image and a fresh process each, and keeps each of them on disk
 * before it takes the next.
 *
 * Invariants:
 *  1. Whatever happens, the record holds every sample that finished, itself or in the lines beside it, and no image is left (unless asked for).
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
import { probeStorage } from '../../machine/probe.ts';
import { openWorkload, type WorkloadChoice } from '../../sample/workload-choice.ts';
import { type BenchPlan, type PlannedCell, workloadsOf } from '../plan/plan.ts';
import { requirePlainCells } from '../plan/raw-checks.ts';
import { requireRequesters } from '../plan/requester-checks.ts';
import { withPreparedReserves } from '../plan/reserve-choice.ts';
import { BenchRun } from './bench-run.ts';
import { type BenchDisplay, NO_FOLLOWER } from './display.ts';
import { earlierLengthMs } from './earlier-length.ts';
import { expectedImageBytes } from './expected-image.ts';
import { newRecord, type OpenedWorkload } from './new-record.ts';
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
export async function runBench(
  asked: BenchPlan,
  signal: AbortSignal,
  display: BenchDisplay,
  follower = NO_FOLLOWER,
): Promise<BenchOutcome> {
  // Bad input must be reported before anything is created: this reads a trace to its end.
  const opened: OpenWorkloadOfPlan[] = [];
  for (const choice of workloadsOf(asked)) opened.push(await openOne(asked, choice));
  const [first, ...others] = workloadsOf(asked).map((one, index) => ({
    ...one,
    inputs: opened[index]!.workload.inputs,
  }));
  const named: BenchPlan = { ...asked, workload: first!, ...(others.length > 0 && { furtherWorkloads: others }) };
  const images = new TemporaryImages(asked.directory, asked.session.keepImages);
  const locks: RunLock[] = [];
  const lock = (besides: string, name: string) =>
    locks.push(new RunLock(path.join(path.dirname(besides), `.${name}.lock`)));
  try {
    await requirePlainCells(asked, images.folder);
    const plan = withPreparedReserves(named, images.folder, () => probeStorage(images.folder));
    const { resume, recordsRoot } = plan.session;
    const fresh = newRecord(plan, opened, images.folder);
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
    const pacedMs = opened.map((one) => one.pacedMs);
    const earlierMs = typeof plan.rounds === 'number' ? earlierLengthMs(recordFile, record, plan.rounds) : null;
    const imageBytes = Math.max(...opened.map((one) => one.imageBytes));
    display.started(record, images.folder, { pacedMs, budgetMs, earlierMs, imageBytes });
    const announced = opened.map((one, index) => announcedRequests(workloadsOf(plan)[index]!, one.workload));
    const around = { images, display, follower, announcedRequests: announced };
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

interface OpenWorkloadOfPlan extends OpenedWorkload {
  /** How long one replay takes at least; null where requests are sent one after the other. */
  readonly pacedMs: number | null;
  /** Of its largest image, about. */
  readonly imageBytes: number;
}

async function openOne(plan: BenchPlan, choice: WorkloadChoice): Promise<OpenWorkloadOfPlan> {
  const { cells, pace } = plan;
  const { workload, requests } = await openWorkload(choice, cells[0]!.clusterSizeBytes);
  requireRequesters(plan, workload);
  const pacedMs = pace === null ? null : await pacedLengthMs(pace, requests);
  const recordedFlushes = choice.guestFlush === 'recorded' ? undefined : await flushesOf(workload);
  return { workload, recordedFlushes, pacedMs, imageBytes: await imageBytesOf(cells, choice) };
}

async function imageBytesOf(cells: BenchPlan['cells'], choice: WorkloadChoice): Promise<number> {
  const largest = Math.max(...cells.map((cell) => cell.clusterSizeBytes));
  // Opened for this alone: a stream can be read only one time.
  const { workload, requests } = await openWorkload(choice, largest);
  if (cells.some(takesAllSpace)) return workload.diskSizeBytes;
  return expectedImageBytes(workload, [workload.prepare(), requests], largest);
}

/** Before the first request. */
function takesAllSpace(cell: PlannedCell): boolean {
  if (cell.engine === 'raw') return cell.raw !== 'sparse';
  return cell.engine === 'cowbench' && ['falloc', 'full'].includes(cell.imageOptions?.preallocation ?? 'off');
}

/** How many requests a sample will serve, if that is known before the first one. */
function announcedRequests({ guestFlush, limit }: WorkloadChoice, { totalRequests }: Workload): number | null {
  if (totalRequests === undefined || guestFlush !== 'recorded') return limit;
  return Math.min(totalRequests, limit ?? totalRequests);
}

async function flushesOf(workload: Workload): Promise<number> {
  return (await totalsOf(workload.requests())).byOp.flush.count;
}
