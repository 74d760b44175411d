/**
 * A process that damages and exercises one image after the other. A process, not a thread: memory that runs out, or a loop without
 * end, takes nothing else with it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { deserialize } from 'node:v8';
import { installMeter } from './allocation-meter.ts';
import type { ExerciseOptions, Outcome, Step } from './exercise.ts';
import type { FuzzImage } from './fuzz-plan.ts';
import type { Found, WorkerMessage, WorkerTask } from './worker-messages.ts';

// Before the engine is loaded, so that it is metered from its first array on.
installMeter();
const { FuzzPlan } = await import('./fuzz-plan.ts');
const { Violation } = await import('./properties.ts');
const { POSITION_FILE, TASK_FILE, writePosition } = await import('./worker-messages.ts');

/** Signals and the end of the fuzzer are noticed this often. */
const IMAGES_BETWEEN_PAUSES = 20;

const outcomes: Record<Outcome, number> = { refused: 0, readable: 0, writable: 0 };
const damaged = new Set<string>();
let done = 0;
let lastCpuMs = 0;

// Ctrl-C on a terminal reaches the whole process group; the fuzzer decides what happens then.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
let isStopped = false;
process.on('message', () => {
  isStopped = true;
});
const directory = process.argv[2]!;
await carryOut(deserialize(fs.readFileSync(path.join(directory, TASK_FILE))) as WorkerTask);

async function carryOut({ exerciseModule, work }: WorkerTask): Promise<void> {
  const { exercise } = (await import(exerciseModule)) as { exercise: (options: ExerciseOptions) => Outcome };
  const descriptor = fs.openSync(path.join(directory, POSITION_FILE), 'r+');
  const onImage = async (image: FuzzImage, index: number) => {
    const found = exerciseOne(exercise, image, index, descriptor);
    if (found !== null) say({ type: 'found', index, found });
    if (found !== null || done % IMAGES_BETWEEN_PAUSES === 0) await setImmediate();
  };
  if (work.kind === 'one') await onImage(work.image, 0);
  else {
    const plan = new FuzzPlan(work.bases, work.seed);
    const { from, end, stride } = work.share;
    for (let index = from; index < end && !isStopped; index += stride) await onImage(plan.imageAt(index), index);
  }
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
  say({ type: 'finished', outcomes, damaged: [...damaged], lastCpuMs, peakMemoryBytes });
  process.disconnect();
}

function exerciseOne(
  exercise: (options: ExerciseOptions) => Outcome,
  { base, clusterBytes, damage, seed }: FuzzImage,
  index: number,
  descriptor: number,
): Found | null {
  for (const { name } of damage.patches) damaged.add(name);
  const before = process.threadCpuUsage();
  const onStep = (step: Step) => writePosition(descriptor, { index, step, done });
  let found: Found | null = null;
  onStep('check');
  try {
    outcomes[exercise({ base, clusterBytes, damage, seed, onStep })]++;
  } catch (error) {
    found = describe(error);
  }
  const used = process.threadCpuUsage(before);
  lastCpuMs = (used.user + used.system) / 1000;
  done++;
  return found;
}

function describe(error: unknown): Found {
  const cause = error instanceof Violation ? (error.cause ?? error) : error;
  const stack = cause instanceof Error ? (cause.stack ?? '') : '';
  if (error instanceof Violation) return { property: error.property, step: error.step, message: error.message, stack };
  return { property: 'exception', step: 'fuzzer', message: String(error), stack };
}

function say(message: WorkerMessage): void {
  process.send!(message);
}
