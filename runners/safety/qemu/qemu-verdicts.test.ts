import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftOutReason, testTools } from '../../testing/tools.ts';
import { namedWorkloads } from '../requests/named-workloads.ts';
import { recordWorkload } from '../states/record-workload.ts';
import { compareCheckers } from './qemu-verdicts.ts';

// Threads run qemu-img here, and what they miss is not seen from this one.
const isLeftOut = (process.env.CI ?? '') === '' && testTools().missing.includes('qemu-img');
const skip = isLeftOut && leftOutReason('qemu-img');

test('qemu-img check says of 200 and more crash states what our checker says', { skip }, async () => {
  const workloads = [1024, 4096].flatMap((clusterSizeBytes) => namedWorkloads({ clusterSizeBytes, cacheTables: null }));
  // A file that is no image yet, and images with the dirty bit, are judged otherwise by intent.
  const small = workloads.filter(({ name }) => !/^(create|lazy-.*|refcount-growth)$/.test(name));
  const stages = ['S3', 'S4b'] as const;
  const recordings = stages.flatMap((stage) =>
    small.map((workload) => recordWorkload(workload, { policy: 'writeback', stage, hostCacheMode: null })),
  );
  const matrix = await compareCheckers(recordings, 60);
  const total = [...matrix.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(total >= 200, `${total} states`);
  for (const outcome of ['sound', 'leaks', 'corrupt']) {
    assert.ok((matrix.get(`${outcome}/${outcome}`) ?? 0) > 0, `no state that both call ${outcome}`);
  }
  const apart = [...matrix.keys()].filter((key) => new Set(key.split('/')).size === 2);
  assert.deepEqual(apart, []);
});
