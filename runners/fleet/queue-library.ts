/**
 * pg-boss, loaded when a queue is used. It needs a newer Node than `npm ci` of a checkout does, so it is a package of its own in the
 * folder `queue-library`, which `npm ci` brings where it can. Nothing else depends on it, not even by types.
 */
import { pathToFileURL } from 'node:url';
import type { ClientConfig } from 'pg';
import { UsageError } from '../console/errors.ts';
import { QUEUE_INSTALL, queueLibrary } from '../console/project-root.ts';

/** What is kept of a job. */
export interface KeptJob {
  readonly id: string;
  readonly name: string;
  readonly state: 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed';
  readonly retryCount: number;
  readonly priority: number;
  readonly data: unknown;
  readonly output?: object | null;
}

/** One attempt at a job: another attempt at it is not settled by mistake. */
interface Attempt {
  readonly id: string;
  readonly retryCount: number;
}

export interface Affected {
  readonly affected?: number;
}

/** What the fleet uses of pg-boss. */
export interface Boss {
  on(event: 'error', listener: () => void): unknown;
  start(): Promise<unknown>;
  stop(options: { readonly graceful: boolean }): Promise<void>;
  createQueue(name: string, options: object): Promise<void>;
  send(name: string, data: object, options: { readonly id: string; readonly priority: number }): Promise<unknown>;
  fetch(name: string, options: { readonly includeMetadata: true }): Promise<KeptJob[]>;
  touch(name: string, attempts: readonly Attempt[]): Promise<Affected>;
  complete(name: string, attempts: readonly Attempt[], output: object): Promise<Affected>;
  fail(name: string, attempts: readonly Attempt[], output: object): Promise<unknown>;
  cancel(name: string, attempts: string | readonly Attempt[]): Promise<unknown>;
  resume(name: string, id: string): Promise<unknown>;
  retry(name: string, id: string): Promise<unknown>;
  getQueues(): Promise<{ readonly name: string }[]>;
  findJobs(name: string, options: { readonly limit: number }): Promise<KeptJob[]>;
  supervise(): Promise<void>;
}

type BossOptions = ClientConfig & Readonly<Record<string, unknown>>;

/** Throws UsageError, with the command that installs it, where it is not there. */
export async function newBoss(options: BossOptions): Promise<Boss> {
  const place = queueLibrary();
  if (place === null)
    throw new UsageError(`a queue of jobs needs the package pg-boss (Node 22.12 or newer); ${QUEUE_INSTALL} brings it`);
  const loaded: { readonly PgBoss: new (options: BossOptions) => Boss } = await import(pathToFileURL(place).href);
  return new loaded.PgBoss(options);
}
