/** The plan that the options of `cowbench bench` ask for. */
import path from 'node:path';
import { MOST_REQUESTERS } from '../../../workloads/requesters.ts';
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
import { RESULTS_ROOT } from '../../console/project-root.ts';
import { refuseUnlessReserved } from '../../console/reserve-options.ts';
import { defaultImagesDirectory } from '../../machine/images-directory.ts';
import { parseImageOptions } from '../../sample/image-options.ts';
import { parsePace } from '../../sample/pace.ts';
import { type BenchOptions, workloadOptions } from './bench-options.ts';
import { deviceNamed } from './modelled-device.ts';
import {
  type BenchPlan,
  DEFAULT_TIME_BUDGET_MS,
  isForeign,
  isNull,
  isReal,
  MODEL_ROUNDS,
  type PlannedCell,
  requestersOf,
  type SessionChoice,
} from './plan.ts';
import { type CacheSize, type Choice, planCells } from './planned-cells.ts';
import { reservesNamed } from './reserve-choice.ts';
import type { Baselines } from './variants.ts';

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
  const counted = text('rounds') === undefined ? null : integer('rounds', text('rounds')!, 0, 1_000_000_000);
  const plainImage = Object.keys(image.words).length === 0;
  const reserves = reservesNamed(text);
  const cells = planCells({
    ...{
      engine: options.engine as OptionText | undefined,
      policy: text('policy'),
      stage: text('stage'),
      cache: text('cache'),
    },
    versions: choices('image-version', version ?? required('image-version'), versionNumber),
    clusterSizes: choices('cluster-size', clusters ?? required('cluster-size'), clusterSize),
    l2Caches: cacheSizes('l2-cache', text),
    refcountCaches: cacheSizes('refcount-cache', text),
    devices: choices('device', required('device'), (_, word) => deviceNamed(word)),
    requesters: choices('requesters', required('requesters'), (name, word) => integer(name, word, 1, MOST_REQUESTERS)),
    ...(!plainImage && { imageOptions: image }),
    ...(reserves !== undefined && { reserves }),
  });
  refuseUnlessReserved(
    ['reserve', 'preparation'].find((name) => text(name) !== undefined),
    cells.flatMap((cell) => (cell.engine === 'cowbench' ? [cell.policy] : [])),
  );
  if (!plainImage) refuseImageOptions(cells);
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
    rounds: counted === null ? defaultRounds(cells, text('time-budget')) : roundsFor(cells, counted),
    pace: text('pace') === undefined ? null : checkedPace(text('pace')!, cells),
    directory: path.resolve(text('dir') ?? defaultImagesDirectory()),
    crash:
      text('crash') === undefined ? defaultCrash(counted) : oneOf('crash', text('crash')!, ['quick', 'short', 'none']),
    session: sessionOf(options, words),
  };
}

function sessionOf(options: BenchOptions, words: readonly string[]): SessionChoice {
  const file = (name: string) =>
    options[name] === undefined ? null : path.resolve(single(name, options[name] as OptionText));
  return {
    keepImages: options['keep-images'] === true,
    recordsRoot: file('out') ?? path.join(RESULTS_ROOT, 'results/runs'),
    resume: options.resume === true,
    report: options.report !== false,
    comparesCounts: false,
    deviceTraceFile: file('export-device-trace'),
    cpuProfile: options['cpu-prof'] === true,
    command: withoutStore(words),
  };
}

/** The installed qemu makes no such images here, and a raw file is none. */
function refuseImageOptions(cells: readonly PlannedCell[]): void {
  const foreign = cells.find(isForeign);
  if (foreign !== undefined) throw new UsageError(`--image-option: not with --engine ${foreign.engine}`);
  if (cells.some(({ engine }) => engine === 'cowbench')) return;
  throw new UsageError('--image-option: --engine raw alone makes no image');
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
  const deviceOf = (cell: PlannedCell) => (isForeign(cell) ? null : cell.device);
  return cells.map((cell, index) => {
    if (isNull(cell)) return null;
    const same = cells.filter((other) => deviceOf(other) === deviceOf(cell) && !isNull(other));
    const legacy = same.find((other) => other.engine === 'cowbench' && other.policy === 'legacy');
    const baseline = cells.indexOf(legacy ?? same[0]!);
    return index === baseline ? null : baseline;
  });
}

function defaultRounds(cells: readonly PlannedCell[], timeBudget: string | undefined): BenchPlan['rounds'] {
  if (timeBudget !== undefined) return { timeBudgetMs: duration('time-budget', timeBudget) };
  return cells.some(isReal) ? { timeBudgetMs: DEFAULT_TIME_BUDGET_MS } : MODEL_ROUNDS;
}

/** `counted` rounds, and on real storage the one that warms up: 0 leaves that alone, which has the counts. Virtual time needs none. */
function roundsFor(cells: readonly PlannedCell[], counted: number): number {
  return cells.some(isReal) ? counted + 1 : Math.max(1, counted);
}

/** A run of at most two rounds looks at counts, and is to be over at once. */
function defaultCrash(rounds: number | null): BenchPlan['crash'] {
  return rounds === null || rounds > 2 ? 'short' : 'none';
}

function checkedPace(text: string, cells: readonly PlannedCell[]): string {
  parsePace(text);
  const foreign = cells.find(isForeign);
  if (foreign !== undefined) throw new UsageError(`--pace: not with --engine ${foreign.engine}`);
  if (cells.some((cell) => requestersOf(cell) > 1))
    throw new UsageError('--pace: not with several --requesters, who each wait for an answer before they send again');
  return text;
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

/** Where else a run is kept is no part of what repeats it, and its address may hold a password. */
function withoutStore(words: readonly string[]): string[] {
  return words.filter((word, index) => !/^--store(?:=|$)/.test(word) && words[index - 1] !== '--store');
}
