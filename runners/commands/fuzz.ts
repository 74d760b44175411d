/** `cowbench fuzz`: damaged images for the engine, by the million, watched for hangs, memory, exceptions and damage done. */
import path from 'node:path';
import { SingleBar } from 'cli-progress';
import type { CommandModule } from 'yargs';
import { EXIT_CODES, oneLine } from '../errors.ts';
import { loadReproducer } from '../fuzz/reproducer.ts';
import { type FuzzResult, runFuzz } from '../fuzz/run-fuzz.ts';
import { tryImage } from '../fuzz/worker-process.ts';
import { Interruption } from '../interruption.ts';
import { integer, single } from '../option-values.ts';

const value = { type: 'string', requiresArg: true } as const;
const SEEDS = 2 ** 21;
const JOBS_MAX = 64;
const HANG_MS = 2000;
const LINE_INTERVAL_MS = 10_000;

interface Options {
  readonly images: string;
  readonly seed: string | undefined;
  readonly jobs: string;
  readonly dir: string;
  readonly replay: string | undefined;
  readonly json: boolean | undefined;
}

export const fuzz: CommandModule<object, Options> = {
  command: 'fuzz',
  describe: 'feed the engine damaged images and watch what it does',
  builder: (yargs) =>
    yargs
      .option('images', { ...value, default: '20000', describe: 'how many images' })
      .option('seed', {
        ...value,
        describe: 'from 0 to 2097151; the same seed damages the same images [default: random]',
      })
      .option('jobs', { ...value, default: '2', describe: 'worker processes' })
      .option('dir', { ...value, default: 'fuzz-findings', describe: 'where found inputs are saved' })
      .option('replay', { ...value, describe: 'try the one input of a saved file instead' })
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .example('$0 fuzz --images 1000000', 'the long form, an hour or more')
      .example('$0 fuzz --replay fuzz-findings/fuzz-1-4711.json', 'does this still happen?'),
  handler: async (options) => {
    if (options.replay !== undefined) return replay(single('replay', options.replay));
    const images = integer('images', single('images', options.images), 1, 2 ** 30);
    const jobs = integer('jobs', single('jobs', options.jobs), 1, JOBS_MAX);
    const seed =
      options.seed === undefined
        ? Math.floor(Math.random() * SEEDS)
        : integer('seed', single('seed', options.seed), 0, SEEDS - 1);
    const directory = path.resolve(single('dir', options.dir));
    const interruption = new Interruption();
    console.error(`seed ${seed}, ${images} images, ${jobs} at a time`);
    const progress = new Progress(images);
    try {
      const onProgress = (done: number) => progress.show(done);
      const result = await runFuzz({ images, seed, jobs, directory, onProgress, signal: interruption.signal });
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
  const exerciseModule = new URL('../fuzz/exercise.ts', import.meta.url).href;
  const found = await tryImage(loadReproducer(file), HANG_MS, exerciseModule);
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

/** A bar on a terminal, a line now and then elsewhere. */
class Progress {
  readonly #images: number;
  readonly #bar: SingleBar | null;
  #lastMs = performance.now();

  constructor(images: number) {
    this.#images = images;
    this.#bar = process.stderr.isTTY ? newBar() : null;
    this.#bar?.start(images, 0);
  }

  show(done: number): void {
    if (this.#bar !== null) return this.#bar.update(done);
    if (performance.now() - this.#lastMs < LINE_INTERVAL_MS) return;
    this.#lastMs = performance.now();
    console.error(`${done} of ${this.#images} images`);
  }

  end(): void {
    this.#bar?.stop();
  }
}

function newBar(): SingleBar {
  const format = '{bar} {percentage}% {value} of {total} images, {eta_formatted} left';
  return new SingleBar({
    format,
    stream: process.stderr,
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  });
}
