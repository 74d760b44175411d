/** The plan of a comparison of two commits, or of two engines: each cell once by either of them, in one interleaved run. */

import { UsageError } from '../../console/errors.ts';
import type { BenchOptions } from '../plan/bench-options.ts';
import { type BenchPlan, type EngineCell, isNull, type SourceTree } from '../plan/plan.ts';

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

/**
 * One plan of two that differ in their engine alone: the cells of `head` are judged by those of `base`.
 * @throws UsageError when there is not one cell of the one for each of the other.
 */
export function engineComparison(base: BenchPlan, head: BenchPlan): BenchPlan {
  const sides = [base, head].map(({ cells }) => cells);
  if (sides[0]!.length !== sides[1]!.length || sides.flat().some(isNull))
    throw new UsageError('two engines are compared configuration by configuration: name one policy with --policy');
  const named = ({ cells }: BenchPlan, side: string) => cells.map((cell) => ({ ...cell, id: `${cell.id} @ ${side}` }));
  return {
    ...base,
    cells: [...named(base, 'base'), ...named(head, 'head')],
    baselines: [...base.cells.map(() => null), ...head.cells.map((_, index) => index)],
    session: { ...base.session, comparesCounts: true },
  };
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
