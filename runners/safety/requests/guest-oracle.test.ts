/** What a request that changes the size of the disk promises: of the size, of VM state, and of what is cut off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CrashRequest, type CrashWorkload, ValueTable } from './crash-workload.ts';
import { allows, GuestOracle } from './guest-oracle.ts';

const CLUSTER = 512;
/** What one L2 table maps: VM state begins at a multiple of it. */
const SIZE = (CLUSTER / 8) * CLUSTER;

function oracleFor(during: readonly CrashRequest[]): GuestOracle {
  const workload: CrashWorkload = {
    name: 'sizes',
    image: { clusterSizeBytes: CLUSTER, sizeBytes: SIZE, version: 3 },
    cacheTables: null,
    before: [],
    during,
  };
  return new GuestOracle(new ValueTable(workload), SIZE, 'flush');
}

function serve(oracle: GuestOracle, from: number, to: number): void {
  for (let index = from; index < to; index++) {
    oracle.start(index);
    oracle.acknowledge(index);
  }
}

const allowed = (oracle: GuestOracle, sector: number, value: number) => allows(oracle.disk.get(sector), value);

test('a disk that grows drops the VM state past its end: until a flush it may be there, then not', () => {
  const oracle = oracleFor([
    { op: 'vmstate-write', offset: 0, length: 512 },
    { op: 'flush' },
    { op: 'resize', sizeBytes: 2 * SIZE },
    { op: 'flush' },
  ]);
  serve(oracle, 0, 2);
  assert.equal(allowed(oracle, SIZE / 512, 0), false);
  oracle.start(2);
  for (const value of [0, 1]) assert.ok(allowed(oracle, SIZE / 512, value));
  assert.deepEqual(oracle.sizes, [SIZE, 2 * SIZE]);
  oracle.acknowledge(2);
  serve(oracle, 3, 4);
  assert.equal(allowed(oracle, SIZE / 512, 1), false);
  assert.deepEqual(oracle.sizes, [2 * SIZE]);
});

test('going back to a snapshot may bring its size back from the start, and has once it is flushed', () => {
  const requests: CrashRequest[] = [
    { op: 'snapshot-create', name: 'small' },
    { op: 'resize', sizeBytes: 2 * SIZE },
    { op: 'flush' },
    { op: 'snapshot-apply', name: 'small' },
    { op: 'flush' },
    { op: 'vmstate-write', offset: 0, length: 512 },
  ];
  const oracle = oracleFor(requests);
  serve(oracle, 0, 3);
  assert.deepEqual(oracle.sizes, [2 * SIZE]);
  oracle.start(3);
  assert.deepEqual(oracle.sizes, [2 * SIZE, SIZE]);
  oracle.acknowledge(3);
  serve(oracle, 4, 6);
  assert.deepEqual(oracle.sizes, [SIZE]);
  assert.ok(allowed(oracle, SIZE / 512, 1), 'VM state follows the disk of the size that it has now');
});

test('a change of the size that failed leaves both sizes open, until one succeeds', () => {
  const oracle = oracleFor([
    { op: 'resize', sizeBytes: 2 * SIZE },
    { op: 'flush' },
    { op: 'resize', sizeBytes: 3 * SIZE },
    { op: 'flush' },
  ]);
  oracle.start(0);
  oracle.fail(0);
  serve(oracle, 1, 2);
  assert.deepEqual(oracle.sizes, [SIZE, 2 * SIZE]);
  serve(oracle, 2, 4);
  assert.deepEqual(oracle.sizes, [3 * SIZE]);
});

test('a flush promises what was acknowledged before it began, and not what is in flight beside it', () => {
  const oracle = oracleFor([
    { op: 'write', offset: 0, length: 512 },
    { op: 'write', offset: 512, length: 512 },
    { op: 'flush' },
    { op: 'write', offset: 1024, length: 512, durable: true },
  ]);
  serve(oracle, 0, 1);
  for (const index of [1, 2, 3]) oracle.start(index);
  oracle.acknowledge(1);
  oracle.acknowledge(2);
  const mayBeZero = () => [0, 1, 2].map((sector) => allowed(oracle, sector, 0));
  assert.deepEqual(mayBeZero(), [false, true, true]);
  oracle.acknowledge(3);
  assert.deepEqual(mayBeZero(), [false, true, false], 'a durable write promises itself, and nothing else');
});

test('a resize to the size that the disk has drops no VM state', () => {
  const oracle = oracleFor([
    { op: 'vmstate-write', offset: 0, length: 512 },
    { op: 'flush' },
    { op: 'resize', sizeBytes: SIZE },
    { op: 'flush' },
  ]);
  serve(oracle, 0, 4);
  assert.deepEqual(
    [0, 1].map((value) => allowed(oracle, SIZE / 512, value)),
    [false, true],
  );
});
