import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Qcow2Error, type Qcow2ErrorCode } from '../base/errors.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { blockFileSuite } from '../testing/block-file-suite.ts';
import { type Fault, FaultFile } from './fault-file.ts';

const NEVER = Number.POSITIVE_INFINITY;
const FOUR_SECTORS = new Uint8Array(2048).fill(7);

function faulty(fault: Partial<Fault>) {
  const memory = new MemoryFile();
  return { memory, file: new FaultFile(memory, { kind: 'EIO', position: 1, forGood: false, ...fault }) };
}

function fails(action: () => unknown, code: Qcow2ErrorCode): void {
  assert.throws(action, (error) => error instanceof Qcow2Error && error.code === code && !/\n/.test(error.message));
}

blockFileSuite(
  'FaultFile without a fault',
  () => new FaultFile(new MemoryFile(), { kind: 'EIO', position: NEVER, forGood: false }),
);

test('once: the operation at the position fails and leaves the file as it was, the next succeeds', () => {
  const { file, memory } = faulty({ position: 2 });
  file.write(0, FOUR_SECTORS, 'data');
  fails(() => file.write(0, new Uint8Array(512), 'l2'), 'IO');
  assert.deepEqual(memory.bytes(), FOUR_SECTORS);
  assert.deepEqual(file.struck, { operation: 'write', what: 'l2' });
  file.write(0, new Uint8Array(512), 'l2');
  assert.equal(memory.bytes()[0], 0);
});

test('for good: it fails from the position on, but only what a full file system fails', () => {
  const { file } = faulty({ kind: 'ENOSPC', forGood: true });
  for (let again = 0; again < 3; again++) fails(() => file.write(0, FOUR_SECTORS, 'data'), 'NO_SPACE');
  file.read(0, new Uint8Array(512), 'data');
  file.truncate(0);
  assert.equal(file.candidates, 3);
});

test('a short write leaves its first half', () => {
  const { file, memory } = faulty({ kind: 'short-write' });
  fails(() => file.write(512, FOUR_SECTORS, 'data'), 'NO_SPACE');
  assert.deepEqual([memory.sizeBytes(), memory.bytes()[512]], [512 + 1024, 7]);
});

test('only operations for one table, or one cause, are counted', () => {
  const { file } = faulty({ only: 'guest-flush', position: 2 });
  file.write(0, FOUR_SECTORS, 'data');
  file.sync('other');
  file.sync('guest-flush');
  fails(() => file.sync('guest-flush'), 'IO');
});

test('after a failed sync nothing is written or synced any more, reads go on', () => {
  for (const kind of ['EIO', 'ENOSPC'] as const) {
    const { file, memory } = faulty({ kind, only: 'other' });
    file.write(0, FOUR_SECTORS, 'data');
    fails(() => file.sync('other'), kind === 'EIO' ? 'IO' : 'NO_SPACE');
    const changes = [
      () => file.sync('guest-flush'),
      () => file.write(0, new Uint8Array(512), 'data'),
      () => file.truncate(0),
      () => file.punchHole(0, 512),
      () => file.preallocate(0, 512),
    ];
    for (const change of [...changes, ...changes]) fails(change, 'IO');
    const found = new Uint8Array(2048);
    file.read(0, found, 'data');
    assert.deepEqual(found, FOUR_SECTORS);
    assert.deepEqual(memory.bytes(), FOUR_SECTORS);
  }
});
