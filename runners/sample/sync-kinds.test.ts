import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileEvent } from '../../engine/index.ts';
import { SyncKinds } from './sync-kinds.ts';

test('syncs are told apart by what they found', () => {
  const kinds = new SyncKinds(4096);
  const event = (op: FileEvent['op'], offset = 0, lengthBytes = 0) =>
    kinds.event({ op, what: 'data', offset, lengthBytes, startNs: 0, durationNs: 0 });
  event('sync');
  event('read', 0, 512);
  event('sync');
  assert.deepEqual([kinds.clean, kinds.growing], [2, 0]);
  event('write', 0, 4096);
  event('sync');
  assert.deepEqual([kinds.clean, kinds.growing], [2, 0]);
  event('write', 4096, 1);
  event('sync');
  event('truncate', 8192);
  event('sync');
  assert.deepEqual([kinds.clean, kinds.growing], [2, 2]);
  event('truncate', 4096);
  event('write', 4096, 100);
  event('sync');
  assert.deepEqual([kinds.clean, kinds.growing], [2, 3]);
});
