/** Shows a history run on stderr: a bar on a terminal, a line every few seconds elsewhere, nothing when asked to be quiet. */
import type { SingleBar } from 'cli-progress';
import { progressBar, timeLeft } from '../../console/work-progress.ts';
import type { RunState } from '../session/pacing.ts';
import { remainingMs, shareDone } from './pacing.ts';

const LINE_INTERVAL_MS = 5000;

export class HistoryDisplay {
  readonly #write: ((line: string) => void) | null;
  readonly #bar: SingleBar | null;
  readonly #startMs = performance.now();
  #weights: readonly number[] = [];
  #lastMs = 0;

  /** `write` null: quiet. `forTerminal`: stderr is a terminal. */
  constructor(write: ((line: string) => void) | null, forTerminal: boolean) {
    this.#write = write;
    this.#bar = write === null || !forTerminal ? null : progressBar('{bar} {percentage}% {line}');
  }

  /** `announcement` is said once; the parts weigh `weights`. */
  started(announcement: readonly string[], weights: readonly number[]): void {
    this.#weights = weights;
    for (const line of announcement) this.#write?.(line);
    this.#bar?.start(1000, 0, { line: '' });
  }

  /** Part `index` is done to `share`; `state` says what of it is under way. */
  update(index: number, title: string, share: number, state: RunState | null): void {
    const done = shareDone(this.#weights, index, share);
    const left = remainingMs(performance.now() - this.#startMs, done);
    const cell = state === null ? '' : `, ${state.cell}`;
    const eta = left === null ? '' : `${timeLeft(left)} left, `;
    const line = `${eta}part ${index + 1} of ${this.#weights.length}, ${title}${cell}`;
    if (this.#bar !== null) this.#bar.update(Math.floor(done * 1000), { line });
    else if (performance.now() - this.#lastMs >= LINE_INTERVAL_MS) {
      this.#lastMs = performance.now();
      this.#write?.(line);
    }
  }

  finished(): void {
    this.#bar?.stop();
  }
}
