/** Shows long work of many like parts on stderr: a bar on a terminal, a line now and then elsewhere, nothing when asked to be quiet. */
import { SingleBar } from 'cli-progress';
import { stderrMoves } from './terminal.ts';

const LINE_INTERVAL_MS = 10_000;

export class WorkProgress {
  readonly #total: number;
  readonly #unit: string;
  readonly #isQuiet: boolean;
  readonly #bar: SingleBar | null;
  readonly #startMs = performance.now();
  #lastMs = this.#startMs;
  #skipped = 0;
  #done = 0;

  /** `unit`: what the parts are, in the plural. */
  constructor(total: number, unit: string, isQuiet = false) {
    this.#total = total;
    this.#unit = unit;
    this.#isQuiet = isQuiet;
    this.#bar = !isQuiet && stderrMoves() ? progressBar('{bar} {percentage}% {line}') : null;
    this.#bar?.start(total, 0, { line: '' });
  }

  /** `count` parts need not be done: they say nothing about how long the others take. */
  skip(count: number): void {
    this.#skipped += count;
    this.reached(this.#done + count);
  }

  /** One more part is done. */
  next(): void {
    this.reached(this.#done + 1);
  }

  /** `skipped` of the parts that are done need not be done. */
  reached(done: number, skipped = this.#skipped): void {
    this.#done = done;
    this.#skipped = skipped;
    if (this.#bar !== null) return this.#bar.update(done, { line: this.#line() });
    if (this.#isQuiet || performance.now() - this.#lastMs < LINE_INTERVAL_MS) return;
    this.#lastMs = performance.now();
    console.error(this.#line());
  }

  end(): void {
    this.#bar?.stop();
  }

  #line(): string {
    const worked = this.#done - this.#skipped;
    const leftMs = ((performance.now() - this.#startMs) / worked) * (this.#total - this.#done);
    const left = worked === 0 ? '' : `${timeLeft(leftMs)} left, `;
    return `${left}${this.#done} of ${this.#total} ${this.#unit}`;
  }
}

/** `0:07`, `1:59`, `1:02:03`. A line begins with it: what a narrow terminal cuts off is the end. */
export function timeLeft(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (part: number) => String(part).padStart(2, '0');
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}

/** The bar that every command shows on a terminal; `format` as `cli-progress` has it. */
export function progressBar(format: string): SingleBar {
  return new SingleBar({
    format,
    stream: process.stderr,
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
    linewrap: false,
  });
}
