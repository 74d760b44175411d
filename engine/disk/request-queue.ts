/**
 * Requests of several requesters in front of disks that serve one at a time: group commit.
 *
 * A batch is what is queued when it begins. It is carried out in order; then each disk is flushed *once*, if anyone in the batch asked
 * for durability, and whoever asked hears of it afterwards: n requesters that wait for a flush each cost one. What arrives meanwhile is
 * the next batch, so a read waits for one flush at most. Before the flush a batch may take in what arrives in a short time, while
 * requesters are expected to ask for it as well (`commit-habits.ts`). A request that asked for nothing durable is acknowledged as soon as it is
 * done: it must not wait for the flush of another. When the flush fails, all that asked for it fail.
 */
import { Qcow2Error } from '../base/errors.ts';
import { CommitHabits } from './commit-habits.ts';
import type { GuestDevice } from './device.ts';
import { perform } from './perform.ts';
import type { BlockRequest } from './request.ts';

/** A request in the queue, with what becomes of it. */
export interface QueuedRequest {
  /** Who asks, where several do. */
  readonly requester?: unknown;
  readonly disk: GuestDevice;
  /** What it is called where work is attributed to requests. */
  readonly op: string;
  /** Done means durable; {@link perform} itself does not flush. */
  readonly durable: boolean;
  /** The request changes the disk. */
  readonly changes: boolean;
  readonly perform: () => void;
  /** Called once: null when the request is done, and durable if that was asked for. */
  readonly done: (error: Qcow2Error | null) => void;
}

/** A guest's request on `disk`; `payload` holds the bytes of a write, or takes those of a read. */
export function queuedRequest(
  disk: GuestDevice,
  request: BlockRequest,
  payload: Uint8Array,
  done: QueuedRequest['done'],
  requester?: unknown,
): QueuedRequest {
  const { op } = request;
  const changes = op !== 'flush' && op !== 'read';
  const shared = { disk, op, changes, done, requester };
  if (op === 'flush') return { ...shared, durable: true, perform: () => {} };
  const durable = 'durable' in request && request.durable === true;
  const plain = durable ? { ...request, durable: false } : request;
  return { ...shared, durable, perform: () => perform(disk, plain, payload) };
}

/** What one batch was. */
export interface ServedBatch {
  readonly requests: number;
  /** Requests that asked for durability: flushes, and changes that are to be durable. */
  readonly durableRequests: number;
  /** Flushes that were made for them; one a disk. */
  readonly flushes: number;
}

export interface QueueOptions {
  /** The most requests that are served before those that asked for durability hear of it. Default 256. */
  readonly batchRequests?: number;
  /** Called with those on whose behalf the disks work next: one request, or all that share a flush. */
  readonly serving?: (requests: readonly QueuedRequest[]) => void;
  /**
   * Asked before a flush while requesters are expected to ask for it as well: waits for requests, and pushes what has come. False when it
   * waited long enough. Default: does not wait.
   */
  readonly gather?: () => boolean;
}

const BATCH_REQUESTS = 256;

/** The queue of requests in front of disks; several requesters share a flush. */
export class RequestQueue {
  readonly #batchRequests: number;
  readonly #serving: (requests: readonly QueuedRequest[]) => void;
  readonly #gather: () => boolean;
  readonly #habits = new CommitHabits();
  #queued: QueuedRequest[] = [];

  constructor(options: QueueOptions = {}) {
    this.#batchRequests = options.batchRequests ?? BATCH_REQUESTS;
    this.#serving = options.serving ?? (() => {});
    this.#gather = options.gather ?? (() => false);
  }

  /** Requests that no batch has taken yet. */
  get length(): number {
    return this.#queued.length;
  }

  push(request: QueuedRequest): void {
    this.#queued.push(request);
  }

  /** The requester is gone: nobody waits for it. */
  forget(requester: unknown): void {
    this.#habits.forget(requester);
  }

  /** Serves what is queued now, up to the limit of a batch. */
  serveBatch(): ServedBatch {
    const waiting = new Map<GuestDevice, QueuedRequest[]>();
    let requests = this.#performQueued(this.#batchRequests, waiting);
    while (waiting.size > 0 && requests < this.#batchRequests && this.#habits.expected > 0) {
      this.#serving([]);
      if (!this.#gather()) {
        this.#habits.missed();
        break;
      }
      requests += this.#performQueued(this.#batchRequests - requests, waiting);
    }
    let flushes = 0;
    let durableRequests = 0;
    for (const [disk, asked] of waiting) {
      // What cannot be written is durable as it is.
      if (!disk.readOnly) flushes++;
      const failure = disk.readOnly ? null : this.#attempt(asked, () => disk.flush());
      durableRequests += asked.length;
      for (const { done } of asked) done(failure);
    }
    return { requests, durableRequests, flushes };
  }

  /** Carries out up to `most` requests; those that asked for durability join `waiting`. Returns how many there were. */
  #performQueued(most: number, waiting: Map<GuestDevice, QueuedRequest[]>): number {
    const batch = this.#queued.splice(0, most);
    for (const queued of batch) {
      const failure = queued.op === 'flush' ? null : this.#attempt([queued], queued.perform);
      if (queued.durable) this.#habits.asked(queued.requester);
      else if (queued.changes) this.#habits.changed(queued.requester);
      if (failure !== null || !queued.durable) {
        queued.done(failure);
        continue;
      }
      const others = waiting.get(queued.disk);
      if (others === undefined) waiting.set(queued.disk, [queued]);
      else others.push(queued);
    }
    return batch.length;
  }

  #attempt(requests: readonly QueuedRequest[], work: () => void): Qcow2Error | null {
    this.#serving(requests);
    try {
      work();
      return null;
    } catch (error) {
      if (error instanceof Qcow2Error) return error;
      throw error;
    }
  }
}
