/**
 * Who waits for jobs is woken when some are queued, by LISTEN and NOTIFY of the database. An announcement is a hint: one may be lost with its
 * connection, so whoever waits asks again after a while, too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase, Notification } from 'pg';

/** One channel for all queues; an announcement names its queue. */
const LISTEN = 'LISTEN cowbench_jobs';
export const ANNOUNCE = "SELECT pg_notify('cowbench_jobs', $1)";

export class Announcements {
  readonly #unread = new Set<string>();
  readonly #waiting = new Set<() => void>();

  /** From now on this connection brings announcements. */
  async listen(client: ClientBase): Promise<void> {
    client.on('notification', ({ payload = '' }: Notification) => {
      this.#unread.add(payload);
      for (const look of this.#waiting) look();
    });
    await client.query(LISTEN);
  }

  /** What was announced until now is about to be looked for. */
  read(queue: string): void {
    this.#unread.delete(queue);
  }

  /** True where one of `queues` was announced since it was read; false after `ms`, or by `signal`. */
  async wait(queues: readonly string[], ms: number, signal: AbortSignal): Promise<boolean> {
    const isUnread = () => queues.some((queue) => this.#unread.has(queue));
    const over = new AbortController();
    const look = () => {
      if (isUnread()) over.abort();
    };
    this.#waiting.add(look);
    look();
    await sleep(ms, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => {});
    this.#waiting.delete(look);
    return isUnread();
  }
}
