/** `cowbench fuzz`: damaged images for the engine, by the million, watched for hangs, memory, exceptions and damage done. */
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { EXIT_CODES, oneLine, UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { integer, single } from '../console/option-values.ts';
import { WorkProgress } from '../console/work-progress.ts';
import type { FuzzImage } from '../safety/fuzz/fuzz-plan.ts';
import { loadReproducer } from '../safety/fuzz/reproducer.ts';
import { type FuzzResult, imageOf, runFuzz, tryAgain } from '../safety/fuzz/run-fuzz.ts';

const SEEDS = 2 ** 21;
const JOBS_MAX = 64;
const IMAGES_MAX = 2 ** 30;
/** More of a patch says nothing to people. */
const SHOWN_BYTES = 16;

interface Options {
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
      .option('images', { ...value('N'), default: '20000', describe: 'number of images' })
      .option('from', { ...value('N'), default: '0', describe: 'start at image N of the seed' })
      .option('only', {
        ...value('N'),
        describe: 'try only image N of the seed and list its mutations; needs --seed',
      })
      .option('seed', {
        ...value('N'),
        describe: '0 to 2097151; the same seed gives the same images [default: random]',
      })
      .option('jobs', { ...value('N'), default: '2', describe: 'number of worker processes' })
      .option('dir', { ...value('DIR'), default: 'fuzz-findings', describe: 'where failing inputs are saved' })
      .option('replay', { ...value('FILE'), describe: 'try one saved input instead' })
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .example('$0 fuzz --images 1000000', 'the long form, an hour or more')
      .example('$0 fuzz --replay fuzz-findings/fuzz-1-4711.json', 'retry a saved input')
      .example('$0 fuzz --seed 1 --only 4711', 'the same input by its number, while the base images stay the same'),
  handler: async (options) => {
    if (options.replay !== undefined) return replay(single('replay', options.replay));
    if (options.only !== undefined) return tryOnly(options);
    const images = integer('images', single('images', options.images), 1, IMAGES_MAX);
    const from = integer('from', single('from', options.from), 0, IMAGES_MAX);
    const jobs = integer('jobs', single('jobs', options.jobs), 1, JOBS_MAX);
    const seed = options.seed === undefined ? Math.floor(Math.random() * SEEDS) : seedOf(options.seed);
    const directory = path.resolve(single('dir', options.dir));
    const interruption = new Interruption();
    console.error(`seed ${seed}, ${images} images${from === 0 ? '' : ` from number ${from}`}, ${jobs} at a time`);
    const progress = new WorkProgress(images, 'images');
    try {
      const onProgress = (done: number) => progress.reached(done);
      const result = await runFuzz({ images, from, seed, jobs, directory, onProgress, signal: interruption.signal });
      progress.end();
      for (const line of options.json ? [jsonOf(result)] : linesOf(result)) console.log(line);
      if (result.defects.length > 0) process.exitCode = EXIT_CODES.finding;
      if (interruption.exitCode !== null) process.exitCode = interruption.exitCode;
    } finally {
      progress.end();
      interruption.release();
    }
  },
};

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

function jsonOf({ damaged: _damaged, ...result }: FuzzResult): string {
  return JSON.stringify(result);
}

function linesOf({ done, defects, outcomes, missedFields, peakMemoryBytes, seed }: FuzzResult): string[] {
  const lines = [
    `${done} images, seed ${seed}: ${outcomes.refused} refused, ${outcomes.readable} readable only, ${outcomes.writable} writable`,
    `peak memory of a worker process ${Math.ceil(peakMemoryBytes / 1024 ** 2)} MiB`,
  ];
  if (missedFields.length > 0) lines.push(`fields not reached yet: ${missedFields.join(', ')}`);
  for (const defect of defects) {
    lines.push(`${defect.property}, at ${defect.step}: ${oneLine(defect.message)}`);
    lines.push(
      `  ${defect.images} images, the first ${defect.firstIndex} (${defect.baseName}): ${defect.reproducer ?? 'not saved'}`,
    );
  }
  lines.push(defects.length === 0 ? 'every property held' : `${defects.length} defects`);
  return lines;
}
