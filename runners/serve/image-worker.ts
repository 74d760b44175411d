/**
 * The thread of a served image. It serves what has arrived, looks for more between batches, and returns to its event loop when there
 * is nothing: what arrives while a sync runs is the next batch.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { describeFailure } from '../console/errors.ts';
import type { FromThread, ThreadSetup, ToThread, WireAnswer } from './messages.ts';
import { ServedImage } from './served-image.ts';

/** Shorter content is copied with the message; handing memory over costs more than that. */
const TRANSFERRED_BYTES = 16_384;
/**
 * How long a flush waits for the next of the requesters that are expected to ask for it: twice as long as the last flush took, `least` at
 * least; all waiting of a batch together lasts `most` at most.
 */
const PATIENCE_MS = { least: 0.2, most: 10 };

class ImageWorker {
  readonly #port: MessagePort;
  readonly #bell: Int32Array;
  readonly #image: ServedImage;
  /** When the batch that is being gathered stops waiting; null while none is. */
  #deadlineMs: number | null = null;
  #closing = false;

  constructor(port: MessagePort, { image, bell, memory }: ThreadSetup) {
    this.#port = port;
    this.#bell = new Int32Array(bell);
    this.#image = new ServedImage(
      image,
      memory,
      (answers) => sendAnswers(port, answers),
      () => this.#gather(),
    );
    port.on('message', (message: ToThread) => this.#serve(message));
    port.postMessage({ kind: 'opened', disks: this.#image.disks } satisfies FromThread);
  }

  #serve(first: ToThread): void {
    this.#take(first);
    this.#takeAll();
    while (!this.#image.isIdle) {
      this.#deadlineMs = null;
      this.#image.serve();
      this.#takeAll();
    }
    if (this.#closing) this.#close();
  }

  /** Waits for a request until the patience of the batch is over. */
  #gather(): boolean {
    const startMs = performance.now();
    const { least, most } = PATIENCE_MS;
    this.#deadlineMs ??= startMs + most;
    const untilMs = Math.min(this.#deadlineMs, startMs + Math.min(most, Math.max(least, 2 * this.#image.lastFlushMs)));
    for (;;) {
      // Read before looking: what comes in between has rung, and the wait returns at once.
      const rung = Atomics.load(this.#bell, 0);
      if (this.#takeAll()) return true;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || this.#closing) return false;
      Atomics.wait(this.#bell, 0, rung, leftMs);
    }
  }

  /** True when requests have come. */
  #takeAll(): boolean {
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port))
      this.#take(next.message as ToThread);
    return !this.#image.isIdle;
  }

  #take(message: ToThread): void {
    if (message.kind === 'requests') this.#image.take(message.requests);
    else if (message.kind === 'left') this.#image.forget(message.client);
    else if (message.kind === 'stats') this.#say({ kind: 'stats', stats: this.#image.stats() });
    else this.#closing = true;
  }

  #close(): void {
    try {
      this.#image.close();
      this.#say({ kind: 'closed', stats: this.#image.stats() });
    } catch (error) {
      this.#say({ kind: 'failed', ...describeFailure(error) });
    }
    this.#port.close();
  }

  #say(message: FromThread): void {
    this.#port.postMessage(message);
  }
}

function sendAnswers(port: MessagePort, answers: readonly WireAnswer[]): void {
  const buffers: ArrayBuffer[] = [];
  for (const { outcome } of answers) {
    if (!('bytes' in outcome) || outcome.bytes === undefined) continue;
    if (outcome.bytes.length >= TRANSFERRED_BYTES) buffers.push(outcome.bytes.buffer as ArrayBuffer);
  }
  port.postMessage({ kind: 'answers', answers } satisfies FromThread, buffers);
}

const port = parentPort!;
try {
  new ImageWorker(port, workerData as ThreadSetup);
} catch (error) {
  port.postMessage({ kind: 'failed', ...describeFailure(error) } satisfies FromThread);
}
