/** The options of `cowbench bench`, and the plan that they ask for. */
import path from 'node:path';
import type { Argv } from 'yargs';
import { findDefinition, WORKLOADS } from '../../workloads/registry.ts';
import { parseGuestFlush } from '../../workloads/transforms.ts';
import { PROJECT_ROOT } from '../environment.ts';
import { UsageError } from '../errors.ts';
import { assignments, clusterSize, duration, integer, type OptionText, single } from '../option-values.ts';
import { planCells } from './cells.ts';
import { defaultImagesDirectory } from './images-directory.ts';
import { type BenchPlan, DEFAULT_TIME_BUDGET_MS } from './plan.ts';

/** What yargs makes of the words: texts, arrays where an option was given twice, and booleans. */
export type BenchOptions = Readonly<Record<string, unknown>>;

/** All workloads with parameters of their own; those of a trace are the same for every file. */
const DEFINITIONS = [...WORKLOADS, findDefinition('trace:FILE')];

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
    describe: "qcow2 version 2 or 3: writes and syncs are the same, today's tools make 3",
  },
  seed: { ...value, default: '1', describe: 'decides guest data, synthetic workloads and the order of samples' },
  'guest-flush': {
    ...value,
    default: 'recorded',
    describe: 'flushes of the guest: recorded, none but one at power-off (a guest of 2011), every:N writes',
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

/** Tells yargs about every option; a parameter of a workload is one too, unless bench has one of that name. */
export function withBenchOptions(yargs: Argv): Argv<BenchOptions> {
  yargs.options(OPTIONS).group(Object.keys(OPTIONS), 'What to do:');
  const described = new Map<string, string[]>();
  for (const { name, parameters } of DEFINITIONS) {
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
  return yargs as Argv<BenchOptions>;
}

/**
 * The plan of a run; `words` are those of the command line, for the record.
 * @throws UsageError, WorkloadError and Qcow2Error that name the option.
 */
export function planOf(options: BenchOptions, words: readonly string[]): BenchPlan {
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
    command: words,
  };
}

/** What was given by `--param`, and by an option of the workload's own. */
function workloadParameters(options: BenchOptions): Record<string, string> {
  const given = options.param === undefined ? {} : assignments('param', options.param as OptionText);
  const names = new Set(DEFINITIONS.flatMap(({ parameters }) => parameters.map(({ option }) => option)));
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
