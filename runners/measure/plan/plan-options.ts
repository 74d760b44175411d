/** The options of `cowbench bench`, and the plan that they ask for. */
import path from 'node:path';
import type { Argv } from 'yargs';
import { findDefinition, WORKLOADS } from '../../../workloads/registry.ts';
import { parseGuestFlush } from '../../../workloads/transforms.ts';
import { UsageError } from '../../console/errors.ts';
import {
  assignments,
  clusterSize,
  duration,
  integer,
  list,
  memorySize,
  type OptionText,
  single,
} from '../../console/option-values.ts';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import { defaultImagesDirectory } from '../../machine/images-directory.ts';
import { IMAGE_OPTIONS, parseImageOptions } from '../../sample/image-options.ts';
import { parsePace } from '../../sample/pace.ts';
import { type CacheSize, type Choice, planCells } from './cells.ts';
import { DEVICE_NAMES, deviceNamed } from './modelled-device.ts';
import { type BenchPlan, DEFAULT_TIME_BUDGET_MS, isReal, MODEL_ROUNDS, type PlannedCell } from './plan.ts';
import type { Baselines } from './variants.ts';

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
  engine: {
    ...value,
    default: 'cowbench',
    describe: 'what serves the guest: cowbench, the installed qemu (as policy "modern"), or both: cowbench,qemu',
  },
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
  'l2-cache': { ...value, describe: 'memory for L2 tables, for example 1M [default: as the stage had, 16 tables]' },
  'l2-cache-tables': { ...value, describe: 'the same as a number of tables', conflicts: 'l2-cache' },
  'refcount-cache': {
    ...value,
    describe: 'memory for refcount blocks [default: as the stage had, 1 or 4 blocks]',
  },
  'refcount-cache-tables': { ...value, describe: 'the same as a number of blocks', conflicts: 'refcount-cache' },
  'image-version': {
    ...value,
    default: '3',
    describe: "qcow2 version 2 or 3: writes and syncs are the same, today's tools make 3",
  },
  'image-option': {
    ...value,
    describe: `NAME=VALUE,… of the image: ${Object.keys(IMAGE_OPTIONS).join(', ')}`,
  },
  seed: { ...value, default: '1', describe: 'decides guest data, synthetic workloads and the order of samples' },
  'guest-flush': {
    ...value,
    default: 'recorded',
    describe: 'flushes of the guest: recorded, none but one at power-off (a guest of 2011), every:N writes',
  },
  discard: { ...value, default: 'ignore', describe: 'discards of the guest: ignore or unmap' },
  limit: { ...value, describe: 'replay at most so many requests' },
  pace: {
    ...value,
    describe: 'send requests when the trace did (trace, or trace:8 for eight times as fast), or so many a second',
  },
  device: {
    ...value,
    default: 'real',
    describe: `real, or model:NAME for virtual time on a modelled device: ${DEVICE_NAMES.join(', ')}`,
  },
  dir: {
    ...value,
    describe:
      'existing directory for the images, on the storage to measure [default: here, or the nearest that is no tmpfs]',
  },
  rounds: { ...value, describe: 'measure each policy so many times', conflicts: 'time-budget' },
  'time-budget': {
    ...value,
    describe:
      'further rounds while they fit in this time, until every verdict is beyond doubt; counts are exact after one [default: 2m]',
  },
  out: { ...value, describe: 'root of the record store [default: results/runs]' },
  resume: {
    type: 'boolean',
    describe: 'go on with the newest run of the same command; what is finished is not repeated',
  },
  'export-device-trace': { ...value, describe: 'write the file operations of each cell to this file, as a fio iolog' },
  'cpu-prof': { type: 'boolean', describe: 'one more sample of each cell under the CPU profiler, for the report' },
  crash: { ...value, describe: 'quick: afterwards, what a power cut does under each policy (see cowbench crash)' },
  format: { ...value, default: 'table', describe: 'what goes to stdout: table, json, csv or markdown' },
  json: { type: 'boolean', describe: 'the same as --format json: the record, and nothing else' },
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
  const {
    clusterSize: clusters,
    version,
    ...image
  } = parseImageOptions(options['image-option'] as OptionText | undefined);
  const plainImage = Object.keys(image.words).length === 0;
  if (!plainImage && text('engine') !== 'cowbench') throw new UsageError('--image-option: not with --engine qemu');
  const cells = planCells({
    ...{ engine: text('engine'), policy: text('policy'), stage: text('stage'), cache: text('cache') },
    versions: choices('image-version', version ?? required('image-version'), versionNumber),
    clusterSizes: choices('cluster-size', clusters ?? required('cluster-size'), clusterSize),
    l2Caches: cacheSizes('l2-cache', text),
    refcountCaches: cacheSizes('refcount-cache', text),
    devices: choices('device', required('device'), (_, word) => deviceNamed(word)),
    ...(!plainImage && { imageOptions: image }),
  });
  return {
    workload: {
      name: required('workload'),
      parameters: workloadParameters(options),
      seed: integer('seed', required('seed'), 0),
      guestFlush: checkedGuestFlush(required('guest-flush')),
      discard: oneOf('discard', required('discard'), ['ignore', 'unmap']),
      limit: count('limit'),
    },
    cells,
    baselines: againstFirst(cells),
    comparesCounts: false,
    rounds: count('rounds') ?? defaultRounds(cells, text('time-budget')),
    pace: text('pace') === undefined ? null : checkedPace(text('pace')!, cells),
    directory: path.resolve(text('dir') ?? defaultImagesDirectory()),
    keepImages: options['keep-images'] === true,
    recordsRoot: path.resolve(text('out') ?? path.join(PROJECT_ROOT, 'results/runs')),
    resume: options.resume === true,
    report: options.report !== false,
    deviceTraceFile: text('export-device-trace') === undefined ? null : path.resolve(text('export-device-trace')!),
    cpuProfile: options['cpu-prof'] === true,
    crash: text('crash') === undefined ? null : oneOf('crash', text('crash')!, ['quick']),
    command: words,
  };
}

/** Every value of an option that takes a list. */
function choices<Value>(option: string, text: string, read: (option: string, word: string) => Value): Choice<Value>[] {
  return list(option, text).map((word) => ({ value: read(option, word), text: word }));
}

function versionNumber(option: string, word: string): 2 | 3 {
  return oneOf(option, word, ['2', '3']) === '2' ? 2 : 3;
}

/** The sizes of a table cache, in bytes or in tables. */
function cacheSizes(option: string, text: (name: string) => string | undefined): Choice<CacheSize>[] {
  const bytes = text(option);
  if (bytes !== undefined) return choices(option, bytes, (name, word) => ({ bytes: memorySize(name, word) }));
  const tables = text(`${option}-tables`);
  if (tables === undefined) return [{ value: null, text: 'default' }];
  return choices(`${option}-tables`, tables, (name, word) => ({ tables: integer(name, word, 1, 1_000_000_000) }));
}

/** On each device all against its first `legacy` cell, or its first of all: what the report compares with, too. */
function againstFirst(cells: readonly PlannedCell[]): Baselines {
  const deviceOf = (cell: PlannedCell) => (cell.engine === 'qemu' ? null : cell.device);
  return cells.map((cell, index) => {
    const same = cells.filter((other) => deviceOf(other) === deviceOf(cell));
    const legacy = same.find((other) => other.engine === 'cowbench' && other.policy === 'legacy');
    const baseline = cells.indexOf(legacy ?? same[0]!);
    return index === baseline ? null : baseline;
  });
}

function defaultRounds(cells: readonly PlannedCell[], timeBudget: string | undefined): BenchPlan['rounds'] {
  if (timeBudget !== undefined) return { timeBudgetMs: duration('time-budget', timeBudget) };
  return cells.some(isReal) ? { timeBudgetMs: DEFAULT_TIME_BUDGET_MS } : MODEL_ROUNDS;
}

function checkedPace(text: string, cells: readonly PlannedCell[]): string {
  parsePace(text);
  if (cells.some(({ engine }) => engine === 'qemu')) throw new UsageError('--pace: not with --engine qemu');
  return text;
}

/** The options that are parameters of some workload. */
export function workloadOptions(): string[] {
  const names = DEFINITIONS.flatMap(({ parameters }) => parameters.map(({ option }) => option));
  return [...new Set(names)].filter((name) => !(name in OPTIONS));
}

/** What was given by `--param`, and by an option of the workload's own. */
function workloadParameters(options: BenchOptions): Record<string, string> {
  const given = options.param === undefined ? {} : assignments('param', options.param as OptionText);
  for (const name of workloadOptions()) {
    if (options[name] === undefined) continue;
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
