/**
 * The exact metrics of a range of commits: taken from the store where a commit was measured before, on whatever machine, and
 * measured now where it was not. A commit that cannot be measured leaves a gap and a reason.
 */
import { timedRounds } from '../../../results/cell-results.ts';
import { changePoints, exactChanges } from '../../../results/change-points.ts';
import type { Cell, RunRecord } from '../../../results/record.ts';
import { median } from '../../../results/statistics.ts';
import { readRecord, storedFiles } from '../../../results/store.ts';
import type { Workload } from '../../../workloads/workload.ts';
import { describeFailure, UsageError } from '../../console/errors.ts';
import { costLine, diskWords } from '../../console/expected-cost.ts';
import { type BenchPlan, type EngineCell, isReal } from '../plan/plan.ts';
import { planHash } from '../session/new-record.ts';
import { resolveRevision, subjectOf } from './git.ts';
import { treesWords } from './tree-cache.ts';
import { sourceTree } from './worktrees.ts';

export interface TrendPoint {
  readonly commit: string;
  readonly subject: string;
  /** Null where the commit could not be measured, for the reason in `gap`. */
  readonly record: RunRecord | null;
  readonly gap: string | null;
}

export interface TrendSeries {
  readonly cell: string;
  readonly metric: string;
  /** By point; null in a gap. */
  readonly values: readonly (number | null)[];
  /** Indices of the points at which the level changed. */
  readonly changes: readonly number[];
}

/** The totals that a trend shows; the records have the breakdowns. */
const TREND_METRICS = ['fsyncs', 'odsyncWrites', 'writes', 'writeBytes', 'imageBytes'] as const;

/** Takes the run of one plan; gives its record. */
export type TakeRun = (plan: BenchPlan) => Promise<RunRecord>;

export interface TrendWork {
  readonly plan: BenchPlan;
  readonly workload: Workload;
}

/** The record of `commit` where the store has a complete run of the same plan. */
export function storedPoint(commit: string, { plan, workload }: TrendWork): RunRecord | null {
  const at = planAt(plan, { commit, revision: commit, root: '' });
  return storedRecord(plan.session.recordsRoot, commit, planHash(at, [workload]));
}

/** What is left to measure of `commits`, judged by those that `records` has of the same plan; null where nothing is. */
export function trendCost(
  commits: number,
  records: readonly (RunRecord | null)[],
  {
    plan,
    workload,
  }: { readonly plan: Pick<BenchPlan, 'directory'>; readonly workload: Pick<Workload, 'diskSizeBytes'> },
  treeBytes: number,
): string | null {
  if (commits === 0) return null;
  const known = records.flatMap((record) => record?.measuringMs ?? []);
  const ms = known.length === 0 ? null : median(known) * commits;
  const work = `${commits} commits to measure${ms === null ? ', how long is said after the first' : ''}`;
  const disk = `${diskWords(workload.diskSizeBytes, plan.directory)}, ${treesWords(commits, treeBytes)}`;
  return costLine({ ms, work, disk });
}

/** The point of `commit`; `take` is only asked when the store has no complete run of the same plan. */
export async function trendPoint(
  commit: string,
  { plan, workload }: TrendWork,
  tell: (line: string) => void,
  take: TakeRun,
): Promise<TrendPoint> {
  const subject = subjectOf(commit);
  const at = (root: string) => planAt(plan, { commit, revision: commit, root });
  const stored = storedPoint(commit, { plan, workload });
  if (stored !== null) return { commit, subject, record: stored, gap: null };
  try {
    const { root } = sourceTree(resolveRevision(commit), tell);
    return { commit, subject, record: await take(at(root)), gap: null };
  } catch (error) {
    const { message, expected } = describeFailure(error);
    if (!expected) throw error;
    return { commit, subject, record: null, gap: message };
  }
}

function planAt(plan: BenchPlan, source: NonNullable<EngineCell['source']>): BenchPlan {
  const cells = plan.cells.map((cell): EngineCell => {
    if (cell.engine === 'cowbench') return { ...cell, source };
    throw new UsageError(`--engine ${cell.engine}: a trend is over commits of this program, and it is in none of them`);
  });
  return { ...plan, cells };
}

/** A complete run of the plan at that commit; counts are the same on every machine. */
function storedRecord(root: string, commit: string, plan: string): RunRecord | null {
  const files = storedFiles(root, commit.slice(0, 12));
  for (const file of files.sort().reverse()) {
    const record = readRecord(file);
    if (record.plan === plan && record.status === 'complete') return record;
  }
  return null;
}

/** Every metric of every cell over the points, with the changes marked; times too where the storage was real. */
export function trendSeries(points: readonly TrendPoint[], plan: BenchPlan): TrendSeries[] {
  return plan.cells.flatMap((cell) => {
    const at = points.map(({ record }) => record?.cells.find(({ id }) => id === cell.id) ?? null);
    const exact = TREND_METRICS.map((metric) => exactSeries(cell.id, metric, at));
    return isReal(cell) ? [...exact, timeSeries(cell.id, at)] : exact;
  });
}

function exactSeries(cell: string, metric: (typeof TREND_METRICS)[number], at: readonly (Cell | null)[]): TrendSeries {
  const values = at.map((found) => found?.exact?.[metric] ?? null);
  return { cell, metric, values, changes: withoutGaps(values, (known) => exactChanges(known)) };
}

/** Times of separate runs: only a lasting change of level is marked, never a difference from the point before. */
function timeSeries(cell: string, at: readonly (Cell | null)[]): TrendSeries {
  const values = at.map((found) => (found === null ? null : median(timedRounds(found).map(({ wallNs }) => wallNs))));
  return { cell, metric: 'wallNs', values, changes: withoutGaps(values, (known) => changePoints(known)) };
}

/** Indices found among the known values, as indices of all. */
function withoutGaps(
  values: readonly (number | null)[],
  find: (known: readonly number[]) => readonly { readonly index: number }[],
): number[] {
  const places = [...values.keys()].filter((index) => values[index] !== null);
  const known = places.map((index) => values[index]!);
  return find(known).map(({ index }) => places[index]!);
}
