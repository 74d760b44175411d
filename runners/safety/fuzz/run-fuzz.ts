/** One run of the fuzzer: base images, plan, processes; what is found is tried again, made smaller and saved. */
import { type BaseImage, imagesMadeByQemu, imagesMadeHere } from './base-images.ts';
import { type FuzzImage, FuzzPlan } from './fuzz-plan.ts';
import { minimise } from './minimise.ts';
import type { Property } from './properties.ts';
import { saveReproducer } from './reproducer.ts';
import type { Found } from './worker-messages.ts';
import { type PoolResult, runPool } from './worker-pool.ts';
import { tryImage } from './worker-process.ts';

/** How one image is tried. */
interface TryOptions {
  /** Default: 2 seconds of processor time. */
  readonly hangMs?: number;
  /** Default: the engine's. */
  readonly exerciseModule?: string;
  /** How often damage is tried to be made smaller; each costs a process. Default: 80. */
  readonly minimiseTries?: number;
}

export interface FuzzOptions extends TryOptions {
  readonly images: number;
  /** Number of the first image, a whole number. Default: 0. */
  readonly from?: number;
  /** A whole number below 2^21; with the base images it decides everything. */
  readonly seed: number;
  readonly jobs: number;
  /** Where reproducers go; null keeps none. */
  readonly directory: string | null;
  readonly signal?: AbortSignal;
  onProgress?(done: number): void;
}

/** A defect, with the first image that showed it. */
export interface Defect {
  readonly property: Property;
  readonly step: string;
  readonly message: string;
  readonly stack: string;
  /** How many images showed it. */
  images: number;
  readonly firstIndex: number;
  readonly baseName: string;
  /** Path of the saved file. */
  reproducer: string | null;
}

/** What is reported of a run. */
export interface FuzzSummary extends Omit<PoolResult, 'damaged'> {
  readonly seed: number;
  readonly baseNames: readonly string[];
  /** Fields that the plan aims at and no image of this run was damaged in. */
  readonly missedFields: readonly string[];
  readonly defects: readonly Defect[];
}

const EXERCISE = new URL('./exercise.ts', import.meta.url).href;
const DEFAULTS = { from: 0, hangMs: 2000, exerciseModule: EXERCISE, minimiseTries: 80 };
/** Different defects that are made smaller and saved; beyond, something is wrong with everything. */
const SAVED_MAX = 20;

export async function runFuzz(options: FuzzOptions): Promise<FuzzSummary> {
  const bases = allBases();
  const plan = new FuzzPlan(bases, options.seed);
  const defects = new Map<string, Defect>();
  const { from, images, seed, jobs, signal, hangMs, exerciseModule, minimiseTries } = { ...DEFAULTS, ...options };
  const { damaged, ...result } = await runPool({
    ...{ bases, seed, from, images, jobs, signal, hangMs, exerciseModule },
    imageAt: (index) => plan.imageAt(index),
    onFound: (index, found) => note(defects, index, plan.imageAt(index).baseName, found),
    onProgress: (done) => options.onProgress?.(done),
  });
  const kept = inOrder(defects);
  if (options.directory !== null && signal?.aborted !== true) {
    for (const defect of kept.slice(0, SAVED_MAX)) {
      const run = { hangMs, exerciseModule, minimiseTries };
      defect.reproducer = await save(plan, defect, options.directory, run, seed);
    }
  }
  const missedFields = [...plan.fieldNames()].filter((name) => !damaged.has(name));
  return { ...result, seed, baseNames: bases.map(({ name }) => name), missedFields, defects: kept };
}

function inOrder(defects: ReadonlyMap<string, Defect>): Defect[] {
  return [...defects.values()].sort((one, other) => one.firstIndex - other.firstIndex);
}

/** What runs of the same plan over other images, in the order of their numbers, found together. */
export function sumOfRuns(runs: readonly [FuzzSummary, ...FuzzSummary[]]): FuzzSummary {
  const [first] = runs;
  const defects = new Map<string, Defect>();
  for (const found of runs.flatMap((run) => run.defects)) {
    const key = signature(found);
    const known = defects.get(key);
    if (known === undefined) defects.set(key, { ...found });
    else known.images += found.images;
  }
  const total = (count: (run: FuzzSummary) => number) => runs.reduce((sum, run) => sum + count(run), 0);
  return {
    seed: first.seed,
    done: total(({ done }) => done),
    outcomes: {
      refused: total(({ outcomes }) => outcomes.refused),
      readable: total(({ outcomes }) => outcomes.readable),
      writable: total(({ outcomes }) => outcomes.writable),
    },
    peakMemoryBytes: Math.max(...runs.map(({ peakMemoryBytes }) => peakMemoryBytes)),
    baseNames: first.baseNames,
    missedFields: first.missedFields.filter((name) => runs.every(({ missedFields }) => missedFields.includes(name))),
    defects: inOrder(defects),
  };
}

/** The names of the images that every run damages. */
export function baseImageNames(): string[] {
  return allBases().map(({ name }) => name);
}

/** The image of this number, of the plan that every run with `seed` follows. */
export function imageOf(seed: number, index: number): FuzzImage {
  return new FuzzPlan(allBases(), seed).imageAt(index);
}

/** Tries one image in a process of its own, as a run would. */
export function tryAgain(image: FuzzImage): Promise<Found | null> {
  return tryImage(image, DEFAULTS.hangMs, DEFAULTS.exerciseModule);
}

function allBases(): BaseImage[] {
  return [...imagesMadeHere(), ...imagesMadeByQemu()];
}

function note(defects: Map<string, Defect>, index: number, baseName: string, found: Found): void {
  const key = signature(found);
  const known = defects.get(key);
  const images = (known?.images ?? 0) + 1;
  // By number, not by time: how many processes there are decides nothing.
  if (known !== undefined && known.firstIndex < index) known.images = images;
  else defects.set(key, { ...found, images, firstIndex: index, baseName, reproducer: null });
}

/** Equal for what is probably the same defect: the message without its numbers. */
function signature({ property, message }: Pick<Found, 'property' | 'message'>): string {
  return `${property}: ${message.replaceAll(/0x[0-9a-f]+|\d+/g, 'N')}`;
}

async function save(plan: FuzzPlan, defect: Defect, directory: string, run: Required<TryOptions>, seed: number) {
  const image = plan.imageAt(defect.firstIndex);
  const damage = await minimise(image.damage, image.base.length, run.minimiseTries, async (candidate) => {
    const found = await tryImage({ ...image, damage: candidate }, run.hangMs, run.exerciseModule);
    return found !== null && signature(found) === signature(defect);
  });
  return saveReproducer(directory, `fuzz-${seed}-${defect.firstIndex}`, { ...image, damage }, defect);
}
