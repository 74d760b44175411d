/** `cowbench crash`: in which states can a power cut leave the file, and what breaks in them? */
import type { CommandModule } from 'yargs';
import { POLICIES, type PolicyName, STAGE_IDS, type StageId, WHAT_IF_STAGE_IDS } from '../../engine/index.ts';
import { exploreJobs } from '../crash/exploration-pool.ts';
import type { ExplorationJob } from '../crash/jobs.ts';
import { crashWorkload, NAMED_WORKLOADS } from '../crash/named-workloads.ts';
import { OPERATIONS } from '../crash/operation-table.ts';
import { type CrashSubject, recordWorkload } from '../crash/record-workload.ts';
import { tellStory } from '../crash/story.ts';
import type { Tally } from '../crash/tally.ts';
import { FINDING_CLASSES, type FindingClass, isViolated, isViolation } from '../crash/verdict.ts';
import { EXIT_CODES, UsageError } from '../errors.ts';
import { clusterSize, integer, list, type OptionText, single } from '../option-values.ts';
import { unknownWord } from '../suggest.ts';
import { textTable } from '../text-table.ts';

const value = { type: 'string', requiresArg: true } as const;

const OPTIONS = {
  workload: {
    ...value,
    alias: 'w',
    default: 'sequences',
    describe:
      'sequences (all short sequences of operations), one of the list below, ops:OPERATION,..., or a workload of bench',
  },
  policy: { ...value, alias: 'p', default: 'all', describe: 'policies, comma-separated, or all' },
  stage: { ...value, describe: "point of history [default: each policy's own]" },
  'cluster-size': { ...value, default: '4k', describe: 'cluster size of the image' },
  'cache-tables': { ...value, describe: 'L2 tables and refcount blocks held in memory [default: as the stage had]' },
  states: { ...value, default: '65536', describe: 'states tried at one point; where there are more, a sample' },
  length: { ...value, default: '2', describe: 'operations in a sequence, 1 to 3' },
  limit: { ...value, default: '48', describe: 'requests taken from a workload of bench' },
  seed: { ...value, default: '1', describe: 'decides samples' },
  json: { type: 'boolean', describe: 'print the numbers and the counter-examples as one JSON document' },
} as const;

type Options = Record<string, unknown>;

export const crash: CommandModule<object, Options> = {
  command: 'crash',
  describe: 'build the states in which a power cut could leave the image, and judge each one',
  builder: (yargs) =>
    yargs
      .options(OPTIONS)
      .epilogue(`Workloads:\n${NAMED_WORKLOADS.map(({ name, summary }) => `  ${name}: ${summary}`).join('\n')}`)
      .epilogue(`Operations: ${OPERATIONS.map(({ name }) => name).join(', ')}`)
      .example('$0 crash', 'all sequences of two operations, all policies')
      .example(
        '$0 crash -w after-snapshot -p writeback --stage S3',
        'a defect of history, with the story of how it happens',
      )
      .example('$0 crash -w ops:shared/discard,alloc -p writeback', 'operations of your choice, after a snapshot'),
  handler: (options) => runCrashCommand(options),
};

/** Explores and prints; exit code 1 when a promise was broken. */
export async function runCrashCommand(options: Options): Promise<void> {
  const text = (name: string) => single(name, options[name] as OptionText);
  const subjects = chooseSubjects(text('policy'), options.stage === undefined ? null : text('stage'));
  const results: { subject: CrashSubject; tally: Tally; stories: Story[] }[] = [];
  for (const subject of subjects) {
    const startMs = performance.now();
    const tally = await exploreJobs(await planJobs(subject, options));
    const seconds = (performance.now() - startMs) / 1000;
    const stories = options.json === true ? storiesOf(tally) : storiesOf(tally).slice(0, 1);
    results.push({ subject, tally, stories });
    if (options.json !== true)
      console.error(`${subjectName(subject)}: ${tally.states} states in ${seconds.toFixed(1)} s`);
  }
  if (options.json === true)
    console.log(JSON.stringify(results.map(({ tally: { examples: _, ...tally }, ...rest }) => ({ ...rest, tally }))));
  else printResults(results);
  if (results.some(({ tally }) => isViolated(tally.findings))) process.exitCode = EXIT_CODES.finding;
}

function chooseSubjects(policyText: string, stageText: string | null): CrashSubject[] {
  const known = Object.keys(POLICIES) as PolicyName[];
  const names = policyText === 'all' ? known : list('policy', policyText);
  const stage = stageText === null ? null : [...STAGE_IDS, ...WHAT_IF_STAGE_IDS].find((id) => id === stageText);
  if (stage === undefined) throw new UsageError(unknownWord('stage', stageText!, STAGE_IDS));
  return names.map((name) => {
    const policy = known.find((candidate) => candidate === name);
    if (policy === undefined) throw new UsageError(unknownWord('policy', name, known));
    return { policy, stage: stage as StageId | null, hostCacheMode: null };
  });
}

async function planJobs(subject: CrashSubject, options: Options): Promise<ExplorationJob[]> {
  const text = (name: string) => single(name, options[name] as OptionText);
  const clusterSizeBytes = clusterSize('cluster-size', text('cluster-size'));
  const seed = integer('seed', text('seed'), 0);
  const budget = { statesPerPoint: integer('states', text('states'), 2, 2 ** 22), seed };
  const tables = options['cache-tables'] === undefined ? null : integer('cache-tables', text('cache-tables'), 1, 1024);
  const cacheTables = tables === null ? null : { l2: tables, refcounts: tables };
  if (text('workload') !== 'sequences') {
    const limit = integer('limit', text('limit'), 1, 10_000);
    const workload = await crashWorkload(text('workload'), { clusterSizeBytes, cacheTables }, seed, limit);
    return [{ subject, work: { workload }, options: budget }];
  }
  const maxLength = integer('length', text('length'), 1, 3);
  return OPERATIONS.flatMap(({ name }) =>
    ['shared', 'plain'].map((start) => ({
      subject,
      work: { space: { clusterSizeBytes, cacheTables, start, first: name, maxLength } },
      options: budget,
    })),
  );
}

interface Story {
  readonly kind: FindingClass;
  readonly lines: readonly string[];
}

/** Violations first, the simplest of each class. */
function storiesOf(tally: Tally): Story[] {
  const kinds = [...FINDING_CLASSES].filter((kind) => isViolation(kind) && tally.examples[kind] !== undefined);
  return kinds.map((kind) => {
    const { subject, workload, example } = tally.examples[kind]!;
    return { kind, lines: tellStory(recordWorkload(workload, subject), example) };
  });
}

function subjectName({ policy, stage }: CrashSubject): string {
  return stage === null ? policy : `${policy} ${stage}`;
}

function printResults(results: readonly { subject: CrashSubject; tally: Tally; stories: Story[] }[]): void {
  const header = ['policy', 'workloads', 'points', 'exhaustive', 'states', 'distinct', ...FINDING_CLASSES, 'max leaks'];
  const rows = results.map(({ subject, tally }) => [
    subjectName(subject),
    ...[tally.workloads, tally.points, tally.exhaustivePoints, tally.states, tally.distinctStates].map(String),
    ...FINDING_CLASSES.map((kind) => String(tally.findings[kind])),
    String(tally.maxLeakedClusters),
  ]);
  for (const line of textTable(header, rows)) console.log(line);
  for (const { subject, stories, tally } of results) {
    if (tally.firstFailure !== null)
      console.log(`\n${subjectName(subject)}: ${tally.failedRequests} requests failed; ${tally.firstFailure}`);
    for (const { kind, lines } of stories) {
      console.log(`\n${subjectName(subject)}, the simplest state that is "${kind}":`);
      for (const line of lines) console.log(`  ${line}`);
    }
  }
}
