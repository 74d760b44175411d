/** A record with counts and two rounds, for tests of stores. */
import type { Cell, RunRecord } from '../../../results/record.ts';
import { sampleCell, sampleRecord } from '../../../results/testing/sample-record.ts';

const IO = { fsyncs: 3, odsyncWrites: 0, writes: 7, writeBytes: 9000, reads: 1, readBytes: 512 };

const EXACT: NonNullable<Cell['exact']> = {
  ...IO,
  ...{ truncates: 0, punches: 0, byKind: {}, syncsByCause: {}, syncsByTrigger: {}, byRequest: { write: IO } },
  ...{ tableCaches: null, imageBytes: 65_536 },
  guest: { reads: 0, readBytes: 0, writes: 2, writeBytes: 8192, flushes: 1, discards: 0, other: 0 },
};

function round(index: number, order: number): Cell['rounds'][number] {
  return {
    ...{ index, order, startedAt: '2026-01-01T00:00:00.000Z', wallNs: 1_000_000 + order, userCpuNs: 1, systemCpuNs: 1 },
    ...{ deviceNs: { read: 1, write: 2, sync: 3 }, peakMemoryBytes: 1_000_000, countsEqual: true },
  };
}

export function measuredRecord(overrides: Partial<RunRecord> = {}): RunRecord {
  const cells = ['writeback', 'ordered'].map((id, cell) =>
    sampleCell({ id, exact: { ...EXACT }, rounds: [round(0, cell), round(1, cell + 2)] }),
  );
  return sampleRecord({ plan: '0123456789abcdef', cells, ...overrides });
}
