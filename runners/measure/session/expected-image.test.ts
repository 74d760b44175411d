import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GiB, KiB, MiB } from '../../../engine/index.ts';
import { batched, type GuestRequest } from '../../../workloads/index.ts';
import { expectedImageBytes } from './expected-image.ts';

const DISK = { diskSizeBytes: 6 * GiB, vmStateSizeBytes: 0, backingImage: false };
const write = (offset: number, length: number): GuestRequest => ({ op: 'write', offset, length });
const bytes = (disk: typeof DISK, ...requests: GuestRequest[]) =>
  expectedImageBytes(disk, [batched(requests)], 64 * KiB);

test('each cluster that is written is counted once, and again where a snapshot keeps the old one', async () => {
  assert.equal(await bytes(DISK), 0);
  assert.equal(await bytes(DISK, write(0, 512), write(60 * KiB, 8 * KiB), write(64 * KiB, 512)), 128 * KiB);
  assert.equal(await bytes(DISK, write(0, 512), { op: 'snapshot-create', name: 's' }, write(0, 512)), 128 * KiB);
  assert.equal(await bytes(DISK, { op: 'read', offset: 0, length: 512 }, { op: 'flush' }), 0);
});

test('a backing image and the VM state come on top; of a small disk, its size', async () => {
  assert.equal(await bytes({ ...DISK, vmStateSizeBytes: MiB, backingImage: true }), 6 * GiB + MiB);
  assert.equal(await bytes({ ...DISK, diskSizeBytes: 4 * MiB }, write(0, 512)), 4 * MiB);
});

test('a stream that is too long to be read beforehand may fill the disk', async () => {
  const reads = Array<GuestRequest>(100_000).fill({ op: 'read', offset: 0, length: 512 });
  const long = Array.from({ length: 21 }, () => batched(reads));
  assert.equal(await expectedImageBytes(DISK, long, 64 * KiB), 6 * GiB);
});
