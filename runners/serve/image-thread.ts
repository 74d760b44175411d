/** The server's end of an image's thread. */
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { NbdRequest, Outcome } from '../../engine/nbd/index.ts';
import { SampleFailure } from '../console/errors.ts';
import { preloads } from '../plugins/preloads.ts';
import type { FromThread, ImageChoice, ServedDisk, ThreadSetup, ToThread, WireRequest } from './messages.ts';
import type { ServerStats } from './server-stats.ts';
import type { SharedMemory } from './shared-memory.ts';

const WORKER = path.join(import.meta.dirname, 'image-worker.ts');
/** Shorter payloads are copied with the message. */
const TRANSFERRED_BYTES = 16_384;

/** A request on its way, and who hears of its end. */
export interface Submission {
  readonly disk: number;
  readonly request: NbdRequest;
  /** Shared memory for the bytes of a read; null: the thread makes its own. */
  readonly into?: Uint8Array | null;
  readonly done: (outcome: Outcome) => void;
}

/** The image's thread is dead, or may be about to die: it may still write into the memory of a read. */
export const NO_LONGER_SERVED: Outcome = { errno: 'EIO', message: 'the image is no longer served' };

export class ImageThread {
  readonly #worker: Worker;
  readonly #memory: SharedMemory;
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  readonly #waiting = new Map<number, Submission['done']>();
  readonly #opened = Promise.withResolvers<readonly ServedDisk[]>();
  readonly #closed = Promise.withResolvers<ServerStats>();
  #statsAsked: ((stats: ServerStats) => void)[] = [];
  #nextId = 0;
  #isDead = false;

  constructor(choice: ImageChoice, memory: SharedMemory) {
    this.#memory = memory;
    const setup: ThreadSetup = { image: choice, bell: this.#bell.buffer, memory: memory.buffer };
    this.#worker = new Worker(WORKER, { workerData: setup, execArgv: preloads() });
    this.#worker.on('message', (message: FromThread) => this.#take(message));
    this.#worker.on('error', (error) =>
      this.#fail(new SampleFailure(error.message, { expected: false }, error.stack ?? '')),
    );
    // Whoever waits for nothing must not be taken for unhandled.
    this.#opened.promise.catch(() => {});
    this.#closed.promise.catch(() => {});
  }

  /** The disks, once the image is open. Rejects with a SampleFailure when it cannot be opened. */
  get opened(): Promise<readonly ServedDisk[]> {
    return this.#opened.promise;
  }

  /** The last counts, once the image is closed. Rejects with a SampleFailure when that fails, or the thread dies before. */
  get closed(): Promise<ServerStats> {
    return this.#closed.promise;
  }

  /** Sends requests of a client, which are queued in this order. */
  submit(client: number, submissions: readonly Submission[]): void {
    if (this.#isDead) {
      for (const { done } of submissions) done(NO_LONGER_SERVED);
      return;
    }
    const transferred: ArrayBuffer[] = [];
    const requests = submissions.map(({ disk, request, into, done }): WireRequest => {
      const id = this.#nextId++;
      this.#waiting.set(id, done);
      const { work, payload } = request;
      const place = this.#memory.placeOf(into ?? payload);
      if (place !== null) return { id, disk, work, place, client };
      if (payload.length === 0) return { id, disk, work, client };
      const own = payload as Uint8Array<ArrayBuffer>;
      if (own.length >= TRANSFERRED_BYTES) transferred.push(own.buffer);
      return { id, disk, work, payload: own, client };
    });
    this.#say({ kind: 'requests', requests }, transferred);
  }

  /** The client is gone. */
  left(client: number): void {
    if (!this.#isDead) this.#say({ kind: 'left', client });
  }

  stats(): Promise<ServerStats> {
    return new Promise((resolve) => {
      this.#statsAsked.push(resolve);
      this.#say({ kind: 'stats' });
    });
  }

  /** Closes the image after all that was submitted. */
  close(): Promise<ServerStats> {
    this.#say({ kind: 'close' });
    return this.closed;
  }

  #say(message: ToThread, transferred: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transferred);
    Atomics.add(this.#bell, 0, 1);
    Atomics.notify(this.#bell, 0);
  }

  #take(message: FromThread): void {
    switch (message.kind) {
      case 'opened':
        return this.#opened.resolve(message.disks);
      case 'answers':
        for (const { id, outcome } of message.answers) {
          this.#waiting.get(id)?.(outcome);
          this.#waiting.delete(id);
        }
        return;
      case 'stats':
        return this.#statsAsked.shift()?.(message.stats);
      case 'failed':
        return this.#fail(new SampleFailure(message.message, message, ''));
      case 'closed':
        return this.#closed.resolve(message.stats);
    }
  }

  /** What is still asked gets no answer but an error. */
  #fail(failure: SampleFailure): void {
    this.#isDead = true;
    this.#opened.reject(failure);
    this.#closed.reject(failure);
    for (const done of this.#waiting.values()) done(NO_LONGER_SERVED);
    this.#waiting.clear();
    void this.#worker.terminate();
  }
}
