/** `cowbench trend RANGE`: what each commit of a range counts, and where it changed. */
import type { CommandModule } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { csvText, markdownText } from '../../dashboards/text/export.ts';
import type { RunRecord } from '../../results/record.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { type OptionText, single } from '../console/option-values.ts';
import { stdoutTerminal } from '../console/terminal.ts';
import { COMMIT_WORKLOAD, withWorkload } from '../measure/commits/compare-plan.ts';
import { commitsOf, contentBytes, isCutOff, shallowHint } from '../measure/commits/git.ts';
import { TREES_TEXT } from '../measure/commits/tree-cache.ts';
import { storedPoint, type TrendPoint, trendCost, trendPoint, trendSeries } from '../measure/commits/trend.ts';
import { changeLines, trendTable } from '../measure/commits/trend-text.ts';
import { type BenchOptions, withBenchOptions } from '../measure/plan/bench-options.ts';
import { planOf } from '../measure/plan/plan-options.ts';
import { formatOf } from '../measure/session/present.ts';
import { benchDisplay } from '../measure/session/progress.ts';
import { runBench } from '../measure/session/run-bench.ts';
import { openWorkload } from '../sample/workload-choice.ts';
import { shardOf, shareOf } from '../shards/shard.ts';

/** No other engine has commits of this program; a trend has a table, and no report. */
const REFUSED = ['engine', 'report', 'store'];

export const trend: CommandModule<object, BenchOptions> = {
  command: 'trend <range>',
  describe: 'show the counts of each commit of a range and where they changed; measures what is not in the store',
  builder: (yargs) =>
    withBenchOptions(yargs, REFUSED)
      .positional('range', { type: 'string', describe: 'range of commits, as for git log', demandOption: true })
      .option('shard', {
        ...value('I/N'),
        describe:
          'measure one share of the commits, number I of N; the same command without it puts the records of all together',
      })
      .default({ rounds: '1', device: 'model:sata-ssd-no-plp' })
      .default('workload', undefined, COMMIT_WORKLOAD.join(' --data '))
      .epilogue(TREES_TEXT)
      .example('$0 trend main~20..main', 'twenty commits; later runs measure only new ones')
      .example('$0 trend main~20..main --shard 2/7 --out part', 'one share of seven; see docs/shards.md')
      .example('$0 trend main~20..main --device real --rounds 5', 'times too; only lasting changes are marked'),
  handler: async (options) => {
    const all = commitsOf(String(options.range));
    const shard = options.shard === undefined ? null : shardOf(single('shard', options.shard as OptionText));
    const share = shard === null ? null : shareOf(all, shard);
    const commits = share === null ? all : all.filter((commit) => share.has(commit));
    if (all.length === 0) throw new UsageError(`${options.range}: no commits in this range`);
    const format = formatOf(options);
    const plan = planOf(withWorkload(options), hideBin(process.argv));
    // Bad input is reported before anything is measured, and a trace is known by its content.
    const { workload } = await openWorkload(plan.workload, plan.cells[0]!.clusterSizeBytes);
    const interruption = new Interruption();
    const tell = (line: string) => {
      if (options.quiet !== true) console.error(line);
    };
    if (isCutOff(all[0]!)) tell(`the range begins where this clone is cut off${shallowHint()}`);
    const stored = commits.map((commit) => storedPoint(commit, { plan, workload }));
    let left = stored.filter((record) => record === null).length;
    const sayCost = (known: readonly (RunRecord | null)[]) => {
      const line = format === 'json' ? null : trendCost(left, known, { plan, workload }, contentBytes(all.at(-1)!));
      if (line !== null) tell(line);
    };
    sayCost(stored);
    let isKnown = stored.some((record) => record !== null);
    const points: TrendPoint[] = [];
    for (const [place, commit] of commits.entries()) {
      const take = async (one: typeof plan): Promise<RunRecord> => {
        const outcome = await runBench(one, interruption.signal, benchDisplay(true, false, tell));
        if (outcome.error !== null) throw outcome.error;
        return outcome.record;
      };
      const point = await trendPoint(commit, { plan, workload }, tell, take);
      if (interruption.exitCode !== null) break;
      points.push(point);
      if (stored[place] !== null) continue;
      left--;
      // Nothing was known before the first of them.
      if (!isKnown && point.record !== null) sayCost([point.record]);
      isKnown ||= point.record !== null;
    }
    interruption.release();
    print(points, plan, format);
    if (interruption.exitCode === null) return;
    console.error('Interrupted. Results so far are in the store.');
    process.exitCode = interruption.exitCode;
  },
};

function print(points: readonly TrendPoint[], plan: Parameters<typeof trendSeries>[1], format: string): void {
  const records = points.flatMap(({ record }) => record ?? []);
  const series = trendSeries(points, plan);
  if (format === 'csv') process.stdout.write(csvText(records));
  else if (format === 'markdown') process.stdout.write(markdownText(records));
  else if (format === 'json') console.log(JSON.stringify({ commits: points.map(plainPoint), series }));
  else
    for (const line of [...trendTable(points, series, stdoutTerminal().width), '', ...changeLines(points, series)])
      console.log(line);
}

function plainPoint({ commit, subject, gap, record }: TrendPoint) {
  return { commit, subject, gap, run: record?.runId ?? null };
}
