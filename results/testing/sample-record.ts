/** A small valid record for tests; override what a test is about. */
import type { Cell, RunRecord } from '../record.ts';
import { unmeasured } from '../unmeasured-cell.ts';

export function sampleCell(overrides: Partial<Cell> = {}): Cell {
  return {
    id: 'writeback',
    engine: 'cowbench',
    policy: { name: 'writeback', stage: 'S4b', parameters: {} },
    hostCacheMode: 'writeback',
    image: {
      version: 3,
      clusterSizeBytes: 65536,
      refcountBits: 16,
      l2CacheTables: 16,
      refcountCacheTables: 4,
      options: {},
    },
    device: { kind: 'real', name: 'ext4' },
    ...unmeasured(),
    ...overrides,
  };
}

export function sampleRecord(overrides: Partial<RunRecord> = {}): RunRecord {
  return {
    schemaVersion: 1,
    runId: '20261122T201500Z-0a1b2c',
    status: 'complete',
    startedAt: '2026-11-22T20:15:00.000Z',
    finishedAt: '2026-11-22T20:16:00.000Z',
    command: ['bench', '--workload', 'install'],
    source: { version: '0.1.0', commit: '0123456789abcdef0123456789abcdef01234567', dirty: false },
    workload: {
      name: 'install',
      title: 'Debian 12 installation',
      parameters: {},
      seed: 1,
      guestFlush: 'recorded',
      discard: 'ignore',
      diskSizeBytes: 6442450944,
      phases: [],
    },
    environment: {
      machine: '0123456789ab',
      cpu: 'some cpu',
      cores: 2,
      memoryBytes: 8_000_000_000,
      kernel: 'Linux 6.1.0',
      node: 'v24.21.0',
      fileSystem: { type: 'ext4', mountOptions: 'rw,relatime', tmpfs: false },
      syncProbe: null,
      warnings: [],
    },
    failure: null,
    cells: [sampleCell()],
    ...overrides,
  };
}
