/** Explains the times of a finished run by its counts and what its storage was probed to cost. */
import { timedRounds } from '../../../results/cell-results.ts';
import { breakDownCost, type StorageCosts } from '../../../results/cost-model.ts';
import type { Cell, Round } from '../../../results/record.ts';
import { median } from '../../../results/statistics.ts';
import { syncWork } from '../../../results/sync-work.ts';

/** Adds the breakdown of its median round to each cell that ran on real storage under this program's engine, or on a raw file. */
export function addCosts(cells: readonly Cell[], costs: StorageCosts): void {
  for (const cell of cells) {
    const round = middleRound(cell);
    if (cell.exact === null || round === null || cell.device.kind !== 'real' || isForeign(cell)) continue;
    const { read, write, sync } = round.deviceNs;
    const engineNs = Math.max(0, round.wallNs - read - write - sync);
    const { exact: counters, growingSyncs = 0 } = cell;
    const cleanSyncs = syncWork(cell)?.idle ?? 0;
    const breakdown = breakDownCost({ counters, costs, engineNs, measuredNs: round.wallNs, growingSyncs, cleanSyncs });
    cell.cost = { ...breakdown, terms: [...breakdown.terms] };
  }
}

/** No time inside file operations is known of another program. */
function isForeign({ engine }: Cell): boolean {
  return engine !== 'cowbench' && engine !== 'raw';
}

/** The round whose wall time is nearest to the median, of those that are timed. */
function middleRound(cell: Cell): Round | null {
  const candidates = timedRounds(cell).filter(({ wallNs }) => wallNs > 0);
  if (candidates.length === 0) return null;
  const middle = median(candidates.map(({ wallNs }) => wallNs));
  return candidates.reduce((best, round) =>
    Math.abs(round.wallNs - middle) < Math.abs(best.wallNs - middle) ? round : best,
  );
}
