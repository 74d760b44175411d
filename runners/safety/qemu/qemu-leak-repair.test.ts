/** Today's `qemu-img check -r leaks` on crash states: what the recommended policies promise, and what history does not keep. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { toolVersion } from '../../qemu/tools.ts';
import { namedWorkloads } from '../requests/named-workloads.ts';
import { recordWorkload } from '../states/record-workload.ts';
import { repairLeaks } from './qemu-leak-repair.ts';

const STATES = 8;

before(() => {
  toolVersion('qemu-img');
});

function repairAll(policy: string) {
  const workloads = namedWorkloads({ clusterSizeBytes: 4096, cacheTables: null });
  const ofSnapshots = workloads.filter(({ name }) => /^snapshot-(create|apply|delete)$/.test(name));
  const subject = { policy, stage: null, hostCacheMode: null };
  return repairLeaks(
    ofSnapshots.map((workload) => recordWorkload(workload, subject)),
    STATES,
  );
}

for (const policy of ['ordered', 'reserve']) {
  test(`${policy}: every state is clean afterwards, and nothing reads differently`, async () => {
    const sums = await repairAll(policy);
    for (const op of ['snapshot-create', 'snapshot-apply', 'snapshot-delete']) assert.ok(sums.has(op), op);
    for (const [op, { states, unclean, cleaned, changed }] of sums) {
      assert.ok(states > 0);
      assert.deepEqual({ op, cleaned, changed }, { op, cleaned: unclean, changed: 0 });
    }
    assert.ok(
      [...sums.values()].some(({ unclean }) => unclean > 0),
      'there is something to repair',
    );
  });
}

test('legacy: some state of a snapshot operation is beyond that', async () => {
  const sums = [...(await repairAll('legacy')).values()];
  assert.ok(sums.some(({ unclean, cleaned }) => cleaned < unclean));
});
