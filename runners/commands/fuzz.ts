/** `cowbench fuzz`: damaged images for the engine, by the million, watched for hangs, memory, exceptions and damage done. */
import os from 'node:os';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { EXIT_CODES, oneLine, UsageError } from '../console/errors.ts';
import { costLine, lengthText, sharedMs } from '../console/expected-cost.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { integer, type OptionText, single } from '../console/option-values.ts';
import { WorkProgress } from '../console/work-progress.ts';
import { describeSource } from '../machine/source.ts';
import type { FuzzImage } from '../safety/fuzz/fuzz-plan.ts';
import { FuzzPart, FuzzShardPlan, partName, rangeOf } from '../safety/fuzz/fuzz-shards.ts';
import { loadReproducer } from '../safety/fuzz/reproducer.ts';
import { baseImageNames, type FuzzSummary, imageOf, runFuzz, sumOfRuns, tryAgain } from '../safety/fuzz/run-fuzz.ts';
import { checkedValue, mergePartFiles, requireKnownProgram, writePartFile } from '../shards/part-file.ts';
import type { Shard } from '../shards/shard.ts';
import { requireDefaults, SHARD_OPTIONS, shardChoice } from '../shards/shard-options.ts';

const KIND = 'fuzz';
const SEEDS = 2 ** 21;
const JOBS_MAX = 64;
const IMAGES_MAX = 2 ** 30;
/** Of one worker, on a core of a server processor: 9.7 s of CPU for 2000 images, the base images included; 5.6 ms each of 20 000. */
const MS_PER_IMAGE = 6;
/** More of a patch says nothing to people. */
const SHOWN_BYTES = 16;

const PLAN_OPTIONS = {
  images: { ...value('N'), default: '20000', describe: 'number of images' },
  from: { ...value('N'), default: '0', describe: 'start at image N of the seed' },
  seed: { ...value('N'), describe: '0 to 2097151; the same seed gives the same images [default: random]' },
} as const;

interface Options extends Readonly<Record<string, unknown>> {
  readonly images: string;
  readonly from: string;
  readonly only: string | undefined;
  readonly seed: string | undefined;
  readonly jobs: string;
  readonly dir: string;
  readonly replay: string | undefined;
  readonly json: boolean | undefined;
}

export const fuzz: CommandModule<object, Options> = {
  command: 'fuzz',
  describe: 'feed damaged images to the engine and watch for hangs, exceptions and further damage',
  builder: (yargs) =>
    yargs
      .option('images', PLAN_OPTIONS.images)
      .option('from', PLAN_OPTIONS.from)
      .option('only', {
        ...value('N'),
        describe: 'try only image N of the seed and list its mutations; needs --seed',
      })
      .option('seed', PLAN_OPTIONS.seed)
      .option('jobs', { ...value('N'), default: '2', describe: 'number of worker processes' })
      .option('dir', { ...value('DIR'), default: 'fuzz-findings', describe: 'where failing inputs are saved' })
      .option('replay', { ...value('FILE'), describe: 'try one saved input instead' })
      .options(SHARD_OPTIONS)
      .option('out', { ...value('FILE'), describe: 'where --shard puts its result' })
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .example(
        '$0 fuzz --images 1000000',
        `the long form, about ${lengthText(sharedMs(1e6, MS_PER_IMAGE, 2))} on two cores`,
      )
      .example('$0 fuzz --replay fuzz-findings/fuzz-1-4711.json', 'retry a saved input')
      .example('$0 fuzz --images 1000000 --seed 1 --shard 2/7 --out part-2.json', 'one seventh, on any machine')
      .example('$0 fuzz --merge part-*.json', 'what all seven found')
      .example('$0 fuzz --seed 1 --only 4711', 'the same input by its number, while the base images stay the same'),
  handler: async (options) => {
    if (options.replay !== undefined) return replay(single('replay', options.replay));
    if (options.only !== undefined) return tryOnly(options);
    const choice = shardChoice(options);
    if (choice.kind === 'merge') return merge(choice.files, options);
    const plan = planOf(options, choice.kind === 'shard');
    const shard = choice.kind === 'shard' ? choice.shard : null;
    const run = await runRange(plan, shard === null ? plan : rangeOf(plan, shard), options);
    if (run.exitCode === null && shard !== null) writePart(plan, shard, run.result, options);
    conclude(run.result, options);
    if (run.exitCode !== null) process.exitCode = run.exitCode;
  },
};

function planOf(options: Options, isShard: boolean): Omit<FuzzShardPlan, 'bases'> {
  if (isShard) requireKnownProgram(describeSource());
  if (isShard && options.seed === undefined) throw new UsageError('--shard needs --seed: all shards are of one seed');
  return {
    images: integer('images', single('images', options.images), 1, IMAGES_MAX),
    from: integer('from', single('from', options.from), 0, IMAGES_MAX),
    seed: options.seed === undefined ? Math.floor(Math.random() * SEEDS) : seedOf(options.seed),
  };
}

async function runRange(
  { seed }: { readonly seed: number },
  { from, images }: { readonly from: number; readonly images: number },
  options: Options,
): Promise<{ readonly result: FuzzSummary; readonly exitCode: number | null }> {
  const jobs = integer('jobs', single('jobs', options.jobs), 1, JOBS_MAX);
  const directory = path.resolve(single('dir', options.dir));
  const interruption = new Interruption();
  console.error(`seed ${seed}, ${images} images${from === 0 ? '' : ` from number ${from}`}, ${jobs} at a time`);
  if (options.json !== true) console.error(fuzzCost(images, jobs, directory));
  const progress = new WorkProgress(images, 'images');
  try {
    const onProgress = (done: number) => progress.reached(done);
    const result = await runFuzz({ images, from, seed, jobs, directory, onProgress, signal: interruption.signal });
    return { result, exitCode: interruption.exitCode };
  } finally {
    progress.end();
    interruption.release();
  }
}

function fuzzCost(images: number, jobs: number, directory: string): string {
  const work = `${images} images at ${MS_PER_IMAGE} ms, ${jobs} at a time`;
  const disk = `only findings are written, to ${directory}`;
  const workers = Math.min(jobs, os.availableParallelism());
  return costLine({ ms: sharedMs(images, MS_PER_IMAGE, workers), work, disk });
}

function writePart(plan: Omit<FuzzShardPlan, 'bases'>, shard: Shard, result: FuzzSummary, options: Options): void {
  const out = path.resolve(single('out', options.out as OptionText));
  const whole: FuzzShardPlan = { ...plan, bases: baseImageNames() };
  const program = describeSource();
  writePartFile(out, shard, { kind: KIND, program, plan: whole }, new Map([[partName(rangeOf(plan, shard)), result]]));
  console.error(`written: ${out}`);
}

/** Says what one run over all images would have said. */
function merge(files: readonly string[], options: Options): void {
  requireDefaults(options, PLAN_OPTIONS, Object.keys(PLAN_OPTIONS));
  const { plan, parts } = mergePartFiles(files, {
    ...{ kind: KIND, program: describeSource(), plan: FuzzShardPlan },
    shareOf: (of, shard) => new Set([partName(rangeOf(of, shard))]),
  });
  const runs = [...parts].map(([name, part]) => checkedValue(name, part, FuzzPart));
  const [first, ...others] = runs.map((run): FuzzSummary => ({ ...run, seed: plan.seed, baseNames: plan.bases }));
  conclude(sumOfRuns([first!, ...others]), options);
}

function conclude(result: FuzzSummary, options: Options): void {
  for (const line of options.json ? [JSON.stringify(result)] : linesOf(result)) console.log(line);
  if (result.defects.length > 0) process.exitCode = EXIT_CODES.finding;
}

async function replay(file: string): Promise<void> {
  await tryAndSay(loadReproducer(file));
}

async function tryOnly(options: Options): Promise<void> {
  if (options.seed === undefined) throw new UsageError('--only needs --seed: a number names an image of a seed');
  const index = integer('only', single('only', options.only!), 0, IMAGES_MAX);
  const image = imageOf(seedOf(options.seed), index);
  const { baseName, base, damage } = image;
  const cut = damage.sizeBytes === base.length ? '' : `, made ${damage.sizeBytes}`;
  console.log(`image ${index}: ${baseName}, ${base.length} bytes${cut}`);
  for (const { name, offset, bytes } of damage.patches) {
    const more = bytes.length > SHOWN_BYTES ? ` and ${bytes.length - SHOWN_BYTES} more bytes` : '';
    console.log(`  ${name} at ${offset}: ${Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString('hex')}${more}`);
  }
  await tryAndSay(image);
}

function seedOf(text: string): number {
  return integer('seed', single('seed', text), 0, SEEDS - 1);
}

async function tryAndSay(image: FuzzImage): Promise<void> {
  const found = await tryAgain(image);
  if (found === null) return console.log('every property holds');
  console.log(`${found.property}, at ${found.step}: ${oneLine(found.message)}`);
  console.log(found.stack);
  process.exitCode = EXIT_CODES.finding;
}

function linesOf({ done, defects, outcomes, missedFields, peakMemoryBytes, seed }: FuzzSummary): string[] {
  const lines = [
    `${done} images, seed ${seed}: ${outcomes.refused} refused, ${outcomes.readable} readable only, ${outcomes.writable} writable`,
    `peak memory of a worker process ${Math.ceil(peakMemoryBytes / 1024 ** 2)} MiB`,
  ];
  if (missedFields.length > 0) lines.push(`fields not reached yet: ${oneLine(missedFields.join(', '))}`);
  for (const defect of defects) {
    lines.push(`${defect.property}, at ${defect.step}: ${oneLine(defect.message)}`);
    lines.push(
      oneLine(
        `${defect.images} images, the first ${defect.firstIndex} (${defect.baseName}): ${defect.reproducer ?? 'not saved'}`,
      ),
    );
  }
  lines.push(defects.length === 0 ? 'every property held' : `${defects.length} defects`);
  return lines;
}
