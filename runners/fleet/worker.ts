/**
 * A worker: takes one job after the other and does it. Whatever ends it, nothing is lost: in order, it gives its job back; killed, its lease
 * runs out and another takes the job; without the database it finishes, and waits with the result until the database is back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describeFailure, isBadInput } from '../console/errors.ts';
import { isAway } from '../stores/connection.ts';
import { StoreFollower } from '../stores/follow-run.ts';
import type { ResultStore } from '../stores/result-store.ts';
import { carryOut, type Workplace } from './carry-out.ts';
import { type Job, jobOf, jobWords } from './job.ts';
import { idleMs, type JobQueue, LEASE_SECONDS, type QueuedJob, queueOf } from './queue.ts';

export interface WorkerOptions {
  readonly name: string;
  /** Of its disk: whose benchmarks it does; none: explorations only. */
  readonly labels: readonly string[];
  readonly directory: string;
  /** For explorations and fuzzing. */
  readonly threads: number;
  readonly program: Job['program'];
  /** End when there is nothing to do. */
  readonly untilEmpty: boolean;
  readonly tell: (line: string) => void;
}

/** Where jobs are queued that cannot be done yet, and the worker ends when there are none. */
const RETRIED_MS = 500;
/** Of the workers that one announcement wakes, how many ask in a millisecond: what a database of a few cores answers. */
const WOKEN_PER_MS = 0.5;
const AWAY_MS = 1000;
const RENEW_MS = (LEASE_SECONDS * 1000) / 3;
const SUPERVISE_MS = 2500;

export class FleetWorker {
  readonly #options: WorkerOptions;
  readonly #queue: JobQueue;
  readonly #store: ResultStore;
  readonly #signal: AbortSignal;
  #doing = 'waiting';
  #isAway = false;
  #workers = 1;
  #supervisedMs = Number.NEGATIVE_INFINITY;

  /** Aborting `signal` ends the worker in order. */
  constructor(options: WorkerOptions, queue: JobQueue, store: ResultStore, signal: AbortSignal) {
    this.#options = options;
    this.#queue = queue;
    this.#store = store;
    this.#signal = signal;
  }

  /** Works until the signal, or until the queues are empty; gives the number of jobs that were done. */
  async run(): Promise<number> {
    let done = 0;
    while (!this.#signal.aborted) {
      await this.#patiently(() => this.#sayAlive());
      await this.#patiently(() => this.#supervise());
      const taken = await this.#patiently(() => this.#next());
      if (taken === undefined) break;
      if (taken !== null) {
        if (await this.#attempt(taken)) done++;
        continue;
      }
      if (this.#options.untilEmpty && (await this.#patiently(() => this.#queue.hasWaiting(this.#queues()))) !== true)
        break;
      await this.#idle();
    }
    this.#doing = 'ended';
    await this.#sayAlive().catch(() => {});
    return done;
  }

  /** Until there may be work. Workers that begin to wait together, or are woken together, do not ask together. */
  async #idle(): Promise<void> {
    const ms = this.#options.untilEmpty ? RETRIED_MS : idleMs(this.#workers) * (0.75 + Math.random() / 2);
    const isWoken = await this.#queue.wait(this.#queues(), ms, this.#signal);
    if (!isWoken) return;
    const turnMs = (Math.random() * this.#workers) / WOKEN_PER_MS;
    await sleep(turnMs, undefined, { signal: this.#signal }).catch(() => {});
  }

  /** Ends the leases of workers that are gone; an idle worker asks for work more often than that. */
  async #supervise(): Promise<void> {
    if (performance.now() < this.#supervisedMs + SUPERVISE_MS) return;
    await this.#queue.supervise();
    this.#supervisedMs = performance.now();
  }

  /** Benchmarks first: only few workers can do them. */
  async #next(): Promise<QueuedJob | null> {
    for (const queue of this.#queues()) {
      const job = await this.#queue.take(queue);
      if (job !== null) return job;
    }
    return null;
  }

  #queues(): string[] {
    const { labels, program } = this.#options;
    return [...labels, null].map((label) => queueOf(label, program));
  }

  /** True where the job was done. */
  async #attempt(taken: QueuedJob): Promise<boolean> {
    const lost = new AbortController();
    const lease = setInterval(() => void this.#renew(taken, lost), RENEW_MS);
    try {
      const job = jobOf(taken.data);
      this.#doing = jobWords(job);
      this.#options.tell(`${this.#doing}: begun (job ${taken.id})`);
      const outcome = await carryOut(job, this.#workplace(), AbortSignal.any([this.#signal, lost.signal]));
      if (outcome === null) return this.#giveUp(taken, lost.signal.aborted);
      const isOurs = await this.#patiently(() => this.#queue.complete(taken, { message: outcome }));
      if (isOurs === false) return this.#giveUp(taken, true);
      this.#options.tell(`${this.#doing}: ${outcome}`);
      return true;
    } catch (error) {
      const { message } = describeFailure(error);
      this.#options.tell(`${this.#doing}: failed: ${message}`);
      await this.#patiently(() => this.#queue.fail(taken, message, isBadInput(error)));
      return false;
    } finally {
      clearInterval(lease);
      this.#doing = 'waiting';
    }
  }

  async #giveUp(taken: QueuedJob, isLost: boolean): Promise<false> {
    this.#options.tell(`${this.#doing}: ${isLost ? 'cancelled, or done elsewhere' : 'given back'}`);
    if (!isLost) await this.#queue.giveBack(taken).catch((error: Error) => this.#options.tell(error.message));
    return false;
  }

  /** A database that is away says nothing about the lease; the job is continued. */
  async #renew(taken: QueuedJob, lost: AbortController): Promise<void> {
    try {
      if (!(await this.#queue.renew(taken))) lost.abort();
      await this.#sayAlive();
    } catch {}
  }

  async #sayAlive(): Promise<void> {
    const { name, labels } = this.#options;
    this.#workers = Math.max(1, await this.#queue.sayAlive(name, labels, this.#doing));
  }

  #workplace(): Workplace {
    const { directory, threads } = this.#options;
    return {
      directory,
      threads,
      follower: new StoreFollower(this.#store, this.#options.tell),
      keepPart: async (work, shard, document) => {
        await this.#patiently(() => this.#queue.keepPart(work, shard, document));
      },
      keepRun: async (runId, document, report) => {
        await this.#patiently(() => this.#store.put(document));
        if (report !== null) await this.#patiently(() => this.#store.attach(runId, 'html', report));
      },
    };
  }

  /** Asks again until the database is back; undefined where the worker is ended meanwhile. */
  async #patiently<Result>(ask: () => Promise<Result>): Promise<Result | undefined> {
    for (;;) {
      try {
        const result = await ask();
        if (this.#isAway) this.#options.tell('the database is back');
        this.#isAway = false;
        return result;
      } catch (error) {
        if (!isAway(error)) throw error;
        if (!this.#isAway) this.#options.tell(`${describeFailure(error).message}; waiting for it`);
        this.#isAway = true;
        if (this.#signal.aborted) return undefined;
        await sleep(AWAY_MS, undefined, { signal: this.#signal }).catch(() => {});
      }
    }
  }
}
