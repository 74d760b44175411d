import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryFile } from '../io/memory-file.ts';
import { CountingFile } from './counting-file.ts';

test('syncs are told apart by what they found', () => {
  const file = new CountingFile(new MemoryFile('disk', new Uint8Array(4096)));
  const kinds = file.syncKinds;
  const sync = () => file.sync('guest-flush');
  const access = (op: 'read' | 'write', offset: number, lengthBytes: number) =>
    file[op](offset, new Uint8Array(lengthBytes), 'data');
  const range = (op: 'punch' | 'preallocate', offset: number, lengthBytes: number) =>
    assert.ok(op === 'punch' ? file.punchHole(offset, lengthBytes) : file.preallocate(offset, lengthBytes));
  const truncate = (sizeBytes: number) => file.truncate(sizeBytes);
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
