/** What a power cut does under each cell's policy, explored in threads after the measured rounds; `--crash` says how much of it. */
import type { Cell, CrashVerdict, RunRecord } from '../../../results/record.ts';
import { exploreJobs } from '../../safety/explore/exploration-pool.ts';
import type { ExplorationJob } from '../../safety/explore/jobs.ts';
import { EXPLORED_OPERATIONS, operationsOf } from '../../safety/explore/operation-safety.ts';
import { crashVerdictOf, QUICK_EXPLORATION, quickJobs } from '../../safety/explore/quick-exploration.ts';
import {
  beginningJob,
  beginningOf,
  beginningWords,
  MOST_EXPLORED_REQUESTERS,
  type StreamBeginning,
} from '../../safety/explore/workload-exploration.ts';
import { openWorkload } from '../../sample/workload-choice.ts';
import { type BenchPlan, type EngineCell, ignoresSyncs, isMine, type PlannedCell, workloadOf } from '../plan/plan.ts';

/** Called after each exploration. */
type OnDone = (done: number, of: number) => void;

/**
 * Adds what a power cut does at the beginning of the run's own workload, and by operation, to each cell that does not have it. Left
 * without: qemu, raw files, cells of another commit, and host cache modes that make syncs do nothing, which promise nothing.
 */
export async function addSafety(
  plan: BenchPlan,
  record: RunRecord,
  signal: AbortSignal,
  onDone: OnDone,
): Promise<void> {
  const wanted = subjects(plan, record).filter(({ cell }) => cell.safety === undefined);
  const groups = [...Map.groupBy(wanted, ({ planned, subject }) => JSON.stringify([subject, exploredAs(planned)]))];
  onDone(0, groups.length);
  for (const [index, [, group]] of groups.entries()) {
    const { planned, subject } = group[0]!;
    const beginning = await beginningFor(plan, planned);
    let workload: CrashVerdict | null = null;
    if (beginning !== null) {
      workload = await explored([beginningJob(subject, beginning)], beginningWords(beginning), signal);
    }
    const operations = operationsOf(subject).map((row) => ({ ...row, violations: { ...row.violations } }));
    for (const { cell } of group) cell.safety = { workload, operations, exploredOperations: EXPLORED_OPERATIONS };
    onDone(index + 1, groups.length);
  }
}

/** `--crash quick`: adds a verdict to each cell that has none; cells that differ only in what is not explored share one. */
export async function addCrashVerdicts(
  plan: BenchPlan,
  record: RunRecord,
  signal: AbortSignal,
  onDone: OnDone,
): Promise<void> {
  const wanted = subjects(plan, record).filter(({ cell }) => cell.crash === null);
  const groups = [...Map.groupBy(wanted, ({ subject }) => JSON.stringify(subject)).values()];
  for (const [index, group] of groups.entries()) {
    const jobs = quickJobs(group[0]!.subject);
    const step = (done: number) => onDone(index * jobs.length + done, groups.length * jobs.length);
    const verdict = await explored(jobs, QUICK_EXPLORATION, signal, step);
    for (const { cell } of group) cell.crash = verdict;
  }
}

async function explored(
  jobs: readonly ExplorationJob[],
  words: string,
  signal: AbortSignal,
  onDone: (done: number) => void = () => {},
): Promise<CrashVerdict> {
  let done = 0;
  const tally = await exploreJobs(jobs, { signal, onDone: () => onDone(++done) });
  // Part of an exploration is no verdict.
  signal.throwIfAborted();
  return crashVerdictOf(tally, words);
}

interface ExploredCell {
  readonly planned: EngineCell;
  readonly cell: Cell;
  readonly subject: ReturnType<typeof subjectOf>;
}

function subjects(plan: BenchPlan, record: RunRecord): ExploredCell[] {
  return plan.cells.flatMap((planned, index) =>
    isExplored(planned) && isMine(plan, index)
      ? [{ planned, cell: record.cells[index]!, subject: subjectOf(planned) }]
      : [],
  );
}

function isExplored(cell: PlannedCell): cell is EngineCell {
  return cell.engine === 'cowbench' && cell.source === null && !ignoresSyncs(cell.hostCacheMode);
}

function subjectOf({ policy, stage, hostCacheMode, reserve }: EngineCell) {
  return { policy, stage, hostCacheMode, ...(reserve && { reserve }) };
}

function imageOf({ clusterSizeBytes, version }: EngineCell) {
  return { clusterSizeBytes, version };
}

/** What decides the exploration besides the subject. */
function exploredAs(planned: EngineCell) {
  return { ...imageOf(planned), requesters: planned.requesters, workload: planned.workload };
}

/** Null where the image has a backing file, which is not explored. */
async function beginningFor(plan: BenchPlan, planned: EngineCell): Promise<StreamBeginning | null> {
  const requesters = Math.min(planned.requesters ?? 1, MOST_EXPLORED_REQUESTERS);
  const { workload, requests } = await openWorkload(workloadOf(plan, planned), planned.clusterSizeBytes, requesters);
  if (workload.backingImage) return null;
  const image = { ...imageOf(planned), sizeBytes: workload.diskSizeBytes };
  return beginningOf(workload.name, image, { before: workload.prepare(), during: requests, requesters });
}
