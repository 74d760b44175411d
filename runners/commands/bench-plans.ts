/** Runs that are measured, or put together from shards, shown and kept as the options of `bench` ask. */
import { findings } from '../../dashboards/text/summary.ts';
import { EXIT_CODES } from '../console/errors.ts';
import { Interruption } from '../console/interruption.ts';
import { stderrMoves, stdoutTerminal } from '../console/terminal.ts';
import type { BenchOptions } from '../measure/plan/bench-options.ts';
import type { BenchPlan } from '../measure/plan/plan.ts';
import { NO_FOLLOWER, type RunFollower } from '../measure/session/display.ts';
import { exported, formatOf, tableLines, writeReport } from '../measure/session/present.ts';
import { benchDisplay } from '../measure/session/progress.ts';
import { type BenchOutcome, runBench } from '../measure/session/run-bench.ts';
import { StoreFollower } from '../stores/follow-run.ts';
import { keepRun, secondStore } from '../stores/keep-run.ts';
import { openStore } from '../stores/open-store.ts';

/** Gives a run with its record in files. */
type RunMaker = (signal: AbortSignal, follower: RunFollower) => Promise<BenchOutcome>;

/** Runs `plans` one after the other, prints what `options` ask for, and sets the exit code. */
export function benchPlans(plans: readonly BenchPlan[], options: BenchOptions): Promise<BenchOutcome[]> {
  const quiet = options.quiet === true;
  const makers = plans.map(
    (plan): RunMaker =>
      (signal, follower) =>
        runOne(plan, quiet, signal, follower),
  );
  return presentRuns(makers, options);
}

/** The same for runs that come from anywhere. */
export async function presentRuns(makers: readonly RunMaker[], options: BenchOptions): Promise<BenchOutcome[]> {
  const format = formatOf(options);
  const shown = { terminal: stdoutTerminal(), verbose: options.verbose === true };
  const place = secondStore(options.store);
  await using store = place === null ? null : await openStore(place);
  const follower = store === null ? NO_FOLLOWER : new StoreFollower(store, tellUnlessQuiet(options));
  const interruption = new Interruption();
  const outcomes: BenchOutcome[] = [];
  const refusals: unknown[] = [];
  for (const make of makers) {
    const outcome = await make(interruption.signal, follower).catch((error: unknown) => {
      refusals.push(error);
      return null;
    });
    if (outcome === null) break;
    outcomes.push(outcome);
    const reportFile = options.report !== false ? await writeReport(outcome) : null;
    if (format === 'table') for (const line of await tableLines(outcome, reportFile, shown)) console.log(line);
    const { record, recordFile } = outcome;
    if (store !== null)
      await keepRun(store, record.runId, recordFile, reportFile).catch((error) => refusals.push(error));
    if (outcome.error !== null || interruption.exitCode !== null) break;
  }
  interruption.release();
  // What earlier plans measured is shown all the same.
  if (outcomes.length === 0 && refusals.length > 0) throw refusals[0];
  const records = outcomes.map(({ record }) => record);
  if (format !== 'table') process.stdout.write(exported(records, format));
  conclude(outcomes, interruption);
  if (refusals.length > 0) throw refusals[0];
  return outcomes;
}

function tellUnlessQuiet({ quiet }: BenchOptions): (line: string) => void {
  return (line) => {
    if (quiet !== true) console.error(line);
  };
}

export function runOne(
  plan: BenchPlan,
  quiet: boolean,
  signal: AbortSignal,
  follower: RunFollower,
): Promise<BenchOutcome> {
  const display = benchDisplay(quiet, stderrMoves(), (line) => console.error(line));
  return runBench(plan, signal, display, follower);
}

/** Sets the exit code; an error of a run goes to the one place that reports errors. */
export function conclude(outcomes: readonly BenchOutcome[], interruption: Interruption): void {
  if (interruption.exitCode !== null) {
    console.error('Interrupted. Results so far are saved; continue with --resume.');
    process.exitCode = interruption.exitCode;
    return;
  }
  for (const { record, error } of outcomes) {
    if (error !== null) throw error;
    for (const finding of findings(record)) {
      console.error(`finding: ${finding}`);
      process.exitCode = EXIT_CODES.finding;
    }
  }
}
