/**
 * Takes every part of a history run, one bench after the other, and the memory layouts of the cache.
 *
 * Invariant: whatever ends the run early, the document holds every cell that finished.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { HistoryRun } from '../../../dashboards/index.ts';
import { STAGE_IDS, STAGES } from '../../../engine/index.ts';
import type { RunRecord } from '../../../results/record.ts';
import { describeFailure } from '../../console/errors.ts';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import { openWorkload } from '../../sample/workload-choice.ts';
import { runMicro } from '../micro/run.ts';
import type { BenchPlan } from '../plan/plan.ts';
import type { BenchDisplay } from '../session/display.ts';
import { runBench } from '../session/run-bench.ts';
import type { HistoryDisplay } from './display.ts';
import { weightOf } from './pacing.ts';
import type { HistoryPart, HistorySize } from './parts.ts';
import { staleTableLosses } from './stale-tables.ts';

export interface PlannedPart extends HistoryPart {
  readonly plan: BenchPlan;
}

export interface HistoryPlan {
  readonly size: HistorySize;
  readonly parts: readonly PlannedPart[];
  /** Rounds of the clock for the two memory layouts; 0: leave them out. */
  readonly microRounds: number;
  /** The words after `npm run -s cowbench --`. */
  readonly command: readonly string[];
}

export interface HistoryOutcome {
  readonly run: HistoryRun;
  /** What ended the run early, if its status is `failed`. */
  readonly error: unknown;
}

/** The capacity of history; sizes beyond it are what `npm run micro` is for. */
const MICRO_CAPACITIES = [STAGES.S3.behaviour.l2CacheTables];
const SAFETY_PAGE = 'docs/safety.md';

/** Where the page on safety lies as seen from the file `page`, as a URL; null when there is none. */
export function safetyLink(page: string): string | null {
  const target = path.join(PROJECT_ROOT, SAFETY_PAGE);
  if (!fs.existsSync(target)) return null;
  const names = path.relative(path.dirname(path.resolve(page)), target).split(path.sep);
  return names.map(encodeURIComponent).join('/');
}

/** Runs `plan`; aborting `signal` ends it with what was measured. @throws an error of use or input before anything is measured. */
export async function runHistory(
  plan: HistoryPlan,
  signal: AbortSignal,
  display: HistoryDisplay,
): Promise<HistoryOutcome> {
  const startedAt = new Date().toISOString();
  const weights = await Promise.all(plan.parts.map(({ plan: bench }) => partWeight(bench)));
  display.started([`${plan.parts.length} parts, images in ${plan.parts[0]?.plan.directory ?? '-'}`], weights);
  const parts: HistoryRun['parts'] = [];
  let micro: HistoryRun['micro'] = null;
  let staleTables: HistoryRun['staleTables'] = null;
  let failure: unknown = null;
  try {
    for (const [index, part] of plan.parts.entries()) {
      const { record, error } = await runBench(part.plan, signal, partDisplay(display, index, part.title));
      parts.push({ id: part.id, title: part.title, record });
      if (error !== null) throw error;
      signal.throwIfAborted();
    }
    staleTables = staleTableLosses();
    if (plan.microRounds > 0) micro = microResults(plan.microRounds);
  } catch (error) {
    if (parts.length === 0 && !signal.aborted) throw error;
    failure = signal.aborted ? null : error;
  } finally {
    display.finished();
  }
  const status = signal.aborted ? 'interrupted' : failure === null ? 'complete' : 'failed';
  return { run: documentOf(plan, { startedAt, status, parts, micro, staleTables, failure }), error: failure };
}

async function partWeight({ workload, cells }: BenchPlan): Promise<number> {
  const { workload: opened } = await openWorkload(workload, cells[0]!.clusterSizeBytes);
  const requests = Math.min(opened.totalRequests ?? 0, workload.limit ?? Number.POSITIVE_INFINITY);
  return weightOf({ cells: cells.length, requests });
}

/** The cells of a part all serve the same requests, so that those done tell how far it is. */
function partDisplay(display: HistoryDisplay, index: number, title: string): BenchDisplay {
  let cells = 1;
  const seen = new Set<string>();
  return {
    started: ({ cells: all }: RunRecord) => {
      cells = all.length;
      display.update(index, title, 0, null);
    },
    update: (state) => {
      seen.add(state.cell);
      const current = state.totalRequests ? Math.min(1, state.requests / state.totalRequests) : 0;
      display.update(index, title, (seen.size - 1 + current) / cells, state);
    },
    stage: () => {},
    finished: () => display.update(index, title, 1, null),
  };
}

function microResults(rounds: number): HistoryRun['micro'] {
  const { node, cpu, operations, entries } = runMicro(rounds, MICRO_CAPACITIES);
  return {
    node,
    cpu,
    rounds,
    operations: operations.map(({ operation, title, capacity, medianNs, ratio: { ratio, low, high }, verdict }) => ({
      ...{ operation, title, capacity, medianNs: { ...medianNs } },
      ...{ ratio: { ratio, low, high }, verdict },
    })),
    entries: entries.map(({ capacity, bytesPerEntry }) => ({ capacity, bytesPerEntry: { ...bytesPerEntry } })),
  };
}

interface Measured extends Pick<HistoryRun, 'startedAt' | 'status' | 'parts' | 'micro' | 'staleTables'> {
  readonly failure: unknown;
}

function documentOf({ size, command }: HistoryPlan, { failure, ...measured }: Measured): HistoryRun {
  const { startedAt } = measured;
  return {
    document: 'cowbench-history',
    schemaVersion: 1,
    runId: `${startedAt.replaceAll(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`,
    ...measured,
    failure: failure === null ? null : describeFailure(failure).message,
    finishedAt: new Date().toISOString(),
    command: [...command],
    size,
    stages: STAGE_IDS.map((id) => STAGES[id]).map(({ id, history }) => {
      const { date, commit, title } = history!;
      return { id, date, commit, title };
    }),
    safetyPage: fs.existsSync(path.join(PROJECT_ROOT, SAFETY_PAGE)) ? SAFETY_PAGE : null,
  };
}
