/** `cowbench safety`: explores every policy and writes `docs/safety.md`, the record that is published. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { KiB } from '../../engine/index.ts';
import type { RunRecord } from '../../results/record.ts';
import { writeWhole } from '../../results/store.ts';
import { costLine, diskWords, sharedMs } from '../console/expected-cost.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { type OptionText, single } from '../console/option-values.ts';
import { RESULTS_ROOT } from '../console/project-root.ts';
import { WorkProgress } from '../console/work-progress.ts';
import { describeSource, sourceWarning } from '../machine/source.ts';
import { expectedCoreMs } from '../safety/record/expected-work.ts';
import { MANY_STATES_RECORD, readManyStates } from '../safety/record/many-states-record.ts';
import { SAFETY_PLAN_OPTIONS, safetyPlanOf } from '../safety/record/plan-options.ts';
import { safetyPage } from '../safety/record/safety-page.ts';
import { SafetyPlan } from '../safety/record/safety-plan.ts';
import { type SafetyResults, SafetyWork } from '../safety/record/safety-record.ts';
import { FinishedParts } from '../shards/finished-parts.ts';
import { checkedValue, mergePartFiles, requireKnownProgram, writePartFile } from '../shards/part-file.ts';
import { type Shard, shardWords, shareOf } from '../shards/shard.ts';
import {
  requireDefaults,
  requireWritable,
  SHARD_OPTIONS,
  shardChoice,
  THREADS_OPTION,
  threadsOf,
} from '../shards/shard-options.ts';

const KIND = 'safety';
/** What a finished part takes on disk: one sixtieth of the default, 42 parts, took 47 177 bytes. */
const PART_BYTES = 2 * KiB;
const DEFAULT_PAGE = 'docs/safety.md';

const OPTIONS = {
  ...SAFETY_PLAN_OPTIONS,
  ...SHARD_OPTIONS,
  threads: THREADS_OPTION,
  out: { ...value('FILE'), describe: `page to write [default: ${DEFAULT_PAGE}]` },
  quiet: { type: 'boolean', alias: 'q', describe: 'no progress on stderr' },
} as const;

type Options = Record<string, unknown>;

export const safety: CommandModule<object, Options> = {
  command: 'safety',
  describe: 'explore what a power cut does under every policy, and write the safety record',
  builder: (yargs) =>
    yargs
      .options(OPTIONS)
      .example('npm run safety -- --length 3', 'makes docs/safety.md; what it will cost is said before it starts')
      .example('$0 safety --length 1 --cluster-size 512 --mutants none --out s.md', 'a quick sample')
      .example('$0 safety --length 3 --shard 2/7 --out part-2.json', 'one seventh of it, on any machine')
      .example('$0 safety --merge part-*.json', 'the same page from all seven')
      .epilogue('Ctrl-C keeps finished parts next to the page; the same command resumes from there.'),
  handler: writeSafety,
};

async function writeSafety(options: Options): Promise<void> {
  const choice = shardChoice(options);
  const threads = threadsOf(options);
  const out = path.resolve(options.out === undefined ? path.join(RESULTS_ROOT, DEFAULT_PAGE) : text(options, 'out'));
  requireWritable(out);
  const source = describeSource();
  const warning = sourceWarning(source);
  if (warning !== null) console.error(`warning: ${warning}`);
  if (choice.kind === 'merge') return merge(choice.files, options, source, out);
  if (choice.kind === 'shard') requireKnownProgram(source);
  const plan = safetyPlanOf(options);
  const work = new SafetyWork(plan);
  const shard = choice.kind === 'shard' ? choice.shard : null;
  const finished = await runAll(work, { plan, source, shard, out, threads, isQuiet: options.quiet === true });
  if (finished === null) return;
  if (shard === null)
    writePage(
      out,
      plan,
      work.results((name) => finished.get(name)!),
      source,
    );
  else writePartFile(out, shard, { kind: KIND, program: source, plan }, finished.all);
  finished.remove();
  console.error(`written: ${out}`);
}

/** What is done, and where its results go. */
interface Sitting {
  readonly plan: SafetyPlan;
  readonly source: RunRecord['source'];
  /** Null: all of it. */
  readonly shard: Shard | null;
  readonly out: string;
  readonly threads: number;
  readonly isQuiet: boolean;
}

/** Does what is not finished yet; null when it was interrupted, and then the exit code is set. */
async function runAll(work: SafetyWork, sitting: Sitting): Promise<FinishedParts | null> {
  const { plan, source, shard, out, threads, isQuiet } = sitting;
  // Parts of a program that is not known are never those of this one.
  const program = source.problem === undefined ? source : { ...source, run: randomUUID() };
  const key = { source: program, plan, ...(shard !== null && { shard: shardWords(shard) }) };
  const finished = new FinishedParts(`${out}.parts.tmp`, key);
  if (finished.count > 0) console.error(`resuming: ${finished.count} parts are finished`);
  const mine = shard === null ? new Set(work.names) : shareOf(work.names, shard);
  if (!isQuiet) console.error(safetyCost(work, mine, finished, sitting));
  const interruption = new Interruption();
  const progress = new WorkProgress(mine.size, 'parts', isQuiet);
  const onPart = (wasFinished: boolean) => (wasFinished ? progress.skip(1) : progress.next());
  try {
    await work.run({ finished, mine, onPart, signal: interruption.signal, threads });
  } finally {
    progress.end();
    interruption.release();
  }
  if (interruption.exitCode === null) return finished;
  console.error(`interrupted; ${finished.count} parts are kept; the same command resumes from there`);
  process.exitCode = interruption.exitCode;
  return null;
}

function safetyCost(
  work: SafetyWork,
  mine: ReadonlySet<string>,
  finished: FinishedParts,
  { out, threads }: Sitting,
): string {
  const { length, clusterSizes } = work.plan;
  const open = [...mine].filter((name) => !finished.has(name)).length;
  const ms = sharedMs(expectedCoreMs(work.plan, work.names.length) * (open / work.names.length), 1, threads);
  const words = `${open} parts, sequences of up to ${length} operations on ${clusterSizes.length} cluster sizes, ${threads} threads`;
  return costLine({ ms, work: words, disk: diskWords(work.names.length * PART_BYTES, path.dirname(out)) });
}

/** Writes the page that one machine alone would have written. */
function merge(files: readonly string[], options: Options, source: RunRecord['source'], out: string): void {
  requireDefaults(options, SAFETY_PLAN_OPTIONS, Object.keys(SAFETY_PLAN_OPTIONS));
  const { plan, parts } = mergePartFiles(files, {
    ...{ kind: KIND, program: source, plan: SafetyPlan },
    shareOf: (of, shard) => shareOf(new SafetyWork(of).names, shard),
  });
  const results = new SafetyWork(plan).results((name, schema) => checkedValue(name, parts.get(name), schema));
  writePage(out, plan, results, source);
  console.error(`written: ${out}`);
}

function writePage(out: string, plan: SafetyPlan, results: SafetyResults, source: RunRecord['source']): void {
  const manyStates = readManyStates(path.join(RESULTS_ROOT, MANY_STATES_RECORD));
  const [command, commit] = [commandOf(plan), commitWords(source)];
  writeWhole(out, safetyPage({ ...results, manyStates, plan, command, commit }));
}

function text(options: Options, name: string): string {
  return single(name, options[name] as OptionText);
}

function commitWords({ commit, dirty }: RunRecord['source']): string {
  return commit === null ? 'an unknown commit' : `${commit.slice(0, 12)}${dirty ? ' with changes' : ''}`;
}

/** What decides the content of the page, in the words that give it again. */
function commandOf(plan: SafetyPlan): string {
  const asked: Readonly<Record<string, string>> = {
    length: String(plan.length),
    'cluster-size': plan.clusterSizes.join(','),
    'cache-tables': plan.caches.map((tables) => (tables === null ? 'stage' : String(tables.l2))).join(','),
    states: String(plan.statesPerPoint),
    'qemu-states': String(plan.qemuStates),
    mutants: plan.mutants,
    policy: plan.policies === null ? 'all' : plan.policies.join(','),
  };
  const words = Object.entries(asked).flatMap(([name, word]) =>
    word === (SAFETY_PLAN_OPTIONS as Record<string, { readonly default?: unknown }>)[name]!.default
      ? []
      : [`--${name}`, word],
  );
  if (plan.tools.qemuIo === null) words.push('--no-qemu-peer');
  return ['npm run safety', ...(words.length === 0 ? [] : ['--', ...words])].join(' ');
}
