import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExactCounters } from './record.ts';
import { syncWork } from './sync-work.ts';
import { sampleCell } from './testing/sample-record.ts';

const counters = (fields: Partial<ExactCounters>) => fields as ExactCounters;

test('syncs with and without work: from the counters, from an older record, or not known', () => {
  const now = sampleCell({ exact: counters({ fsyncs: 10, workingSyncs: 3 }) });
  assert.deepEqual(syncWork(now), { working: 3, idle: 7 });
  const older = sampleCell({ exact: counters({ fsyncs: 10 }), cleanSyncs: 4 });
  assert.deepEqual(syncWork(older), { working: 6, idle: 4 });
  assert.equal(syncWork(sampleCell({ exact: counters({ fsyncs: 10 }) })), null);
  assert.equal(syncWork(sampleCell()), null);
});
