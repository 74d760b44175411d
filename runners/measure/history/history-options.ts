/** The options of `cowbench history`, and the plan that they ask for. */
import path from 'node:path';
import yargs, { type Argv } from 'yargs';
import { UsageError } from '../../console/errors.ts';
import { value } from '../../console/help-page.ts';
import { integer, list, type OptionText, single } from '../../console/option-values.ts';
import { RESULTS_ROOT } from '../../console/project-root.ts';
import { unknownWord } from '../../console/suggest.ts';
import { type BenchOptions, withBenchOptions } from '../plan/bench-options.ts';
import { planOf } from '../plan/plan-options.ts';
import { type HistoryPart, type HistorySize, partsOf } from './parts.ts';
import type { HistoryPlan, PlannedPart } from './run-history.ts';

export type HistoryOptions = Readonly<Record<string, unknown>>;

const MICRO_ROUNDS: Readonly<Record<HistorySize, number>> = { quick: 2, usual: 4, full: 10 };

const OPTIONS = {
  full: { type: 'boolean', describe: 'the whole recorded installation and large snapshots: hours on an ordinary disk' },
  quick: { type: 'boolean', describe: 'very small, for a first look', conflicts: 'full' },
  part: { ...value('NAME,…'), describe: 'only these parts (an unknown name lists them)' },
  rounds: {
    ...value('N'),
    default: '0',
    describe: 'number of counted rounds per configuration, after one that warms up and gives all counts',
  },
  seed: { ...value('N'), default: '1', describe: 'seed for guest data and synthetic workloads' },
  micro: {
    type: 'boolean',
    default: true,
    describe: 'also time both memory layouts of the cache',
  },
  dir: {
    ...value('DIR'),
    describe:
      'existing directory for the images; counts are the same on /dev/shm [default: here, or the nearest not on tmpfs]',
  },
  out: { ...value('DIR'), describe: 'directory for the report and records [default: results/reports/history]' },
  resume: { type: 'boolean', describe: 'reuse the finished samples of an earlier run of the same command' },
  from: { ...value('FILE'), describe: 'measure nothing: rebuild the report from the JSON document of an earlier run' },
  json: { type: 'boolean', describe: 'print all records on stdout as one JSON document, and nothing else' },
  quiet: { type: 'boolean', alias: 'q', describe: 'no progress on stderr' },
} as const;

export function withHistoryOptions(builder: Argv): Argv<HistoryOptions> {
  return builder.options(OPTIONS) as unknown as Argv<HistoryOptions>;
}

/** Where report and document go. */
export function outFolder({ out }: HistoryOptions): string {
  return path.resolve(out === undefined ? path.join(RESULTS_ROOT, 'results/reports/history') : text('out', out));
}

/** The plan of a run; `words` are those of the command line. @throws UsageError that names the option. */
export function historyPlan(options: HistoryOptions, words: readonly string[]): HistoryPlan {
  const size: HistorySize = options.full === true ? 'full' : options.quick === true ? 'quick' : 'usual';
  const common = {
    rounds: String(integer('rounds', text('rounds', options.rounds), 0, 20)),
    seed: String(integer('seed', text('seed', options.seed), 0)),
    out: path.join(outFolder(options), 'runs'),
    ...(options.dir !== undefined && { dir: text('dir', options.dir) }),
  };
  const shared = Object.entries(common).flatMap(([name, word]) => [`--${name}`, word]);
  const flags = ['--no-report', '--crash', 'none', ...(options.resume === true ? ['--resume'] : [])];
  const parts = chosenParts(options, size).map((part) => planned(part, [...shared, ...flags]));
  return { size, parts, microRounds: options.micro === false ? 0 : MICRO_ROUNDS[size], command: words };
}

function chosenParts({ part }: HistoryOptions, size: HistorySize): HistoryPart[] {
  const parts = partsOf(size);
  if (part === undefined) return parts;
  const ids = parts.map(({ id }) => id);
  const wanted = list('part', text('part', part));
  const unknown = wanted.find((id) => !ids.includes(id));
  if (unknown !== undefined) throw new UsageError(`--part: ${unknownWord('part', unknown, ids)}`);
  return parts.filter(({ id }) => wanted.includes(id));
}

/** The part's own words are read as the command line of `bench` is, so that its record names a command that repeats it. */
function planned(part: HistoryPart, shared: readonly string[]): PlannedPart {
  const words = ['bench', ...part.words, ...shared];
  const options = withBenchOptions(yargs(words)).parseSync() as BenchOptions;
  return { ...part, plan: planOf(options, words) };
}

function text(option: string, given: unknown): string {
  return single(option, given as OptionText);
}
