/**
 * Options that name several values. `--workload a,b --guest-flush recorded,none` makes one run with cells under each of them, one record
 * and one page. Other options of the whole run (`--data 8M,32M --seed 1,2`) make several runs, one record each. Options of cells
 * (`--cluster-size`, `--policy`, ...) make more cells, see `planned-cells.ts`. Cells are compared under one workload only.
 */
import { UsageError } from '../../console/errors.ts';
import { list, type OptionText, single } from '../../console/option-values.ts';
import type { WorkloadChoice } from '../../sample/workload-choice.ts';
import { type BenchOptions, workloadOptions } from './bench-options.ts';
import type { BenchPlan, PlannedCell } from './plan.ts';
import { planOf } from './plan-options.ts';

const MATRIX_OPTIONS = ['workload', 'guest-flush'];
const RUN_OPTIONS = ['seed', 'discard', 'limit', 'pace'];
/** More is a typing error, or a job for a script. */
const MOST_RUNS = 1000;

/** The plans of all runs that `options` ask for, in the order of the values. Throws like {@link planOf}. */
export function plansOf(options: BenchOptions, words: readonly string[]): BenchPlan[] {
  const plans = combinations(options, [...RUN_OPTIONS, ...workloadOptions()]).map((one) => matrixPlan(one, words));
  if (plans.length > 1 && plans[0]!.session.deviceTraceFile !== null) {
    throw new UsageError('--export-device-trace: one run at a time, not several');
  }
  return plans;
}

/** One run of all workloads and guest flushes that `options` name. Throws like {@link planOf}. */
export function matrixPlan(options: BenchOptions, words: readonly string[]): BenchPlan {
  return joined(
    combinations(options, MATRIX_OPTIONS).map((one) => planOf(one, words)),
    options['time-budget'] === undefined,
  );
}

/** The same with a plan for each workload, for those who do them one by one. Throws like {@link planOf}. */
export function separatePlans(options: BenchOptions, words: readonly string[]): BenchPlan[] {
  const names = [...MATRIX_OPTIONS, ...RUN_OPTIONS, ...workloadOptions()];
  return combinations(options, names).map((one) => planOf(one, words));
}

function combinations(options: BenchOptions, names: readonly string[]): BenchOptions[] {
  let made: BenchOptions[] = [options];
  for (const option of names) {
    const values = valuesOf(option, options[option] as OptionText | undefined);
    if (values === null) continue;
    made = made.flatMap((before) => values.map((value) => ({ ...before, [option]: value })));
    if (made.length > MOST_RUNS) throw new UsageError(`more than ${MOST_RUNS} runs are asked for at once`);
  }
  return made;
}

/** `isDefaultTime`: nobody said how long rounds are added, so each workload gets its time. */
function joined(plans: readonly BenchPlan[], isDefaultTime: boolean): BenchPlan {
  const [first, ...others] = plans as [BenchPlan, ...BenchPlan[]];
  if (others.length === 0) return first;
  const words = plans.map(({ workload }) => wordsOf(workload, plans));
  const cells = plans.flatMap((plan, index) =>
    plan.cells.map(
      (cell): PlannedCell => ({
        ...cell,
        id: [cell.id, ...words[index]!].join(', '),
        ...(index > 0 && { workload: index }),
      }),
    ),
  );
  if (cells.length > MOST_RUNS) throw new UsageError(`more than ${MOST_RUNS} configurations are asked for at once`);
  const { rounds } = first;
  return {
    ...first,
    furtherWorkloads: others.map(({ workload }) => workload),
    cells,
    baselines: plans.flatMap((plan, index) =>
      plan.baselines.map((baseline) => (baseline === null ? null : baseline + index * first.cells.length)),
    ),
    rounds: isDefaultTime && typeof rounds !== 'number' ? { timeBudgetMs: rounds.timeBudgetMs * plans.length } : rounds,
  };
}

/** What tells a workload from the others, as an id says it. */
function wordsOf({ name, guestFlush }: WorkloadChoice, plans: readonly BenchPlan[]): string[] {
  const varies = (of: (choice: WorkloadChoice) => string) =>
    new Set(plans.map(({ workload }) => of(workload))).size > 1;
  return [
    ...(varies((choice) => choice.name) ? [`workload ${name}`] : []),
    ...(varies((choice) => choice.guestFlush) ? [`flush ${guestFlush}`] : []),
  ];
}

/** The values of an option, when there are several. The name of a trace may hold commas. */
function valuesOf(option: string, given: OptionText | undefined): string[] | null {
  if (given === undefined) return null;
  const text = single(option, given);
  if (!text.includes(',') || (option === 'workload' && text.includes('trace:'))) return null;
  return [...new Set(list(option, text))];
}
