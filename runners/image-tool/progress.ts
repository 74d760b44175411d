/** How far a copy is, on stderr: a bar with the time left on a terminal, a line now and then elsewhere. */
import { stderrMoves } from '../console/terminal.ts';
import { progressBar, timeLeft } from '../console/work-progress.ts';
import { readableSize } from './sizes.ts';

export interface Progress {
  start(totalBytes: number): void;
  update(doneBytes: number): void;
  stop(): void;
}

/** Unasked, a terminal shows a bar for what takes longer than this. */
const PATIENCE_MS = 2000;
const LINE_INTERVAL_MS = 5000;
const SILENT: Progress = { start: () => {}, update: () => {}, stop: () => {} };

/** `-q` shows nothing; `-p` everywhere; neither: only a terminal, and only what takes long. */
export function progressDisplay(options: { quiet: boolean; showProgress: boolean }): Progress {
  if (options.quiet) return SILENT;
  if (stderrMoves()) return new BarProgress(options.showProgress ? 0 : PATIENCE_MS);
  return options.showProgress ? new LineProgress((line) => console.error(line)) : SILENT;
}

/** "1.5 GiB of 10 GiB (15 %), 0:40 left". */
export function progressText(doneBytes: number, totalBytes: number, elapsedMs: number): string {
  const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
  const share = `${readableSize(doneBytes)} of ${readableSize(totalBytes)} (${percent} %)`;
  if (doneBytes === 0 || doneBytes >= totalBytes) return share;
  return `${share}, ${timeLeft((elapsedMs / doneBytes) * (totalBytes - doneBytes))} left`;
}

export class LineProgress implements Progress {
  readonly #write: (line: string) => void;
  #totalBytes = 0;
  #startMs = 0;
  #lastMs = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  start(totalBytes: number): void {
    this.#totalBytes = totalBytes;
    this.#startMs = performance.now();
    this.#lastMs = this.#startMs;
  }

  update(doneBytes: number): void {
    const now = performance.now();
    if (doneBytes < this.#totalBytes && now - this.#lastMs < LINE_INTERVAL_MS) return;
    this.#lastMs = now;
    this.#write(progressText(doneBytes, this.#totalBytes, now - this.#startMs));
  }

  stop(): void {}
}

class BarProgress implements Progress {
  readonly #patienceMs: number;
  readonly #bar = progressBar('{bar} {line}');
  #totalBytes = 0;
  #startMs = 0;
  #isShown = false;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  start(totalBytes: number): void {
    this.#totalBytes = totalBytes;
    this.#startMs = performance.now();
  }

  update(doneBytes: number): void {
    const elapsedMs = performance.now() - this.#startMs;
    if (elapsedMs < this.#patienceMs) return;
    const line = progressText(doneBytes, this.#totalBytes, elapsedMs);
    if (!this.#isShown) this.#bar.start(this.#totalBytes, doneBytes, { line });
    this.#isShown = true;
    this.#bar.update(doneBytes, { line });
  }

  stop(): void {
    if (this.#isShown) this.#bar.stop();
    this.#isShown = false;
  }
}
