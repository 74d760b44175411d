/** `database`: PostgreSQL with pgbench on ext4, with checkpoints, as it was recorded. */
import { noRequests } from './batches.ts';
import { DATABASE_DISK_BYTES, recordedTrace } from './recorded-trace.ts';
import { defineWorkload } from './workload.ts';

export const database = defineWorkload({
  name: 'database',
  title: 'PostgreSQL with pgbench on ext4 (recorded)',
  parameters: {},
  plan() {
    const trace = recordedTrace('postgresql');
    return {
      ...trace,
      diskSizeBytes: DATABASE_DISK_BYTES,
      describe: () =>
        `PostgreSQL on a new ext4 of 1 GiB: initdb, load, pgbench with checkpoints: ${trace.totalRequests} requests of a real guest`,
      prepare: noRequests,
    };
  },
});
