/** `--crash quick`: what a power cut does under each cell's policy, explored in threads after the measured rounds. */
import type { CrashVerdict, RunRecord } from '../../../results/record.ts';
import { exploreJobs } from '../../safety/explore/exploration-pool.ts';
import { crashVerdictOf, QUICK_EXPLORATION, quickJobs } from '../../safety/explore/quick-exploration.ts';
import { type BenchPlan, ignoresSyncs, type PlannedCell } from '../plan/plan.ts';

/**
 * Adds a verdict to each cell that has none; cells that differ only in what is not explored share one. Left without: qemu, raw files, cells of
 * another commit, and host cache modes that make syncs do nothing, which promise nothing.
 */
export async function addCrashVerdicts(plan: BenchPlan, record: RunRecord, signal: AbortSignal): Promise<void> {
  const known = new Map<string, CrashVerdict>();
  for (const [index, planned] of plan.cells.entries()) {
    const cell = record.cells[index]!;
    const subject = subjectOf(planned);
    if (cell.crash !== null || subject === null) continue;
    const key = JSON.stringify(subject);
    let verdict = known.get(key);
    if (verdict === undefined) {
      const tally = await exploreJobs(quickJobs(subject), { signal });
      // Part of an exploration is no verdict.
      signal.throwIfAborted();
      verdict = crashVerdictOf(tally, QUICK_EXPLORATION);
      known.set(key, verdict);
    }
    cell.crash = verdict;
  }
}

function subjectOf(cell: PlannedCell) {
  if (cell.engine !== 'cowbench' || cell.source !== null || ignoresSyncs(cell.hostCacheMode)) return null;
  return { policy: cell.policy, stage: cell.stage, hostCacheMode: cell.hostCacheMode };
}
