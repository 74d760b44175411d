/** `cowbench bench`: the main job. */
import path from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { writeWhole } from '../../results/store.ts';
import { WORKLOADS } from '../../workloads/registry.ts';
import { parseGuestFlush } from '../../workloads/transforms.ts';
import { planCells } from '../bench/cells.ts';
import { defaultImagesDirectory } from '../bench/images-directory.ts';
import { type BenchPlan, DEFAULT_TIME_BUDGET_MS } from '../bench/plan.ts';
import { benchDisplay } from '../bench/progress.ts';
import { type BenchOutcome, runBench } from '../bench/run-bench.ts';
import { findings, summaryTable } from '../bench/summary.ts';
import { PROJECT_ROOT } from '../environment.ts';
import { EXIT_CODES, UsageError } from '../errors.ts';
import { Interruption } from '../interruption.ts';
import { assignments, clusterSize, duration, integer, type OptionText, single } from '../option-values.ts';

const value = { type: 'string', requiresArg: true } as const;

const OPTIONS = {
  workload: {
    ...value,
    alias: 'w',
    default: 'install',
    describe: 'what the guest does (see cowbench workloads), or trace:FILE',
  },
  param: { ...value, describe: 'parameters of the workload, NAME=VALUE,…; or each as an option, --NAME VALUE' },
  policy: {
    ...value,
    alias: 'p',
    describe: 'policies, comma-separated, or all (see cowbench policies) [default: all]',
  },
  stage: { ...value, describe: 'points of history instead of the presets: S0,S1,S2,S3,S4a,S4b or all' },
  cache: {
    ...value,
    describe: "host cache modes: writethrough,writeback,none,directsync,unsafe [default: each policy's own]",
  },
  'cluster-size': { ...value, default: '64k', describe: 'cluster size of the image, 512 to 2M' },
  'l2-cache-tables': { ...value, describe: 'L2 tables held in memory [default: as the stage had, 16]' },
  'refcount-cache-tables': { ...value, describe: 'refcount blocks held in memory [default: as the stage had, 1 or 4]' },
  'image-version': {
    ...value,
    default: '3',
    describe: "qcow2 version 2 or 3; the counts are the same, today's tools make 3",
  },
  seed: { ...value, default: '1', describe: 'decides guest data, synthetic workloads and the order of samples' },
  'guest-flush': {
    ...value,
    default: 'recorded',
    describe: 'flushes of the guest: recorded, none (a guest of 2011 without barriers), every:N writes',
  },
  discard: { ...value, default: 'ignore', describe: 'discards of the guest: ignore or unmap' },
  limit: { ...value, describe: 'replay at most so many requests' },
  dir: {
    ...value,
    describe:
      'existing directory for the images, on the storage to measure [default: here, or the nearest that is no tmpfs]',
  },
  rounds: { ...value, describe: 'measure each policy so many times', conflicts: 'time-budget' },
  'time-budget': {
    ...value,
    describe:
      'further rounds while they fit in this time; counts are exact after one, more only sharpen the times [default: 2m]',
  },
  out: { ...value, describe: 'root of the record store [default: results/runs]' },
  json: { type: 'boolean', describe: 'print the record on stdout, and nothing else there' },
  quiet: { type: 'boolean', alias: 'q', describe: 'no progress on stderr' },
  report: { type: 'boolean', default: true, describe: 'write the HTML report beside the record; --no-report: do not' },
  'keep-images': { type: 'boolean', describe: 'leave the images where they were made' },
} as const;

type Options = Record<string, unknown>;

export const bench: CommandModule<object, Options> = {
  command: 'bench',
  describe: 'replay a workload under several policies and compare syncs, bytes and latency',
  builder: (yargs) =>
    withWorkloadOptions(yargs.options(OPTIONS).group(Object.keys(OPTIONS), 'What to do:'))
      .example('$0 bench', 'a recorded Debian installation under all policies')
      .example('$0 bench -w install --guest-flush none', 'the same by a guest that does not flush')
      .example('$0 bench -w install-burst --data 32M --rounds 3', 'a synthetic one, three times each')
      .example('$0 bench -w trace:disk.iolog.gz --dir /mnt/ssd --json', 'your own fio iolog, on your own disk')
      .example('$0 bench --stage all --cache writeback,writethrough', 'every point of history in both modes'),
  handler: (options) => execute(options),
};

/** Every parameter of every workload is an option too, unless bench has one of that name. */
function withWorkloadOptions(yargs: Argv): Argv<Options> {
  const described = new Map<string, string[]>();
  for (const { name, parameters } of WORKLOADS) {
    for (const { option } of parameters) described.set(option, [...(described.get(option) ?? []), name]);
  }
  for (const [option, workloads] of described) {
    if (option in OPTIONS) continue;
    yargs.option(option, {
      ...value,
      group: 'Parameters, see cowbench workloads:',
      describe: `of ${workloads.join(', ')}`,
    });
  }
  return yargs as Argv<Options>;
}

async function execute(options: Options): Promise<void> {
  const plan = planOf(options);
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

function planOf(options: Options): BenchPlan {
  const text = (name: string) => (options[name] === undefined ? undefined : single(name, options[name] as OptionText));
  const required = (name: string) => text(name)!;
  const count = (name: string) => (text(name) === undefined ? null : integer(name, text(name)!, 1, 1_000_000_000));
  const version = oneOf('image-version', required('image-version'), ['2', '3']);
  const rounds = count('rounds');
  const timeBudget = text('time-budget');
  return {
    workload: {
      name: required('workload'),
      parameters: workloadParameters(options),
      seed: integer('seed', required('seed'), 0),
      guestFlush: checkedGuestFlush(required('guest-flush')),
      discard: oneOf('discard', required('discard'), ['ignore', 'unmap']),
      limit: count('limit'),
    },
    cells: planCells({
      policy: text('policy'),
      stage: text('stage'),
      cache: text('cache'),
      version: version === '2' ? 2 : 3,
      clusterSizeBytes: clusterSize('cluster-size', required('cluster-size')),
      l2CacheTables: count('l2-cache-tables'),
      refcountCacheTables: count('refcount-cache-tables'),
    }),
    rounds: rounds ?? {
      timeBudgetMs: timeBudget === undefined ? DEFAULT_TIME_BUDGET_MS : duration('time-budget', timeBudget),
    },
    directory: path.resolve(text('dir') ?? defaultImagesDirectory()),
    keepImages: options['keep-images'] === true,
    recordsRoot: path.resolve(text('out') ?? path.join(PROJECT_ROOT, 'results/runs')),
    report: options.report !== false,
    command: process.argv.slice(2),
  };
}

/** What was given by `--param`, and by an option of the workload's own. */
function workloadParameters(options: Options): Record<string, string> {
  const given = options.param === undefined ? {} : assignments('param', options.param as OptionText);
  const names = new Set(WORKLOADS.flatMap(({ parameters }) => parameters.map(({ option }) => option)));
  for (const name of names) {
    if (name in OPTIONS || options[name] === undefined) continue;
    if (name in given) throw new UsageError(`--${name} is given more than once`);
    given[name] = single(name, options[name] as OptionText);
  }
  return given;
}

function checkedGuestFlush(text: string): string {
  parseGuestFlush(text);
  return text;
}

function oneOf<const Choice extends string>(option: string, text: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((word) => word === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`--${option} "${text}": expected ${choices.join(' or ')}`);
}
