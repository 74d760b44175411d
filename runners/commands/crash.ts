/** `cowbench crash`: in which states can a power cut leave the file, and what breaks in them? */
import type { CommandModule } from 'yargs';
import { textTable } from '../../dashboards/text/text-table.ts';
import { findStage, policyNamed, policyNames, RESERVE_PREPARATIONS, STAGE_IDS } from '../../engine/index.ts';
import { MOST_REQUESTERS } from '../../workloads/requesters.ts';
import { EXIT_CODES, UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { clusterSize, integer, list, type OptionText, single } from '../console/option-values.ts';
import { preparationNamed, refuseUnlessReserved } from '../console/reserve-options.ts';
import { unknownWord } from '../console/suggest.ts';
import { stdoutTerminal } from '../console/terminal.ts';
import { WorkProgress } from '../console/work-progress.ts';
import { formatOfCommand, programOf } from '../nbd/command.ts';
import { exploreJobs } from '../safety/explore/exploration-pool.ts';
import type { ExploreOptions } from '../safety/explore/explore.ts';
import type { ExplorationJob } from '../safety/explore/jobs.ts';
import { tellStory } from '../safety/explore/story.ts';
import type { FoundExample, Tally } from '../safety/explore/tally.ts';
import { FINDING_CLASSES, type FindingClass, isViolated, isViolation } from '../safety/judge/state-verdict.ts';
import {
  exploreByProgram,
  exploreByQemu,
  type LeftOut,
  type QemuExploration,
} from '../safety/qemu/qemu-exploration.ts';
import type { CrashWorkload } from '../safety/requests/crash-workload.ts';
import { LATER_WORKLOADS } from '../safety/requests/later-workloads.ts';
import { crashWorkload, NAMED_WORKLOADS } from '../safety/requests/named-workloads.ts';
import { OPERATIONS } from '../safety/requests/operation-table.ts';
import { recordByServer, whyNotByServer } from '../safety/servers/server-recording.ts';
import { type CrashRecording, type CrashSubject, recordWorkload } from '../safety/states/record-workload.ts';

const OPTIONS = {
  workload: {
    ...value('NAME'),
    alias: 'w',
    default: 'sequences',
    describe:
      'sequences (all short sequences of operations), a workload listed below, ops:OPERATION,… or a workload of bench',
  },
  engine: {
    ...value('NAME'),
    default: 'cowbench',
    describe: 'cowbench; qemu: the installed QEMU, in writeback mode; nbd:COMMAND: any server on {socket} of {image}',
  },
  policy: { ...value('NAME,…'), alias: 'p', describe: 'policies, or all [default: all]' },
  stage: { ...value('STAGE'), describe: "stage of history [default: each policy's own]" },
  preparation: {
    ...value('HOW'),
    describe: `how policy reserve prepares what it counts ahead: ${RESERVE_PREPARATIONS.join(', ')} [default: hole]`,
  },
  'cluster-size': { ...value('SIZE'), default: '4k', describe: 'cluster size of the image' },
  'cache-tables': {
    ...value('N'),
    describe: 'L2 tables and refcount blocks held in memory [default: as the stage had]',
  },
  states: { ...value('N'), default: '65536', describe: 'crash states tried per crash point; beyond that, a sample' },
  length: { ...value('N'), default: '2', describe: 'operations per sequence, 1 to 3' },
  requesters: {
    ...value('N'),
    describe:
      'up to N neighbouring block requests are in flight at once and share flushes [default: 1, or as the workload says]',
  },
  limit: { ...value('N'), default: '48', describe: 'take the first N requests of a workload of bench' },
  seed: { ...value('N'), default: '1', describe: 'seed for samples' },
  json: { type: 'boolean', describe: 'print counts and counterexamples as one JSON object' },
  quiet: { type: 'boolean', alias: 'q', describe: 'no progress on stderr' },
} as const;

type Options = Record<string, unknown>;

export const crash: CommandModule<object, Options> = {
  command: 'crash',
  describe: 'build the states in which a power cut could leave the image, and check each one',
  builder: (yargs) =>
    yargs
      .options(OPTIONS)
      .epilogue(
        `Workloads:\n${[...NAMED_WORKLOADS, ...LATER_WORKLOADS].map(({ name, summary }) => `  ${name}: ${summary}`).join('\n')}`,
      )
      .epilogue(`Operations: ${OPERATIONS.map(({ name }) => name).join(', ')}`)
      .example('$0 crash', 'all sequences of two operations, all policies')
      .example('$0 crash -w after-snapshot -p writeback --stage S3', 'a defect of history, explained step by step')
      .example('$0 crash -w reuse-discarded --engine qemu', 'the same for the installed QEMU')
      .example('$0 crash -p reserve --requesters 2', 'all sequences again, two requests at a time')
      .example(
        '$0 crash -w ops:shared/discard,alloc -p writeback',
        'operations of your choice, on a disk with a snapshot',
      ),
  handler: (options) => runCrashCommand(options),
};

interface Story {
  readonly kind: FindingClass;
  readonly lines: readonly string[];
}

interface Result {
  readonly name: string;
  readonly subject: CrashSubject | { readonly engine: 'qemu' | 'nbd' };
  readonly tally: Tally<unknown>;
  /** Violations first, the simplest of each class. */
  readonly stories: readonly Story[];
  readonly leftOut: readonly LeftOut[];
}

/** Explores and prints; exit code 1 when a promise was broken. Ctrl-C prints what was explored until then. */
async function runCrashCommand(options: Options): Promise<void> {
  const results: Result[] = [];
  const interruption = new Interruption();
  try {
    for (const explore of chooseExplorations(options)) {
      if (interruption.signal.aborted) break;
      results.push(await timed(() => explore(interruption.signal), options));
    }
  } finally {
    interruption.release();
  }
  if (options.json === true) console.log(JSON.stringify(results.map(jsonOf)));
  else printResults(results);
  if (results.some(({ tally }) => isViolated(tally.findings))) process.exitCode = EXIT_CODES.finding;
  if (interruption.exitCode === null) return;
  console.error(`interrupted after ${results.reduce((sum, { tally }) => sum + tally.workloads, 0)} workloads`);
  process.exitCode = interruption.exitCode;
}

async function timed(explore: () => Promise<Result>, { json, quiet }: Options): Promise<Result> {
  const startMs = performance.now();
  const result = await explore();
  const seconds = (performance.now() - startMs) / 1000;
  if (json !== true && quiet !== true)
    console.error(`${result.name}: ${result.tally.states} states in ${seconds.toFixed(1)} s`);
  return result;
}

type Explore = (signal: AbortSignal) => Promise<Result>;

function chooseExplorations(options: Options): Explore[] {
  const text = (name: string) => single(name, options[name] as OptionText);
  const engine = text('engine');
  if (engine !== 'cowbench' && options.requesters !== undefined)
    throw new UsageError(`--requesters: not with --engine ${engine}, which is sent one request at a time`);
  if (engine === 'qemu') {
    const unfit = ['policy', 'stage', 'preparation'].find((name) => options[name] !== undefined);
    if (unfit !== undefined) throw new UsageError(`--${unfit}: not with --engine qemu, which has one policy, its own`);
    return [(signal) => exploreQemu(options, signal)];
  }
  if (engine.startsWith('nbd:')) return [(signal) => exploreServer(engine.slice('nbd:'.length), options, signal)];
  if (engine !== 'cowbench') throw new UsageError(unknownWord('engine', engine, ['cowbench', 'qemu']));
  const policy = options.policy === undefined ? 'all' : text('policy');
  const subjects = withPreparation(
    chooseSubjects(policy, options.stage === undefined ? null : text('stage')),
    options.preparation === undefined ? null : text('preparation'),
  );
  return subjects.map((subject) => (signal) => explorePolicy(subject, options, signal));
}

async function explorePolicy(subject: CrashSubject, options: Options, signal: AbortSignal): Promise<Result> {
  const { works, limits } = await planWork(options);
  const name = subjectName(subject);
  const jobs = works.map((work) => ({ subject, work, options: limits }));
  const progress = new WorkProgress(jobs.length, `parts of ${name}`, options.quiet === true);
  const tally = await exploreJobs(jobs, { signal, onDone: () => progress.next() }).finally(() => progress.end());
  const stories = storiesOf(tally, (found) => recordWorkload(found.workload, found.subject));
  return { name, subject, tally, stories, leftOut: [] };
}

/** Any program that serves an image, on a file that is recorded. */
async function exploreServer(command: string, options: Options, signal: AbortSignal): Promise<Result> {
  if (formatOfCommand(command) !== 'qcow2')
    throw new UsageError('--engine nbd: crash states are judged of qcow2 images only');
  const { works, limits } = await planWork(options);
  const program = {
    name: programOf(command),
    whyNot: whyNotByServer,
    record: (workload: CrashWorkload) => recordByServer(workload, command),
  };
  return foreignResult('nbd', await exploreByProgram(program, works, limits, signal), signal);
}

async function exploreQemu(options: Options, signal: AbortSignal): Promise<Result> {
  const { works, limits } = await planWork(options);
  return foreignResult('qemu', await exploreByQemu(works, limits, signal), signal);
}

function foreignResult(engine: 'qemu' | 'nbd', { name, tally, leftOut }: QemuExploration, signal: AbortSignal): Result {
  const [first] = leftOut;
  if (!signal.aborted && tally.workloads === 0 && first !== undefined)
    throw new UsageError(`--engine ${engine}, workload ${first.workload.name}: ${first.reason}`);
  const stories = storiesOf(tally, (found) => found.subject);
  return { name, subject: { engine }, tally, stories, leftOut };
}

function chooseSubjects(policyText: string, stageText: string | null): CrashSubject[] {
  const known = policyNames();
  const names = policyText === 'all' ? known : list('policy', policyText);
  const stage = stageText === null ? null : findStage(stageText);
  if (stageText !== null && stage === null) throw new UsageError(unknownWord('stage', stageText, STAGE_IDS));
  return names.map((name) => {
    const policy = known.find((candidate) => candidate === name);
    if (policy === undefined) throw new UsageError(unknownWord('policy', name, known));
    return { policy, stage: stage?.id ?? null, hostCacheMode: null };
  });
}

function withPreparation(subjects: CrashSubject[], word: string | null): CrashSubject[] {
  if (word === null) return subjects;
  const preparation = preparationNamed('preparation', word);
  refuseUnlessReserved(
    'preparation',
    subjects.map(({ policy }) => policy),
  );
  return subjects.map((subject) =>
    policyNamed(subject.policy).reserves === true ? { ...subject, reserve: { preparation } } : subject,
  );
}

type Works = readonly ExplorationJob['work'][];

async function planWork(options: Options): Promise<{ works: Works; limits: ExploreOptions }> {
  const text = (name: string) => single(name, options[name] as OptionText);
  const clusterSizeBytes = clusterSize('cluster-size', text('cluster-size'));
  const seed = integer('seed', text('seed'), 0);
  const limits = { statesPerPoint: integer('states', text('states'), 2, 2 ** 22), seed };
  const tables = options['cache-tables'] === undefined ? null : integer('cache-tables', text('cache-tables'), 1, 1024);
  const cacheTables = tables === null ? null : { l2: tables, refcounts: tables };
  const inFlight = options.requesters !== undefined && {
    requesters: integer('requesters', text('requesters'), 1, MOST_REQUESTERS),
  };
  if (text('workload') !== 'sequences') {
    const limit = integer('limit', text('limit'), 1, 10_000);
    const shape = { clusterSizeBytes, cacheTables };
    const workload = await crashWorkload(text('workload'), shape, seed, limit, inFlight ? inFlight.requesters : 1);
    return { works: [{ workload: { ...workload, ...inFlight } }], limits };
  }
  const maxLength = integer('length', text('length'), 1, 3);
  const works = OPERATIONS.flatMap(({ name }) =>
    ['shared', 'plain'].map((start) => ({
      space: { clusterSizeBytes, cacheTables, start, first: name, maxLength, ...inFlight },
    })),
  );
  return { works, limits };
}

function storiesOf<Subject>(
  { examples }: Tally<Subject>,
  recordingOf: (found: FoundExample<Subject>) => CrashRecording,
): Story[] {
  const kinds = FINDING_CLASSES.filter((kind) => isViolation(kind) && examples[kind] !== undefined);
  return kinds.map((kind) => ({ kind, lines: tellStory(recordingOf(examples[kind]!), examples[kind]!.example) }));
}

function jsonOf({ name, subject, stories, leftOut, tally: { examples: _, ...tally } }: Result): object {
  const left = leftOut.map(({ workload, reason }) => ({ workload: workload.name, reason }));
  return { name, subject, stories, tally, ...(left.length > 0 && { leftOut: left }) };
}

function subjectName({ policy, stage, reserve }: CrashSubject): string {
  return [policy, stage, reserve?.preparation].filter((word) => word != null).join(' ');
}

function printResults(results: readonly Result[]): void {
  const header = [
    'policy',
    'workloads',
    'crash points',
    'exhaustive',
    'states',
    'distinct',
    ...FINDING_CLASSES,
    'max leaks',
  ];
  const rows = results.map(({ name, tally }) => [
    name,
    ...[tally.workloads, tally.points, tally.exhaustivePoints, tally.states, tally.distinctStates].map(String),
    ...FINDING_CLASSES.map((kind) => String(tally.findings[kind])),
    String(tally.maxLeakedClusters),
  ]);
  for (const line of textTable(header, rows, stdoutTerminal().width)) console.log(line);
  for (const { name, stories, tally, leftOut } of results) {
    if (tally.firstFailure !== null)
      console.log(`\n${name}: ${tally.failedRequests} requests failed; ${tally.firstFailure}`);
    for (const [reason, [first, ...more]] of Map.groupBy(leftOut, (one) => one.reason))
      console.log(
        `\n${name}: left out "${first!.workload.name}"${more.length > 0 ? ` and ${more.length} more` : ''}: ${reason}`,
      );
    for (const { kind, lines } of stories.slice(0, 1)) {
      console.log(`\n${name}, the simplest violation (${kind}):`);
      for (const line of lines) console.log(`  ${line}`);
    }
  }
}
