/**
 * Ctrl-C and SIGTERM end a run in order; a second one, half a second or more later, ends it at once. Sooner it may be the
 * same key press: a terminal signals the whole process group, and npm passes the signal on a second time.
 */
import { EXIT_CODES } from './errors.ts';

const SAME_KEY_PRESS_MS = 500;

export class Interruption {
  readonly #controller = new AbortController();
  #receivedMs = 0;
  #exitCode: number | null = null;
  readonly #onSigint = () => this.#receive(EXIT_CODES.interrupted);
  readonly #onSigterm = () => this.#receive(EXIT_CODES.terminated);

  constructor() {
    process.on('SIGINT', this.#onSigint);
    process.on('SIGTERM', this.#onSigterm);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit code that the first signal asks for; null without one. */
  get exitCode(): number | null {
    return this.#exitCode;
  }

  /** Signals end the process again as they do by default. */
  release(): void {
    process.removeListener('SIGINT', this.#onSigint);
    process.removeListener('SIGTERM', this.#onSigterm);
  }

  #receive(exitCode: number): void {
    if (this.#exitCode === null) {
      this.#exitCode = exitCode;
      this.#receivedMs = performance.now();
      this.#controller.abort();
    } else if (performance.now() - this.#receivedMs >= SAME_KEY_PRESS_MS) {
      process.exit(exitCode);
    }
  }
}
