/** `cowbench bench`: the main job. */
import type { CommandModule } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { findings } from '../../dashboards/text/summary.ts';
import { EXIT_CODES } from '../console/errors.ts';
import { Interruption } from '../console/interruption.ts';
import { stderrMoves, stdoutTerminal } from '../console/terminal.ts';
import { type BenchOptions, withBenchOptions } from '../measure/plan/bench-options.ts';
import type { BenchPlan } from '../measure/plan/plan.ts';
import { plansOf } from '../measure/plan/sweep.ts';
import { NO_FOLLOWER, type RunFollower } from '../measure/session/display.ts';
import { exported, formatOf, tableLines, writeReport } from '../measure/session/present.ts';
import { benchDisplay } from '../measure/session/progress.ts';
import { type BenchOutcome, runBench } from '../measure/session/run-bench.ts';
import { StoreFollower } from '../stores/follow-run.ts';
import { keepRun, secondStore } from '../stores/keep-run.ts';
import { openStore } from '../stores/open-store.ts';

export const bench: CommandModule<object, BenchOptions> = {
  command: 'bench',
  describe: 'replay a workload under several policies and compare syncs, bytes and latency',
  builder: (yargs) =>
    withBenchOptions(yargs)
      .example('$0 bench', 'a recorded Debian installation under all policies')
      .example('$0 bench -w install --guest-flush none', 'the same without guest flushes')
      .example('$0 bench --rounds 0', 'counts only, which are exact after one round')
      .example(
        '$0 bench -w install-burst --data 32M --rounds 3',
        'a synthetic workload, three rounds after the warm-up',
      )
      .example('$0 bench -w trace:disk.iolog.gz --dir /mnt/ssd --json', 'your own fio iolog, on your own disk')
      .example('$0 bench --stage all --cache writeback,writethrough', 'every stage of history in both modes')
      .example(
        '$0 bench --cluster-size 4k,64k,2M --l2-cache 1M,8M --resume',
        'a sweep; repeat the command to resume it',
      )
      .example(
        '$0 bench -w random-write --flush-every 1 --requesters 1,4,16,64',
        'requests in flight at once, which share flushes',
      )
      .example('$0 bench -w install,snapshot --guest-flush recorded,none', 'a matrix of workloads on one page')
      .example('$0 bench --device model:hdd-7200,model:nvme-plp', 'on modelled devices'),
  handler: async (options) => void (await benchPlans(plansOf(options, hideBin(process.argv)), options)),
};

/** Runs `plans` one after the other, prints what `options` ask for, and sets the exit code. */
export async function benchPlans(plans: readonly BenchPlan[], options: BenchOptions): Promise<BenchOutcome[]> {
  const format = formatOf(options);
  const shown = { terminal: stdoutTerminal(), verbose: options.verbose === true };
  const place = secondStore(options.store);
  await using store = place === null ? null : await openStore(place);
  const follower = store === null ? NO_FOLLOWER : new StoreFollower(store, tellUnlessQuiet(options));
  const interruption = new Interruption();
  const outcomes: BenchOutcome[] = [];
  const refusals: unknown[] = [];
  for (const plan of plans) {
    const quiet = options.quiet === true;
    const outcome = await runOne(plan, quiet, interruption.signal, follower).catch((error: unknown) => {
      refusals.push(error);
      return null;
    });
    if (outcome === null) break;
    outcomes.push(outcome);
    const reportFile = plan.session.report ? await writeReport(outcome) : null;
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

function runOne(plan: BenchPlan, quiet: boolean, signal: AbortSignal, follower: RunFollower): Promise<BenchOutcome> {
  const display = benchDisplay(quiet, stderrMoves(), (line) => console.error(line));
  return runBench(plan, signal, display, follower);
}

/** Sets the exit code; an error of a run goes to the one place that reports errors. */
function conclude(outcomes: readonly BenchOutcome[], interruption: Interruption): void {
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
