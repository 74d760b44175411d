/** Threads explore; what they find is the same whoever was faster, and an interruption keeps what they have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPERATIONS } from '../requests/operation-table.ts';
import { exploreJobs } from './exploration-pool.ts';
import { type ExplorationJob, runJob } from './jobs.ts';
import { sumOf, type Tally } from './tally.ts';

function jobs(maxLength: number): ExplorationJob[] {
  const subject = { policy: 'writeback', stage: null, hostCacheMode: null } as const;
  const shape = { clusterSizeBytes: 512, cacheTables: null, start: 'shared', maxLength };
  const options = { statesPerPoint: 2 ** 16, seed: 1 };
  return OPERATIONS.map(({ name }) => ({ subject, work: { space: { ...shape, first: name } }, options }));
}

test('any number of threads gives the same sum, examples included', async () => {
  const alone = sumOf(jobs(1).map((job) => runJob(job, () => false)));
  for (const threads of [1, 3]) assert.deepEqual(await exploreJobs(jobs(1), { threads }), alone);
});

test('an interruption ends it between two sequences, and keeps those that were explored', async () => {
  const controller = new AbortController();
  const whole = (await exploreJobs(jobs(2))).workloads;
  const tally = await exploreJobs(jobs(2), {
    threads: 2,
    signal: controller.signal,
    onDone: () => controller.abort(),
  });
  assert.ok(tally.workloads >= 1 && tally.states > 0);
  assert.ok(tally.workloads < whole, `${tally.workloads} of ${whole}`);
});

test('a job that may stop does so before its next sequence', () => {
  const [job] = jobs(2);
  let asked = 0;
  assert.equal(runJob(job!, () => ++asked > 3).workloads, 3);
});

test('a thread at work learns of an interruption: the job that it has begun is not carried through', async () => {
  const controller = new AbortController();
  const [job] = jobs(2);
  const whole = runJob(job!, () => false).workloads;
  const running = exploreJobs([job!], { threads: 1, signal: controller.signal });
  setImmediate(() => controller.abort());
  const { workloads } = await running;
  assert.ok(workloads < whole, `${workloads} of ${whole}`);
});

test('with several table caches in one job, what is not explored twice counts as if it were', () => {
  const [job] = jobs(2);
  assert.ok(job !== undefined && 'space' in job.work);
  const { space } = job.work;
  const caches = [null, { l2: 2, refcounts: 2 }];
  const together = runJob({ ...job, work: { space, caches } }, () => false);
  const apart = sumOf(
    caches.map((cacheTables) => runJob({ ...job, work: { space: { ...space, cacheTables } } }, () => false)),
  );
  const numbers = ({ examples: _, ...rest }: Tally) => rest;
  assert.deepEqual(numbers(together), numbers(apart));
});
