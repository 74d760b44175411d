/**
 * Options of the whole run that name several values (`--data 8M,32M --guest-flush recorded,none`) make several runs, one
 * record each: the guest does something else in each of them, so their times are not compared and need no interleaving.
 * Options of cells (`--cluster-size`, `--policy`, ...) make more cells of one run instead, see `cells.ts`.
 */
import { UsageError } from '../../console/errors.ts';
import { list, type OptionText, single } from '../../console/option-values.ts';
import { type BenchOptions, workloadOptions } from './bench-options.ts';
import type { BenchPlan } from './plan.ts';
import { planOf } from './plan-options.ts';

const RUN_OPTIONS = ['seed', 'guest-flush', 'discard', 'limit', 'pace'];
/** More is a typing error, or a job for a script. */
const MOST_RUNS = 1000;

/** The plans of all runs that `options` ask for, in the order of the values. Throws like {@link planOf}. */
export function plansOf(options: BenchOptions, words: readonly string[]): BenchPlan[] {
  let combinations: BenchOptions[] = [options];
  for (const option of ['workload', ...RUN_OPTIONS, ...workloadOptions()]) {
    const values = valuesOf(option, options[option] as OptionText | undefined);
    if (values === null) continue;
    combinations = combinations.flatMap((before) => values.map((value) => ({ ...before, [option]: value })));
    if (combinations.length > MOST_RUNS) throw new UsageError(`more than ${MOST_RUNS} runs are asked for at once`);
  }
  const plans = combinations.map((combination) => planOf(combination, words));
  if (plans.length > 1 && plans[0]!.session.deviceTraceFile !== null) {
    throw new UsageError('--export-device-trace: one run at a time, not several');
  }
  return plans;
}

/** The values of an option, when there are several. The name of a trace may hold commas. */
function valuesOf(option: string, given: OptionText | undefined): string[] | null {
  if (given === undefined) return null;
  const text = single(option, given);
  if (!text.includes(',') || (option === 'workload' && text.includes('trace:'))) return null;
  return list(option, text);
}
