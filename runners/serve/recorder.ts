/** Writes what clients ask of an export as a fio iolog, while they ask: a workload to replay later. */
import type { NbdWork } from '../../engine/nbd/index.ts';
import { writeIolog } from '../../workloads/iolog-writer.ts';
import type { GuestRequest } from '../../workloads/request.ts';
import { UsageError } from '../console/errors.ts';

export class Recorder {
  readonly #written: Promise<void>;
  #batch: GuestRequest[] = [];
  #wake: () => void = () => {};
  #startedMs: number | null = null;
  #ended = false;
  #failed = false;
  #requests = 0;

  /** `onFailure` hears at once that the file cannot be written: the clients are served all the same, and nothing more is kept. */
  constructor(filePath: string, onFailure: (error: UsageError) => void) {
    this.#written = writeIolog(this.#batches(), filePath).catch((error: Error) => {
      this.#failed = true;
      this.#batch = [];
      const failure = new UsageError(`--record ${filePath}: the recording is not whole: ${error.message}`);
      onFailure(failure);
      throw failure;
    });
    this.#written.catch(() => {});
  }

  get requests(): number {
    return this.#requests;
  }

  /** Called in the order in which the image serves the requests. Hints and questions leave no trace. */
  take(work: NbdWork): void {
    if (this.#failed || work.op === 'cache' || work.op === 'block-status') return;
    // fio does not take a request without bytes, and it asks for nothing.
    if ('length' in work && work.length === 0) return;
    const nowMs = performance.now();
    this.#startedMs ??= nowMs;
    this.#batch.push({ ...work, atUs: Math.round((nowMs - this.#startedMs) * 1000) });
    this.#requests++;
    this.#wake();
  }

  /** Resolves when all of it is in the file; rejects with a UsageError when it could not be written. */
  end(): Promise<void> {
    this.#ended = true;
    this.#wake();
    return this.#written;
  }

  async *#batches(): AsyncGenerator<readonly GuestRequest[]> {
    while (!this.#ended || this.#batch.length > 0) {
      if (this.#batch.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      const batch = this.#batch;
      this.#batch = [];
      if (batch.length > 0) yield batch;
    }
  }
}
