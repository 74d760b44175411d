/** The plan of a comparison of two commits: each cell once by either of them, in one interleaved run. */

import type { BenchPlan, EngineCell, SourceTree } from '../bench/plan.ts';
import { UsageError } from '../errors.ts';

/** `plan` with every cell measured by `base` and by `head`. Throws UsageError for a cell that no commit of ours measures. */
export function comparisonPlan(plan: BenchPlan, base: SourceTree, head: SourceTree): BenchPlan {
  const own = plan.cells.map((cell): EngineCell => {
    if (cell.engine === 'cowbench') return cell;
    throw new UsageError('--engine qemu: commits of this program are compared, and qemu is in none of them');
  });
  const by = (source: SourceTree, side: string) =>
    own.map((cell) => ({ ...cell, source, id: `${cell.id} @ ${side} ${source.commit.slice(0, 7)}` }));
  return {
    ...plan,
    cells: [...by(base, 'base'), ...by(head, 'head')],
    baselines: [...own.map(() => null), ...own.map((_, index) => index)],
    comparesCounts: true,
  };
}
