/** `cowbench submit`: queues a plan for the workers of the fleet. */
import { randomBytes } from 'node:crypto';
import type { Argv, CommandModule } from 'yargs';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { integer, type OptionText, single } from '../console/option-values.ts';
import { type Job, jobOf } from '../fleet/job.ts';
import { JobQueue, queueOf } from '../fleet/queue.ts';
import { describeSource } from '../machine/source.ts';
import { COMMIT_WORKLOAD, withPatience, withWorkload } from '../measure/commits/compare-plan.ts';
import { resolveRevision } from '../measure/commits/git.ts';
import { type BenchOptions, withBenchOptions } from '../measure/plan/bench-options.ts';
import type { BenchPlan } from '../measure/plan/plan.ts';
import { planOf } from '../measure/plan/plan-options.ts';
import { separatePlans } from '../measure/plan/sweep.ts';
import { baseImageNames } from '../safety/fuzz/run-fuzz.ts';
import { SAFETY_PLAN_OPTIONS, safetyPlanOf } from '../safety/record/plan-options.ts';
import { requireKnownProgram } from '../shards/part-file.ts';
import { MOST_SHARDS } from '../shards/shard.ts';
import { STORE_VARIABLE, storeAddress } from '../stores/connection.ts';
import { storePlace } from '../stores/open-store.ts';

type Options = Readonly<Record<string, unknown>>;

const FUZZ_SEEDS = 2 ** 21;
const IMAGES_MAX = 2 ** 30;

const WHERE = {
  store: { ...value('ADDRESS'), describe: `database of the fleet, postgres://… [default: ${STORE_VARIABLE}]` },
  priority: { ...value('N'), default: '0', describe: 'jobs with a higher priority come first' },
} as const;
const SHARDS = {
  ...value('N'),
  default: '16',
  describe: 'jobs to split it into; several per worker balance better',
} as const;

/** What a worker refuses to do for others, or what makes no sense there. */
const REFUSED = [
  ...['dir', 'out', 'resume', 'report', 'json', 'format', 'keep-images', 'export-device-trace', 'cpu-prof', 'quiet'],
];

export const submit: CommandModule = {
  command: 'submit',
  describe: 'queue a bench, a comparison of commits, a safety record or a fuzzing run for the workers of a fleet',
  builder: (yargs) =>
    yargs
      .command(benchJob as CommandModule)
      .command(compareJob as CommandModule)
      .command(safetyJob as CommandModule)
      .command(fuzzJob as CommandModule)
      .demandCommand(1, 'submit needs what to do: bench, compare, safety or fuzz')
      .example('$0 submit bench --workload install --label nvme', 'on a disk of that label, one benchmark at a time')
      .example('$0 submit safety --length 3 --shards 32', 'on all cores of all workers; prints how to merge')
      .epilogue('A job is a plan, checked by the worker, which does only those of its own commit.') as Argv,
  handler: () => {},
};

const LABEL = {
  ...value('LABEL'),
  describe: 'of the disk to measure, as a worker names it',
  demandOption: true,
} as const;

const benchJob: CommandModule<object, BenchOptions> = {
  command: 'bench',
  describe: 'queue a benchmark',
  builder: (yargs) =>
    withBenchOptions(yargs, REFUSED)
      .options(WHERE)
      .option('label', LABEL)
      .example('$0 submit bench --workload install-burst --data 16M --label nvme', 'a comparison stays on one machine'),
  handler: async (options) => {
    const label = labelOf(options);
    const jobs = separatePlans({ ...options, report: false }, []).map((plan) =>
      newJob({ kind: 'bench', plan: measuredPart(plan) }),
    );
    await queueAll(jobs, label, options);
  },
};

const compareJob: CommandModule<object, BenchOptions> = {
  command: 'compare <base> <head>',
  describe: 'queue a comparison of two commits, in one interleaved run on one machine',
  builder: (yargs) =>
    withBenchOptions(yargs, [...REFUSED, 'engine'])
      .positional('base', { type: 'string', describe: 'commit to compare with', demandOption: true })
      .positional('head', { type: 'string', describe: 'commit to judge', demandOption: true })
      .options(WHERE)
      .option('label', LABEL)
      .option('time-budget', { defaultDescription: '10m' })
      .default('workload', undefined, COMMIT_WORKLOAD.join(' --data '))
      .epilogue('A worker runs commits that are in the history of its checkout, and no others.')
      .example('$0 submit compare main~1 main --label nvme', 'did the last commit change anything on nvme?'),
  handler: async (options) => {
    const label = labelOf(options);
    const [base, head] = [options.base, options.head].map((name) => resolveRevision(String(name)).commit);
    const plan = withPatience(planOf(withWorkload({ ...options, report: false }), []), options);
    await queueAll([newJob({ kind: 'compare', plan: measuredPart(plan), base: base!, head: head! })], label, options);
  },
};

function labelOf(options: Options): string {
  const label = single('label', options.label as OptionText);
  if (/^[\w-]{1,40}$/.test(label)) return label;
  throw new UsageError(`--label "${label}": expected letters, digits and -`);
}

/** Where images go, and what else happens, the worker decides. */
function measuredPart({ workload, cells, baselines, rounds, pace, crash }: BenchPlan): object {
  return { workload, cells, baselines, rounds, pace, crash };
}

const safetyJob: CommandModule<object, Options> = {
  command: 'safety',
  describe: 'queue a safety record, in shards',
  builder: (yargs) =>
    yargs
      .options({ ...SAFETY_PLAN_OPTIONS, shards: SHARDS, ...WHERE })
      .example('$0 submit safety --length 3 --shards 32', 'explorations, mutants and barriers'),
  handler: (options) => queueShards({ kind: 'safety', plan: safetyPlanOf(options) }, options),
};

const fuzzJob: CommandModule<object, Options> = {
  command: 'fuzz',
  describe: 'queue a fuzzing run, in shards',
  builder: (yargs) =>
    yargs
      .option('images', { ...value('N'), default: '1000000', describe: 'number of images' })
      .option('seed', { ...value('N'), default: '1', describe: '0 to 2097151' })
      .options({ shards: SHARDS, ...WHERE })
      .example('$0 submit fuzz --images 10000000 --seed 7 --shards 64', 'ten million damaged images'),
  handler: (options) => {
    const images = integer('images', single('images', options.images as OptionText), 1, IMAGES_MAX);
    const seed = integer('seed', single('seed', options.seed as OptionText), 0, FUZZ_SEEDS - 1);
    return queueShards({ kind: 'fuzz', plan: { images, from: 0, seed, bases: baseImageNames() } }, options);
  },
};

/** The members of a job that are its own; `jobOf` checks them. */
interface What {
  readonly kind: Job['kind'];
  readonly plan: object;
  readonly shard?: object;
  readonly base?: string;
  readonly head?: string;
}

function newJob(what: What, work = newWork(what.kind)): Job {
  const program = describeSource();
  requireKnownProgram(program);
  return jobOf(JSON.parse(JSON.stringify({ ...what, work, program })));
}

function newWork(kind: string): string {
  return `${kind}-${randomBytes(4).toString('hex')}`;
}

async function queueShards(what: What, options: Options): Promise<void> {
  const count = integer('shards', single('shards', options.shards as OptionText), 1, MOST_SHARDS);
  const work = newWork(what.kind);
  const jobs = Array.from({ length: count }, (_, place) =>
    newJob({ ...what, shard: { index: place + 1, count } }, work),
  );
  await queueAll(jobs, null, options);
  console.log(
    `when all are done: cowbench fleet --parts ${work} --out DIR; cowbench ${what.kind} --merge DIR/part-*.json`,
  );
}

async function queueAll(jobs: readonly Job[], label: string | null, options: Options): Promise<void> {
  const priority = integer('priority', single('priority', options.priority as OptionText), 0, 1000);
  await using queue = await JobQueue.open(storeAddress(storePlace(options.store)));
  for (const job of jobs) await queue.submit(job, label, priority);
  const [first] = jobs;
  await queue.announce(queueOf(label, first!.program));
  console.log(`${jobs.length} ${jobs.length === 1 ? 'job' : 'jobs'} queued: ${first!.work}`);
}
