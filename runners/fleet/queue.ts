/**
 * The queue of jobs, kept by pg-boss in the same database (`docs/decisions` says why). A job that is being done is leased: its worker says
 * that it lives, and a job whose worker does not is done by another. After `RETRIES` failures it is set aside with its error, and after
 * `MOST_ATTEMPTS` attempts whatever ended them: it may be what kills its workers.
 */
import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { type StoreAddress, storeError } from '../stores/connection.ts';
import { QUEUE_SCHEMA } from '../stores/migrations.ts';
import { ANNOUNCE, Announcements } from './announcements.ts';
import type { Job } from './job.ts';
import { type Affected, type Boss, type KeptJob, newBoss } from './queue-library.ts';

const RETRIES = 3;
const MOST_ATTEMPTS = 20;
/** A worker says twice in this time that it lives. */
export const LEASE_SECONDS = 10;
/** Leases are looked through this often, by whichever worker comes first: a job of a dead worker waits no longer than both. */
const SUPERVISE_SECONDS = 5;
/** An idle worker asks for work this often without being called, and all idle workers together no more than `FLEET_ASKS` times a second. */
const IDLE_MS = 2000;
const FLEET_ASKS = 50;
/** A retry waits, longer each time: what broke a job may pass. */
const RETRY_SECONDS = 1;
const RETRY_MOST_SECONDS = 60;
/** A connection on which nothing is answered for this long is given up: the server, or the way to it, may be gone. */
const ANSWER_MS = 30_000;

const QUEUE_OPTIONS = {
  ...{ retryLimit: MOST_ATTEMPTS, retryDelay: RETRY_SECONDS, retryBackoff: true, retryDelayMax: RETRY_MOST_SECONDS },
  heartbeatSeconds: LEASE_SECONDS,
  // What is set aside, and what was done, can be looked at for a month.
  ...{ expireInSeconds: 23 * 3600, deleteAfterSeconds: 30 * 24 * 3600, retentionSeconds: 30 * 24 * 3600 },
};

export type JobState = KeptJob['state'];

export interface QueuedJob {
  readonly id: string;
  readonly queue: string;
  readonly state: JobState;
  readonly retries: number;
  readonly priority: number;
  /** Not checked. */
  readonly data: unknown;
  /** Why it failed the last time. */
  readonly error: string | null;
  /** In a row: a lease that is lost, which says nothing against the job, begins a new one. */
  readonly failures: number;
}

export interface WorkerRow {
  readonly worker: string;
  readonly labels: readonly string[];
  readonly doing: string;
  /** Since it last said that it lives. */
  readonly silentSeconds: number;
}

/**
 * The queue of a kind of work and a program: jobs that use all cores are in one, those that need a disk to themselves in another for each
 * label. A worker only ever sees jobs of its own program.
 */
export function queueOf(label: string | null, program: Job['program']): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(Object.entries(program).sort()))
    .digest('hex');
  return `${label === null ? 'explore' : `bench-${label}`}-${hash.slice(0, 12)}`;
}

/** Makes the tables of the queue, or brings them up to date; for the owner of the database. */
export async function makeQueue({ config }: StoreAddress): Promise<void> {
  const boss = await newBoss({ ...config, schema: QUEUE_SCHEMA, supervise: false, schedule: false });
  await boss.start();
  await boss.stop({ graceful: false });
}

export class JobQueue implements AsyncDisposable {
  readonly name: string;
  readonly #boss: Boss;
  readonly #pool: pg.Pool;
  readonly #known = new Set<string>();
  readonly #announcements: Announcements;

  private constructor(name: string, pool: pg.Pool, boss: Boss, announcements: Announcements) {
    this.name = name;
    this.#announcements = announcements;
    this.#boss = boss;
    this.#pool = pool;
    // Requests report the same; an idle connection that breaks must not end the process.
    this.#boss.on('error', () => {});
    this.#pool.on('error', () => {});
  }

  /** `listens`: it will {@link wait}. */
  static async open({ name, config }: StoreAddress, listens = false): Promise<JobQueue> {
    const announcements = new Announcements();
    // One connection each: a server takes a hundred by default, and a fleet may have nearly that many workers.
    const listening = { onConnect: (client: pg.ClientBase) => announcements.listen(client), idleTimeoutMillis: 0 };
    const pool = new pg.Pool({ ...config, max: 1, query_timeout: ANSWER_MS, ...(listens && listening) });
    const db = { executeSql: (text: string, values?: unknown[]) => pool.query(text, values) };
    const options = { schema: QUEUE_SCHEMA, migrate: false, createSchema: false, schedule: false, supervise: false };
    const pace = { monitorIntervalSeconds: SUPERVISE_SECONDS, superviseIntervalSeconds: SUPERVISE_SECONDS };
    const queue = new JobQueue(name, pool, await newBoss({ db, ...options, ...pace }), announcements);
    await queue.#asking(() => queue.#boss.start());
    return queue;
  }

  /** Queues `job`; a higher `priority` comes first. Gives its id. */
  async submit(job: Job, label: string | null, priority: number): Promise<string> {
    const queue = queueOf(label, job.program);
    await this.#make(queue);
    const id = randomUUID();
    await this.#asking(() => this.#boss.send(queue, job, { id, priority }));
    return id;
  }

  /** Wakes the workers that wait for jobs of `queue`. */
  async announce(queue: string): Promise<void> {
    await this.#asking(() => this.#pool.query(ANNOUNCE, [queue]));
  }

  /** Until jobs of one of `queues` are announced: true; or for `ms`. */
  wait(queues: readonly string[], ms: number, signal: AbortSignal): Promise<boolean> {
    return this.#announcements.wait(queues, ms, signal);
  }

  /** Leases the next job of `queue`; null where there is none. */
  async take(queue: string): Promise<QueuedJob | null> {
    await this.#make(queue);
    this.#announcements.read(queue);
    const [job] = await this.#asking(() => this.#boss.fetch(queue, { includeMetadata: true }));
    return job === undefined ? null : plainJob(job);
  }

  /** True where jobs of `queues` wait, also those that are retried later. */
  async hasWaiting(queues: readonly string[]): Promise<boolean> {
    const { rows } = await this.#asking(() => this.#pool.query(WAITING, [queues]));
    return (rows[0] as { waiting: boolean }).waiting;
  }

  /** Renews the lease; false where the job was cancelled or given to another worker. */
  async renew({ queue, id, retries }: QueuedJob): Promise<boolean> {
    return isAffected(await this.#asking(() => this.#boss.touch(queue, [{ id, retryCount: retries }])));
  }

  /** False where the job was cancelled or given to another worker. */
  async complete({ queue, id, retries }: QueuedJob, result: object): Promise<boolean> {
    return isAffected(await this.#asking(() => this.#boss.complete(queue, [{ id, retryCount: retries }], result)));
  }

  /** It is retried, or, after the last retry, set aside; `isPoisonous`: at once, as no retry could do better. */
  async fail({ queue, id, retries, failures }: QueuedJob, error: string, isPoisonous: boolean): Promise<void> {
    if (isPoisonous || failures >= RETRIES) await this.#asking(() => this.#pool.query(SET_ASIDE, [queue, id]));
    const output = { message: error, failures: failures + 1 };
    await this.#asking(() => this.#boss.fail(queue, [{ id, retryCount: retries }], output));
  }

  /** Puts a leased job back as it was: its worker ends in order. */
  async giveBack({ queue, id, retries }: QueuedJob): Promise<void> {
    await this.#asking(() => this.#boss.cancel(queue, [{ id, retryCount: retries }]));
    await this.#asking(() => this.#boss.resume(queue, id));
    await this.announce(queue);
  }

  /** True where there was such a job, not yet over. */
  async cancel(id: string): Promise<boolean> {
    const job = (await this.jobs()).find((one) => one.id === id);
    if (job === undefined || !['created', 'retry', 'active'].includes(job.state)) return false;
    await this.#asking(() => this.#boss.cancel(job.queue, id));
    return true;
  }

  /** Queues again what was set aside. */
  async retry(id: string): Promise<boolean> {
    const job = (await this.jobs()).find((one) => one.id === id);
    if (job?.state !== 'failed') return false;
    await this.#asking(() => this.#boss.retry(job.queue, id));
    await this.announce(job.queue);
    return true;
  }

  /** Every job that is remembered, oldest first. */
  async jobs(): Promise<QueuedJob[]> {
    const queues = await this.#asking(() => this.#boss.getQueues());
    const lists = await Promise.all(
      queues.map(({ name }) => this.#asking(() => this.#boss.findJobs(name, { limit: 100_000 }))),
    );
    return lists.flat().map(plainJob);
  }

  /** Ends leases whose workers are silent. Any worker may do it. */
  async supervise(): Promise<void> {
    await this.#asking(() => this.#boss.supervise());
  }

  /** Gives the number of workers that have said so lately. */
  async sayAlive(worker: string, labels: readonly string[], doing: string): Promise<number> {
    const { rows } = await this.#asking(() => this.#pool.query(ALIVE, [worker, labels, doing]));
    return (rows[0] as { alive: number }).alive;
  }

  async workers(): Promise<WorkerRow[]> {
    const { rows } = await this.#asking(() =>
      this.#pool.query(
        `SELECT worker, labels, doing, extract(epoch FROM now() - seen_at)::integer AS "silentSeconds"
         FROM cowbench.worker ORDER BY worker`,
      ),
    );
    return rows as WorkerRow[];
  }

  /** Keeps the result of a shard: to keep it again changes nothing. */
  async keepPart(work: string, shard: number, document: string): Promise<void> {
    await this.#asking(() =>
      this.#pool.query(
        `INSERT INTO cowbench.part (work, shard, document) VALUES ($1, $2, $3)
         ON CONFLICT (work, shard) DO UPDATE SET document = excluded.document`,
        [work, shard, document],
      ),
    );
  }

  async parts(work: string): Promise<{ readonly shard: number; readonly document: string }[]> {
    const text = 'SELECT shard, document FROM cowbench.part WHERE work = $1 ORDER BY shard';
    const { rows } = await this.#asking(() => this.#pool.query(text, [work]));
    return rows as { shard: number; document: string }[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#boss.stop({ graceful: false }).catch(() => {});
    await this.#pool.end();
  }

  async #make(queue: string): Promise<void> {
    if (this.#known.has(queue)) return;
    await this.#asking(() => this.#boss.createQueue(queue, QUEUE_OPTIONS));
    this.#known.add(queue);
  }

  async #asking<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask();
    } catch (error) {
      throw storeError(this.name, error);
    }
  }
}

/** How long an idle worker, one of `workers`, waits before it asks for work again. */
export function idleMs(workers: number): number {
  return Math.max(IDLE_MS, (workers * 1000) / FLEET_ASKS);
}

const ALIVE = `
  WITH me AS (
    INSERT INTO cowbench.worker (worker, labels, doing) VALUES ($1, $2, $3)
    ON CONFLICT (worker) DO UPDATE SET labels = excluded.labels, doing = excluded.doing, seen_at = now()
  )
  SELECT count(*)::integer AS alive FROM cowbench.worker WHERE seen_at > now() - interval '2 minutes' AND doing <> 'ended'
`;
const WAITING =
  "SELECT EXISTS (SELECT FROM cowbench_queue.job WHERE name = ANY ($1) AND state IN ('created', 'retry')) AS waiting";
const SET_ASIDE = 'UPDATE cowbench_queue.job SET retry_limit = retry_count WHERE name = $1 AND id = $2';

function isAffected(response: Affected): boolean {
  return response.affected !== 0;
}

function plainJob({ id, name, state, retryCount, priority, data, output }: KeptJob): QueuedJob {
  // Errors of the queue itself, such as the end of a lease, are one level down.
  const { value, ...own } = (output ?? {}) as { message?: unknown; failures?: unknown; value?: { message?: unknown } };
  const message = own.message ?? value?.message;
  return {
    id,
    queue: name,
    state,
    retries: retryCount,
    priority,
    data,
    error: typeof message === 'string' ? message : null,
    failures: typeof own.failures === 'number' ? own.failures : 0,
  };
}
