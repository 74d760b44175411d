/**
 * Workers on one queue with empty jobs, in a PostgreSQL of its own: jobs a second, how evenly they are dealt out, and that none is done
 * twice; then how often idle workers can ask, and how soon they hear of a job. `npm run fleet:scale -- WORKERS JOBS`.
 */
import { performance } from 'node:perf_hooks';
import { median } from '../../../results/statistics.ts';
import { storeAddress } from '../../stores/connection.ts';
import { migrate } from '../../stores/migrate.ts';
import { PostgresServer } from '../../stores/testing/postgres-server.ts';
import type { Job } from '../job.ts';
import { JobQueue, makeQueue, queueOf } from '../queue.ts';

const [workers = 64, jobs = 6400] = process.argv.slice(2).map(Number);
const PROGRAM = { version: '0', commit: null, dirty: false };
const QUEUE = queueOf(null, PROGRAM);
const ASKS = 20;
const CALLS = 20;
/** Never carried out; what a shard of a safety record weighs. */
const JOB = {
  ...{ kind: 'safety', work: 'safety-00000000', program: PROGRAM, shard: { index: 1, count: 1 } },
  plan: { length: 1, clusterSizes: [512], caches: [null], statesPerPoint: 2, qemuStates: 0, mutants: 'none' },
} as unknown as Job;

const server = new PostgresServer();
try {
  await server.start();
  const address = storeAddress(server.database('queue'));
  await migrate(address, () => makeQueue(address));
  const queues = await Promise.all(Array.from({ length: workers }, () => JobQueue.open(address, true)));
  const submitted = performance.now();
  await Promise.all(
    queues.map(async (queue, place) => {
      for (let job = place; job < jobs; job += workers) await queue.submit(JOB, null, 0);
    }),
  );
  console.log(`${jobs} jobs submitted, ${rate(submitted)} a second`);
  const done = new Map<string, number>();
  const counts: number[] = [];
  const start = performance.now();
  await Promise.all(
    queues.map(async (queue, place) => {
      counts[place] = 0;
      for (;;) {
        const job = await queue.take(QUEUE);
        if (job === null) return;
        done.set(job.id, (done.get(job.id) ?? 0) + 1);
        if (await queue.complete(job, {})) counts[place]!++;
      }
    }),
  );
  console.log(`${workers} workers: ${rate(start)} jobs taken and completed a second`);
  const twice = [...done.values()].filter((times) => times > 1).length;
  const total = counts.reduce((sum, count) => sum + count, 0);
  console.log(`${total} done, ${twice} of them twice; a worker did ${Math.min(...counts)} to ${Math.max(...counts)}`);
  if (twice > 0 || total !== jobs) process.exitCode = 1;
  const asked = performance.now();
  await Promise.all(
    queues.map(async (queue, place) => {
      for (let ask = 0; ask < ASKS; ask++) {
        await queue.sayAlive(`worker-${place}`, [], 'waiting');
        await queue.take(QUEUE);
      }
    }),
  );
  console.log(`idle workers: ${rate(asked, workers * ASKS)} can ask for work a second`);
  const heardMs: number[] = [];
  for (let call = 0; call < CALLS; call++) {
    const ears = queues.map((queue) => queue.wait([QUEUE], 60_000, new AbortController().signal));
    const called = performance.now();
    await queues[0]!.announce(QUEUE);
    const heard = await Promise.all(ears);
    heardMs.push(performance.now() - called);
    if (!heard.every(Boolean)) process.exitCode = 1;
    await Promise.all(queues.map((queue) => queue.take(QUEUE)));
  }
  console.log(`an announcement has woken all ${workers} after ${median(heardMs).toFixed(1)} ms, median`);
  await Promise.all(queues.map((queue) => queue[Symbol.asyncDispose]()));
} finally {
  await server.remove();
}

function rate(sinceMs: number, count = jobs): number {
  return Math.round(count / ((performance.now() - sinceMs) / 1000));
}
