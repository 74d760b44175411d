/** `cowbench explore`: millions of crash states of the policies that are recommended, in one record that `safety` shows. */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { textTable } from '../../dashboards/text/text-table.ts';
import { KiB, policyNames } from '../../engine/index.ts';
import type { RunRecord } from '../../results/record.ts';
import { EXIT_CODES, UsageError } from '../console/errors.ts';
import { costLine, diskWords, lengthText, sharedMs } from '../console/expected-cost.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { integer, list, type OptionText, single } from '../console/option-values.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { unknownWord } from '../console/suggest.ts';
import { stdoutTerminal } from '../console/terminal.ts';
import { WorkProgress } from '../console/work-progress.ts';
import { describeSource, sourceWarning } from '../machine/source.ts';
import { tellStory } from '../safety/explore/story.ts';
import { addTally, emptyTally, type Tally } from '../safety/explore/tally.ts';
import { FINDING_CLASSES, isViolated, isViolation } from '../safety/judge/state-verdict.ts';
import {
  type GroupTally,
  judgeManyStates,
  ManyStatesPlan,
  type ManyStatesScope,
  manyStatesOf,
  shareOfGoal,
  shareOfStates,
} from '../safety/record/many-states.ts';
import {
  groupCells,
  MANY_STATES_RECORD,
  manyStatesHeader,
  manyStatesRecord,
} from '../safety/record/many-states-record.ts';
import { TallyValue } from '../safety/record/part-values.ts';
import { recordWorkload } from '../safety/states/record-workload.ts';
import { FinishedParts } from '../shards/finished-parts.ts';
import { checkedValue, mergePartFiles, requireKnownProgram, writePartFile } from '../shards/part-file.ts';
import { type Shard, shardWords } from '../shards/shard.ts';
import {
  requireDefaults,
  requireWritable,
  SHARD_OPTIONS,
  shardChoice,
  THREADS_OPTION,
  threadsOf,
} from '../shards/shard-options.ts';

const OPTIONS = {
  policy: { ...value('NAME,…'), alias: 'p', default: 'ordered,reserve', describe: 'policies' },
  states: { ...value('N'), default: '10000000', describe: 'crash states to judge, at least' },
  length: { ...value('N'), default: '4', describe: 'operations per sequence, 1 to 5; then come random workloads' },
  seed: { ...value('N'), default: '1', describe: 'seed for random workloads and samples' },
  threads: THREADS_OPTION,
  ...SHARD_OPTIONS,
  out: { ...value('FILE'), describe: `record to write [default: ${MANY_STATES_RECORD}]` },
  quiet: { type: 'boolean', alias: 'q', describe: 'no progress on stderr' },
} as const;

/** What decides the content of the record. */
const PLAN_OPTIONS = ['policy', 'states', 'length', 'seed'] as const;
const KIND = 'explore';
/**
 * Of one core of a server processor, from runs of one thread: 15 000 states of sequences of three operations took 0.27 ms each, 33 000 of mostly
 * random workloads 0.24, 125 000 of sequences of four 0.16.
 */
const MS_PER_STATE = 0.25;
/** A finished part is its counts and an example of each class: 64 parts of 30 000 states took 67 393 bytes; longer sequences have more states a part. */
const [PART_BYTES, STATES_PER_PART] = [2 * KiB, 470];

type Options = Record<string, unknown>;

export const explore: CommandModule<object, Options> = {
  command: 'explore',
  describe: 'judge millions of crash states of the recommended policies; can be interrupted and resumed',
  builder: (yargs) =>
    yargs
      .options(OPTIONS)
      .example('$0 explore', `ten million states, about ${lengthText(sharedMs(1e7, MS_PER_STATE, 2))} on two cores`)
      .example('$0 explore --states 20000 --length 2 --out states.json', 'a sample, in less than a minute')
      .example('$0 explore --shard 2/7 --out part-2.json', 'one share of seven; --merge part-*.json puts them together')
      .epilogue(
        'All sequences of up to four operations on 512-byte clusters come first, then random workloads of twelve requests on ' +
          'clusters of 512, 1024 and 4096 bytes, with small and default table caches. Ctrl-C keeps finished parts next to the ' +
          'record; the same command resumes from there.',
      ),
  handler: exploreMany,
};

async function exploreMany(options: Options): Promise<void> {
  const choice = shardChoice(options);
  const threads = threadsOf(options);
  const out = path.resolve(
    options.out === undefined ? path.join(PROJECT_ROOT, MANY_STATES_RECORD) : text(options, 'out'),
  );
  requireWritable(out);
  const source = describeSource();
  const warning = sourceWarning(source);
  if (warning !== null) console.error(`warning: ${warning}`);
  if (choice.kind !== 'all') requireKnownProgram(source);
  const { plan, parts } = choice.kind === 'merge' ? merged(choice.files, options, source) : newWork(options);
  const shard = choice.kind === 'shard' ? choice.shard : null;
  // Parts of a program that is not known are never those of this one.
  const program = source.problem === undefined ? source : { ...source, run: randomUUID() };
  const key = { source: program, scope: plan.scope, ...(shard !== null && { shard: shardWords(shard) }) };
  const finished = new FinishedParts(`${out}.parts.tmp`, key);
  for (const [name, tally] of parts) if (!finished.has(name)) finished.keep(name, tally);
  const isComplete = await judgeAll(plan, finished, { threads, shard, quiet: options.quiet === true, out });
  if (isComplete && shard !== null) writePartFile(out, shard, { kind: KIND, program: source, plan }, finished.all);
  const groups = shard === null ? manyStatesOf(plan.scope, plan.goal, finished) : [];
  if (isComplete && shard === null) {
    const record = manyStatesRecord(commandOf(plan), source, plan.scope, groups);
    fs.writeFileSync(out, `${JSON.stringify(record, null, 2)}\n`);
  }
  if (isComplete) finished.remove();
  if (shard === null) printGroups(groups);
  if (isComplete) console.error(`written: ${out}`);
  if (groups.some(({ tally }) => isViolated(tally.findings))) process.exitCode ||= EXIT_CODES.finding;
}

interface Work {
  readonly plan: ManyStatesPlan;
  /** Done elsewhere. */
  readonly parts: ReadonlyMap<string, unknown>;
}

function newWork(options: Options): Work {
  const goal = integer('states', text(options, 'states'), 1);
  return { plan: { scope: scopeOf(options), goal }, parts: new Map() };
}

/** Shards cannot know which part is the last one that counts: what they left out is judged here. */
function merged(files: readonly string[], options: Options, program: RunRecord['source']): Work {
  requireDefaults(options, OPTIONS, PLAN_OPTIONS);
  const { plan, parts } = mergePartFiles(files, {
    ...{ kind: KIND, program, plan: ManyStatesPlan },
    shareOf: ({ scope }, shard, count) => shareOfStates(scope, shard, count),
  });
  return { plan, parts: new Map([...parts].map(([name, tally]) => [name, checkedValue(name, tally, TallyValue)])) };
}

interface Sitting {
  readonly threads: number;
  readonly shard: Shard | null;
  readonly quiet: boolean;
  /** The file of the result; finished parts lie next to it. */
  readonly out: string;
}

/** False where it was interrupted, and then the exit code is set. */
async function judgeAll(
  { scope, goal }: ManyStatesPlan,
  finished: FinishedParts,
  { threads, shard, quiet, out }: Sitting,
): Promise<boolean> {
  const wanted = shard === null ? goal : shareOfGoal(goal, shard);
  const interruption = new Interruption();
  if (!quiet) console.error(exploreCost(wanted, threads, out));
  const progress = new WorkProgress(wanted, 'states', quiet);
  try {
    await judgeManyStates(scope, goal, finished, {
      threads,
      ...(shard !== null && { shard }),
      signal: interruption.signal,
      onStates: (states, resumed) => progress.reached(Math.min(states, wanted), Math.min(resumed, wanted)),
      onPart: reportViolation,
    });
  } finally {
    progress.end();
    interruption.release();
  }
  if (interruption.exitCode === null) return true;
  console.error(`interrupted; ${finished.count} parts are kept; the same command resumes from there`);
  process.exitCode = interruption.exitCode;
  return false;
}

function exploreCost(states: number, threads: number, out: string): string {
  const work = `${states} states at ${MS_PER_STATE} ms, ${threads} threads`;
  const disk = diskWords(Math.ceil(states / STATES_PER_PART) * PART_BYTES, path.dirname(out));
  return costLine({ ms: sharedMs(states, MS_PER_STATE, threads), work, disk });
}

function scopeOf(options: Options): ManyStatesScope {
  const known = policyNames();
  const policies = list('policy', text(options, 'policy'));
  const unknown = policies.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(unknownWord('policy', unknown, known));
  return {
    policies,
    length: integer('length', text(options, 'length'), 1, 5),
    seed: integer('seed', text(options, 'seed'), 0, 2 ** 20),
  };
}

function text(options: Options, name: string): string {
  return single(name, options[name] as OptionText);
}

/** At once: whoever started work of an hour need not wait for its end. */
function reportViolation({ examples }: Tally): void {
  for (const kind of FINDING_CLASSES) {
    const found = examples[kind];
    if (found === undefined || !isViolation(kind)) continue;
    console.error(`violation (${kind}) under ${found.subject.policy}:`);
    const recording = recordWorkload(found.workload, found.subject);
    for (const line of tellStory(recording, found.example)) console.error(`  ${line}`);
  }
}

function printGroups(groups: readonly GroupTally[]): void {
  const sum = emptyTally();
  for (const { tally } of groups) addTally(sum, tally);
  const rows = groups.map(groupCells);
  for (const line of textTable(manyStatesHeader, rows, stdoutTerminal().width)) console.log(line);
  const violations = FINDING_CLASSES.filter(isViolation).reduce((count, kind) => count + sum.findings[kind], 0);
  console.log(
    `\n${sum.states} states judged, ${violations} violations, ${sum.exhaustivePoints} of ${sum.points} crash points exhaustive`,
  );
}

/** What decides the content of the record, in the words that give it again. */
function commandOf({ scope, goal }: ManyStatesPlan): string {
  const words: Readonly<Record<string, string>> = {
    policy: scope.policies.join(','),
    states: String(goal),
    length: String(scope.length),
    seed: String(scope.seed),
  };
  const asked = PLAN_OPTIONS.filter((name) => words[name] !== OPTIONS[name].default);
  return ['cowbench explore', ...asked.flatMap((name) => [`--${name}`, words[name]])].join(' ');
}
