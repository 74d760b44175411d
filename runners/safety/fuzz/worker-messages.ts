/** What the fuzzer and its worker processes say to each other, and the file through which a worker is watched. */
import fs from 'node:fs';
import type { BaseImage } from './base-images.ts';
import { type Outcome, STEPS, type Step } from './exercise.ts';
import type { FuzzImage } from './fuzz-plan.ts';
import type { Property } from './properties.ts';

/** What a worker is started with: a directory that holds its task and its position. Megabytes of images are slow as a message. */
export const TASK_FILE = 'task';
export const POSITION_FILE = 'position';

export interface WorkerTask {
  /** Module with the function `exercise`; another one in tests. */
  readonly exerciseModule: string;
  readonly work:
    | { readonly kind: 'run'; readonly bases: readonly BaseImage[]; readonly seed: number; readonly share: Share }
    /** A single image, of whatever plan. */
    | { readonly kind: 'one'; readonly image: FuzzImage };
}

/** Every `stride`-th image number from `from` up to `end`. */
export interface Share {
  readonly from: number;
  readonly end: number;
  readonly stride: number;
}

/** A property that did not hold. */
export interface Found {
  readonly property: Property;
  readonly step: Step | string;
  /** One line. */
  readonly message: string;
  readonly stack: string;
}

export type WorkerMessage =
  | { readonly type: 'found'; readonly index: number; readonly found: Found }
  | {
      readonly type: 'finished';
      readonly outcomes: Readonly<Record<Outcome, number>>;
      /** Names of the fields that were damaged. */
      readonly damaged: readonly string[];
      /** Processor time of the last image. */
      readonly lastCpuMs: number;
      readonly peakMemoryBytes: number;
    };

/** Where a worker is. A file, because a worker that hangs sends nothing and a worker that died says nothing. */
export interface Position {
  /** -1 before the first image. */
  readonly index: number;
  readonly step: Step;
  /** Images finished by this process. */
  readonly done: number;
}

const POSITION_NUMBERS = 3;

export function writePosition(descriptor: number, { index, step, done }: Position): void {
  fs.writeSync(descriptor, Float64Array.of(index, STEPS.indexOf(step), done), 0, POSITION_NUMBERS * 8, 0);
}

export function readPosition(descriptor: number): Position {
  const numbers = new Float64Array(POSITION_NUMBERS);
  fs.readSync(descriptor, new Uint8Array(numbers.buffer), 0, POSITION_NUMBERS * 8, 0);
  return { index: numbers[0]!, step: STEPS[numbers[1]!]!, done: numbers[2]! };
}
