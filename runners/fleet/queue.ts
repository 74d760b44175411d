/** The queue of jobs, kept in the same database by pg-boss; docs/decisions says why by it. */
import { type DatabaseOptions, PgBoss } from 'pg-boss';
import type { StoreAddress } from '../stores/connection.ts';
import { QUEUE_SCHEMA } from '../stores/migrations.ts';

/** Jobs that use all cores, and jobs that need a disk to themselves; the latter by label: `bench-nvme`. */
const EXPLORE_QUEUE = 'explore';

const QUEUE_OPTIONS = { retryLimit: 3, expireInSeconds: 24 * 3600, deleteAfterSeconds: 30 * 24 * 3600 };

/** Makes the tables of the queue, or brings them up to date; for the owner of the database. */
export async function makeQueue({ config }: StoreAddress): Promise<void> {
  const boss = new PgBoss({ ...(config as DatabaseOptions), schema: QUEUE_SCHEMA, supervise: false, schedule: false });
  await boss.start();
  try {
    await boss.createQueue(EXPLORE_QUEUE, QUEUE_OPTIONS);
  } finally {
    await boss.stop({ graceful: false });
  }
}
