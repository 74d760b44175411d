import assert from 'node:assert/strict';
import { test } from 'node:test';
import { policyNames } from '../../../engine/index.ts';
import { runJob } from './jobs.ts';
import { operationJobs, operationSafety, operationsOf } from './operation-safety.ts';

test('the table of safety by operation is what an exploration finds (a policy was changed? npm run docs:operations)', () => {
  for (const policy of ['legacy', 'reserve']) {
    const now = operationJobs([policy]).map((job) =>
      operationSafety(
        job,
        runJob(job.job, () => false),
      ),
    );
    assert.deepEqual(operationsOf({ policy, stage: null, hostCacheMode: null }), now, policy);
  }
});

test('the table has every policy of the program, and none at a stage that is not its own', () => {
  for (const policy of policyNames()) {
    const expected = operationJobs([policy]).map(({ operation, onSnapshot }) => [operation, onSnapshot]);
    const rows = operationsOf({ policy, stage: null, hostCacheMode: null });
    assert.deepEqual(
      rows.map(({ operation, onSnapshot }) => [operation, onSnapshot]),
      expected,
      policy,
    );
  }
  assert.deepEqual(operationsOf({ policy: 'writeback', stage: 'S1', hostCacheMode: null }), []);
});
