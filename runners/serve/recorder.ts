/** Writes what clients ask of an export as a fio iolog, while they ask: a workload to replay later. */
import fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
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
  readonly #filePath: string;
  /** The line that the next request will have; a header and two lines about the file come first. */
  #nextLine = 4;
  readonly #phases: { readonly name: string; readonly firstLine: number; readonly startUs: number }[] = [];

  /** `onFailure` hears at once that the file cannot be written: the clients are served all the same, and nothing more is kept. */
  constructor(filePath: string, onFailure: (error: UsageError) => void) {
    this.#filePath = filePath;
    this.#written = this.#write().catch((error: Error) => {
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
    this.#nextLine += 'durable' in work && work.durable ? 2 : 1;
    this.#requests++;
    this.#wake();
  }

  /** What follows is another part of the recording. */
  phase(name: string): void {
    const startUs = this.#startedMs === null ? 0 : Math.round((performance.now() - this.#startedMs) * 1000);
    this.#phases.push({ name, firstLine: this.#nextLine, startUs });
  }

  /** Resolves when all of it is in the file; rejects with a UsageError when it could not be written. */
  end(): Promise<void> {
    this.#ended = true;
    this.#wake();
    if (this.#phases.length > 0 && !this.#failed) this.#writePhases();
    return this.#written;
  }

  /** Compressed when its name says so. */
  #write(): Promise<void> {
    if (!this.#filePath.endsWith('.gz')) return writeIolog(this.#batches(), this.#filePath);
    const compressed = createGzip({ level: 9 });
    const stored = pipeline(compressed, fs.createWriteStream(this.#filePath));
    return Promise.all([writeIolog(this.#batches(), compressed), stored]).then(() => {});
  }

  /** In the form of the recordings in `workloads/traces`. */
  #writePhases(): void {
    const phases = this.#phases.map(({ name, firstLine, startUs }, index) => {
      const lastLine = (this.#phases[index + 1]?.firstLine ?? this.#nextLine) - 1;
      const isEmpty = lastLine < firstLine;
      return { name, start_us: startUs, first_line: isEmpty ? null : firstLine, last_line: isEmpty ? null : lastLine };
    });
    const about = 'line numbers are those of the iolog, from 1, inclusive';
    fs.writeFileSync(phasesPath(this.#filePath), `${JSON.stringify({ about, phases }, null, 1)}\n`);
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

/** Where the phases of a recording are: `guest.phases.json` next to `guest.iolog.gz`. */
function phasesPath(recordPath: string): string {
  return `${recordPath.replace(/(?:\.iolog)?(?:\.gz)?$/, '')}.phases.json`;
}
