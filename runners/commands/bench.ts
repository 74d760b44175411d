/** `cowbench bench`: the main job. */
import type { CommandModule } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { writeWhole } from '../../results/store.ts';
import type { BenchPlan } from '../bench/plan.ts';
import { type BenchOptions, planOf, withBenchOptions } from '../bench/plan-options.ts';
import { benchDisplay } from '../bench/progress.ts';
import { type BenchOutcome, runBench } from '../bench/run-bench.ts';
import { findings, summaryTable } from '../bench/summary.ts';
import { EXIT_CODES } from '../errors.ts';
import { Interruption } from '../interruption.ts';

export const bench: CommandModule<object, BenchOptions> = {
  command: 'bench',
  describe: 'replay a workload under several policies and compare syncs, bytes and latency',
  builder: (yargs) =>
    withBenchOptions(yargs)
      .example('$0 bench', 'a recorded Debian installation under all policies')
      .example('$0 bench -w install --guest-flush none', 'the same by a guest that does not flush')
      .example('$0 bench -w install-burst --data 32M --rounds 3', 'a synthetic one, three times each')
      .example('$0 bench -w trace:disk.iolog.gz --dir /mnt/ssd --json', 'your own fio iolog, on your own disk')
      .example('$0 bench --stage all --cache writeback,writethrough', 'every point of history in both modes'),
  handler: (options) => execute(options),
};

async function execute(options: BenchOptions): Promise<void> {
  const plan = planOf(options, hideBin(process.argv));
  const interruption = new Interruption();
  const display = benchDisplay(options.quiet === true, process.stderr.isTTY === true, (line) => console.error(line));
  const outcome = await runBench(plan, interruption.signal, display);
  interruption.release();
  await present(outcome, plan, options.json === true);
  conclude(outcome, interruption);
}

/** The record, or table, verdict and files on stdout. */
async function present({ record, recordFile }: BenchOutcome, plan: BenchPlan, json: boolean): Promise<void> {
  const measured = record.cells.some((cell) => cell.exact !== null);
  // Loaded only now: charts need large libraries, and no command but this one and `report` needs charts.
  const { flushWorld, renderReport, verdictOf } = await import('../../dashboards/index.ts');
  const reportFile = recordFile.replace(/\.json$/, '.html');
  if (plan.report && measured) writeWhole(reportFile, await renderReport(record));
  if (json) {
    console.log(JSON.stringify(record));
    return;
  }
  for (const line of summaryTable(record)) console.log(line);
  if (measured) console.log(`\n${verdictOf(record).headline}\n${flushWorld(record)}\n`);
  console.log(`record: ${recordFile}`);
  if (plan.report && measured) console.log(`report: ${reportFile}`);
}

/** Sets the exit code; an error of the run goes to the one place that tells errors. */
function conclude({ record, error }: BenchOutcome, interruption: Interruption): void {
  if (interruption.exitCode !== null) {
    console.error('interrupted; what was measured is kept');
    process.exitCode = interruption.exitCode;
    return;
  }
  if (error !== null) throw error;
  for (const finding of findings(record)) {
    console.error(`finding: ${finding}`);
    process.exitCode = EXIT_CODES.finding;
  }
}
