/** A long piece of work: it shows how far it is, and stops in order at Ctrl-C. */
import { EXIT_CODES } from '../console/errors.ts';
import { Interruption } from '../console/interruption.ts';
import { type Progress, progressDisplay } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** Between two looks at the event loop, where signals arrive. */
const PAUSE_INTERVAL_MS = 30;

/** The work was stopped by a signal. */
class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

export class Work {
  readonly #interruption: Interruption;
  readonly #display: Progress;
  readonly #afterInterruption: string;
  #lastPauseMs = performance.now();

  constructor(interruption: Interruption, display: Progress, afterInterruption: string) {
    this.#interruption = interruption;
    this.#display = display;
    this.#afterInterruption = afterInterruption;
  }

  /** How much there is to do, in bytes. */
  start(totalBytes: number): void {
    this.#display.start(totalBytes);
  }

  /** Shows that `doneBytes` are done. Throws {@link Interrupted} after a signal. */
  async progress(doneBytes: number): Promise<void> {
    this.#display.update(doneBytes);
    await this.pause();
  }

  /** Lets signals in, now and then. Throws {@link Interrupted} after one. */
  async pause(): Promise<void> {
    if (performance.now() - this.#lastPauseMs < PAUSE_INTERVAL_MS) return;
    // Only a turn of the event loop's poll phase delivers signals.
    await new Promise((resolve) => setImmediate(resolve));
    this.#lastPauseMs = performance.now();
    this.throwIfInterrupted();
  }

  throwIfInterrupted(): void {
    if (this.#interruption.signal.aborted) throw new Interrupted(`interrupted; ${this.#afterInterruption}`);
  }
}

export interface WorkOptions {
  readonly quiet: boolean;
  /** Asked for by `-p`. */
  readonly showProgress: boolean;
  /** What a signal leaves behind. Default: what was there before. */
  readonly afterInterruption?: string;
}

/**
 * Runs it with signals held back until it looks for them; synchronous parts, in which an image is changed in place, are
 * never cut in two. After a signal the exit code says so.
 */
export async function withWork(
  terminal: Terminal,
  options: WorkOptions,
  run: (work: Work) => Promise<void> | void,
): Promise<void> {
  const interruption = new Interruption();
  const display = progressDisplay(options);
  try {
    await run(new Work(interruption, display, options.afterInterruption ?? 'nothing was changed'));
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    display.stop();
    terminal.complain(`cowbench: ${error.message}`);
    terminal.exitWith(interruption.exitCode ?? EXIT_CODES.interrupted);
  } finally {
    display.stop();
    interruption.release();
  }
}
