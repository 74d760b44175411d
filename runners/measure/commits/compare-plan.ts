/** The plan of a comparison of two commits: each cell once by either of them, in one interleaved run. */

import { UsageError } from '../../console/errors.ts';
import type { BenchOptions } from '../plan/bench-options.ts';
import type { BenchPlan, EngineCell, SourceTree } from '../plan/plan.ts';

/** What commits are measured by when nothing is named: large enough to be timed, small enough for twenty pairs. */
export const COMMIT_WORKLOAD = ['install-burst', '16M'] as const;

/** While a verdict is open, a comparison of commits continues for this long: five times what a bench does. */
const TIME_BUDGET_MS = 600_000;

/** `options` with that workload, unless they name one. */
export function withWorkload(options: BenchOptions): BenchOptions {
  if (options.workload !== undefined) return options;
  const [workload, data] = COMMIT_WORKLOAD;
  return { ...options, workload, data: options.data ?? data };
}

/** `plan` with the time that verdicts on commits may take, unless `options` say how long or how often. */
export function withPatience(plan: BenchPlan, options: BenchOptions): BenchPlan {
  const told = options.rounds !== undefined || options['time-budget'] !== undefined;
  return told || typeof plan.rounds === 'number' ? plan : { ...plan, rounds: { timeBudgetMs: TIME_BUDGET_MS } };
}

/** `plan` with every cell measured by `base` and by `head`. Throws UsageError for a cell that no commit of ours measures. */
export function comparisonPlan(plan: BenchPlan, base: SourceTree, head: SourceTree): BenchPlan {
  const own = plan.cells.map((cell): EngineCell => {
    if (cell.engine === 'cowbench') return cell;
    const reason = 'commits of this program are compared, and it is in none of them';
    throw new UsageError(`--engine ${cell.engine}: ${reason}`);
  });
  const by = (source: SourceTree, side: string) =>
    own.map((cell) => ({ ...cell, source, id: `${cell.id} @ ${side} ${source.commit.slice(0, 7)}` }));
  return {
    ...plan,
    cells: [...by(base, 'base'), ...by(head, 'head')],
    baselines: [...own.map(() => null), ...own.map((_, index) => index)],
    session: { ...plan.session, comparesCounts: true },
  };
}
