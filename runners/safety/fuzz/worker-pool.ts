/**
 * The processes of a run, and the watch over them: one that stays with an image too long, or dies of it, is replaced by one that
 * continues after it, and the image is retried alone before it is reported.
 */
import type { BaseImage } from './base-images.ts';
import type { Outcome } from './exercise.ts';
import type { FuzzImage } from './fuzz-plan.ts';
import type { Found, Share } from './worker-messages.ts';
import { tryImage, WATCH_INTERVAL_MS, WorkerProcess } from './worker-process.ts';

export interface PoolOptions {
  readonly bases: readonly BaseImage[];
  readonly seed: number;
  readonly images: number;
  /** Number of the first image. */
  readonly from: number;
  readonly jobs: number;
  /** Processor time that one image may take. */
  readonly hangMs: number;
  readonly exerciseModule: string;
  readonly signal?: AbortSignal | undefined;
  imageAt(index: number): FuzzImage;
  onFound(index: number, found: Found): void;
  onProgress(done: number): void;
}

export interface PoolResult {
  readonly done: number;
  /** Of the images of processes that came to their end. */
  readonly outcomes: Record<Outcome, number>;
  /** Names of the fields that were damaged. */
  readonly damaged: Set<string>;
  /** Of the largest process, its own code and unused garbage included. */
  readonly peakMemoryBytes: number;
}

/** Runs all images, or as many as there is time for until the signal. */
export async function runPool(options: PoolOptions): Promise<PoolResult> {
  return new PoolRun(options).finish();
}

function sumOf(counts: Readonly<Record<Outcome, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

class PoolRun {
  readonly #options: PoolOptions;
  readonly #outcomes: Record<Outcome, number> = { refused: 0, readable: 0, writable: 0 };
  readonly #damaged = new Set<string>();
  /** Images done by each worker place, earlier processes included. */
  readonly #done: number[];
  #peakMemoryBytes = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#done = new Array<number>(options.jobs).fill(0);
  }

  async finish(): Promise<PoolResult> {
    await Promise.all(this.#done.map((_, place) => this.#workAt(place)));
    const done = this.#sum();
    this.#options.onProgress(done);
    return { done, outcomes: this.#outcomes, damaged: this.#damaged, peakMemoryBytes: this.#peakMemoryBytes };
  }

  #sum(): number {
    return this.#done.reduce((sum, count) => sum + count, 0);
  }

  /** One process after the other, until one has come to the end of its share. */
  async #workAt(place: number): Promise<void> {
    const { from, images, jobs, signal } = this.#options;
    let share: Share = { from: from + place, end: from + images, stride: jobs };
    while (share.from < share.end && signal?.aborted !== true) {
      const suspect = await this.#work(place, share);
      if (suspect === null) return;
      await this.#trySuspect(place, suspect);
      share = { ...share, from: suspect + jobs };
    }
  }

  async #trySuspect(place: number, suspect: number): Promise<void> {
    const { exerciseModule, hangMs, imageAt, onFound } = this.#options;
    const found = await tryImage(imageAt(suspect), hangMs, exerciseModule);
    if (found !== null) onFound(suspect, found);
    this.#done[place]! += 1;
  }

  /** Runs one process to its end. Returns the image that it did not survive; null when it finished, or was stopped. */
  async #work(place: number, share: Share): Promise<number | null> {
    const { bases, exerciseModule, onFound, seed, signal } = this.#options;
    let foundHere = 0;
    const note = (index: number, found: Found) => {
      foundHere++;
      onFound(index, found);
    };
    using worker = new WorkerProcess({ exerciseModule, work: { kind: 'run', bases, seed, share } }, note);
    const doneBefore = this.#done[place]!;
    const count = () => {
      this.#done[place] = doneBefore + worker.position().done;
    };
    const watch = this.#watch(worker, count);
    const stop = () => worker.stop();
    signal?.addEventListener('abort', stop, { once: true });
    const last = await worker.end;
    signal?.removeEventListener('abort', stop);
    clearInterval(watch);
    count();
    if (last === null) return signal?.aborted ? null : this.#suspectOf(worker, share);
    this.#done[place] = doneBefore + sumOf(last.outcomes) + foundHere;
    for (const [outcome, images] of Object.entries(last.outcomes)) this.#outcomes[outcome as Outcome] += images;
    for (const name of last.damaged) this.#damaged.add(name);
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, last.peakMemoryBytes);
    return null;
  }

  #suspectOf(worker: WorkerProcess, share: Share): number {
    const { index } = worker.position();
    if (index >= share.from) return index;
    throw new Error(`a worker died before its first image: ${worker.death().stack}`);
  }

  #watch(worker: WorkerProcess, count: () => void): NodeJS.Timeout {
    let last = -1;
    let sinceMs = performance.now();
    return setInterval(() => {
      const { index } = worker.position();
      count();
      this.#options.onProgress(this.#sum());
      if (index !== last) {
        last = index;
        sinceMs = performance.now();
      } else if (index >= 0 && performance.now() - sinceMs > this.#options.hangMs) worker.kill();
    }, WATCH_INTERVAL_MS);
  }
}
