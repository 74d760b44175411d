import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import type { Cell } from '../../../results/record.ts';
import { recordPath, writeRecord } from '../../../results/store.ts';
import { sampleCell, sampleRecord } from '../../../results/testing/sample-record.ts';
import { temporaryFolder } from '../../testing/command.ts';
import { earlierLengthMs } from './earlier-length.ts';

const round = (index: number): Cell['rounds'][number] => ({
  ...{ index, order: index, startedAt: '2026-11-22T20:15:00.000Z', wallNs: 1, userCpuNs: 1, systemCpuNs: 1 },
  ...{ deviceNs: { read: 0, write: 0, sync: 0 }, peakMemoryBytes: 1, countsEqual: true },
});

const folder = temporaryFolder();
after(() => fs.rmSync(folder, { recursive: true }));

test('the newest complete run of the same kind says how long a sample takes; another kind says nothing', () => {
  const next = sampleRecord({ runId: '20300101T000000Z-000009', status: 'running' });
  const file = recordPath(folder, next);
  assert.equal(earlierLengthMs(file, next, 3), null);
  const keep = (runId: string, measuringMs: number, overrides: Parameters<typeof sampleRecord>[0] = {}) => {
    const cells = [sampleCell({ rounds: [round(0), round(1)] })];
    const record = sampleRecord({ runId, status: 'complete', measuringMs, cells, ...overrides });
    writeRecord(path.join(path.dirname(file), `${runId}.json`), record);
  };
  keep('20290101T000000Z-000001', 8000);
  keep('20290102T000000Z-000002', 2000);
  keep('20290103T000000Z-000003', 9000, { status: 'interrupted' });
  keep('20290104T000000Z-000004', 9000, { workload: { ...next.workload, seed: next.workload.seed + 1 } });
  assert.equal(earlierLengthMs(file, next, 3), 3000 * next.cells.length);
});
