import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncKinds } from './sync-kinds.ts';

test('syncs are told apart by what they found', () => {
  const kinds = new SyncKinds(4096);
  const sync = () => kinds.take({ op: 'sync', cause: 'guest-flush' });
  const access = (op: 'read' | 'write', offset: number, lengthBytes: number) =>
    kinds.take({ op, offset, bytes: new Uint8Array(lengthBytes), kind: 'data' });
  const range = (op: 'punch' | 'preallocate', offset: number, lengthBytes: number) =>
    kinds.take({ op, offset, lengthBytes });
  const truncate = (sizeBytes: number) => kinds.take({ op: 'truncate', sizeBytes });
  sync();
  access('read', 0, 512);
  sync();
  assert.deepEqual([kinds.clean, kinds.growing], [2, 0]);
  access('write', 0, 4096);
  sync();
  assert.deepEqual([kinds.clean, kinds.growing], [2, 0]);
  access('write', 4096, 1);
  sync();
  truncate(8192);
  sync();
  assert.deepEqual([kinds.clean, kinds.growing], [2, 2]);
  truncate(4096);
  access('write', 4096, 100);
  sync();
  assert.deepEqual([kinds.clean, kinds.growing], [2, 3]);
  range('preallocate', 4096, 4096);
  sync();
  assert.deepEqual([kinds.clean, kinds.growing], [2, 4]);
  range('preallocate', 0, 4096);
  sync();
  range('punch', 0, 4096);
  sync();
  assert.deepEqual([kinds.clean, kinds.growing], [2, 4]);
});
