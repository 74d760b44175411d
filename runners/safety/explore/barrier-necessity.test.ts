import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedWorkloads } from '../requests/named-workloads.ts';
import { recordWorkload } from '../states/record-workload.ts';
import { barrierNecessity } from './barrier-necessity.ts';

test('some barriers of an allocation bear load by themselves, and the recording without one is another', () => {
  const [workload] = namedWorkloads({ clusterSizeBytes: 4096, cacheTables: null });
  for (const policy of ['legacy', 'writethrough', 'writeback'] as const) {
    const recording = recordWorkload(workload!, { policy, stage: null, hostCacheMode: null });
    const { barriers, loadBearing, guestWrites } = barrierNecessity(recording, { statesPerPoint: 1024, seed: 1 });
    const syncs = recording.events.filter((event) => event.op === 'sync' || (event.op === 'write' && event.durable));
    assert.equal(barriers, syncs.length, policy);
    assert.equal(guestWrites, 3);
    assert.ok(loadBearing > 0, `${policy}: ${loadBearing} of ${barriers}`);
  }
});
