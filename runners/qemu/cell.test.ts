import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GiB, TiB } from '../../engine/index.ts';
import { Cell } from '../../results/record.ts';
import { driverOptions, emptyQemuCell, type QemuCellChoice, qemuWarnings } from './cell.ts';

const CHOICE: QemuCellChoice & { id: string } = {
  ...{
    id: 'qemu 7.2',
    name: 'qemu 7.2',
    folder: null,
    hostCacheMode: 'writeback',
    version: 3,
    clusterSizeBytes: 65536,
  },
  ...{ l2CacheTables: null, refcountCacheTables: null },
};
const VERSIONS = { 'qemu-io': '7.2', 'qemu-img': '7.2', strace: '6.1' };

test('the cell is valid and names qemu, its versions and its default caches', () => {
  const cell = Cell.parse(emptyQemuCell(CHOICE, 20 * GiB, 'ext4', VERSIONS));
  assert.equal(cell.engine, 'qemu');
  assert.deepEqual(cell.policy, { name: 'qemu 7.2', stage: null, parameters: VERSIONS });
  // 512 MiB of disk a table.
  assert.equal(cell.image.l2CacheTables, 40);
  assert.equal(emptyQemuCell(CHOICE, 8 * TiB, 'ext4', VERSIONS).image.l2CacheTables, 512);
});

test('chosen cache sizes reach the driver in bytes, unchosen ones do not', () => {
  assert.deepEqual(driverOptions(CHOICE), {});
  assert.deepEqual(driverOptions({ ...CHOICE, l2CacheTables: 16 }), { 'l2-cache-size': 1048576 });
});

test('a workload with VM state carries a warning', () => {
  assert.deepEqual(qemuWarnings({ vmStateSizeBytes: 0 }), []);
  assert.equal(qemuWarnings({ vmStateSizeBytes: 512 }).length, 1);
});
