import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rawMultiples } from './raw-multiples.ts';
import type { Cell } from './record.ts';
import { RawMultiples } from './record-comparison.ts';
import { sampleCell } from './testing/sample-record.ts';

const FIXED = { ending: 'fixed' } as const;

function exact(fsyncs: number, writes: number, writeBytes: number): Cell['exact'] {
  return {
    ...{ fsyncs, odsyncWrites: 0, writes, writeBytes, reads: 0, readBytes: 0, truncates: 0, punches: 0 },
    ...{ byKind: {}, syncsByCause: {}, syncsByTrigger: {}, byRequest: {}, tableCaches: null, imageBytes: 0 },
    guest: { reads: 0, readBytes: 0, writes, writeBytes, flushes: 0, discards: 0, other: 0 },
  };
}

function cell(id: string, own: Partial<Cell>, wallNs: readonly number[] = []): Cell {
  const rounds = wallNs.map((ns, index) => ({
    ...{ index, order: index, startedAt: '2026-11-22T20:15:00.000Z', wallNs: ns, userCpuNs: 1, systemCpuNs: 1 },
    ...{ deviceNs: { read: 0, write: 0, sync: 0 }, peakMemoryBytes: 1, countsEqual: true },
  }));
  return { ...sampleCell(), id, rounds, ...own };
}

const RAW = { engine: 'raw', policy: { name: 'raw:sparse', stage: null, parameters: {} } } as const;

test('each cost over that of the raw file, and the time with its interval', () => {
  const raw = cell('raw:sparse', { ...RAW, exact: exact(10, 100, 4000) }, [10, 20, 30, 40, 50, 60]);
  const image = cell('writeback', { exact: exact(25, 150, 8000) }, [20, 40, 60, 80, 100, 120]);
  const found = RawMultiples.parse(rawMultiples(image, [image, raw], FIXED));
  const { wall, ...counts } = found;
  assert.deepEqual(counts, { raw: 'raw:sparse', waits: 2.5, writes: 1.5, writeBytes: 2 });
  assert.deepEqual([wall!.ratio, wall!.low, wall!.high, wall!.pairs], [2, 2, 2, 6]);
  assert.equal(rawMultiples(raw, [image, raw], FIXED), null);
});

test('nothing of what the raw file does not do, and no time without a common round', () => {
  const raw = cell('raw:sparse', { ...RAW, exact: exact(0, 100, 4000) }, [10]);
  const image = cell('writethrough', { exact: exact(5, 100, 4000) });
  const { waits, wall } = rawMultiples(image, [raw, image], FIXED)!;
  assert.deepEqual([waits, wall], [null, null]);
});

test('the raw file of the same device and requests, opened alike and sparse before others', () => {
  const of = (id: string, own: Partial<Cell> = {}) => cell(id, { ...RAW, exact: exact(1, 1, 1), ...own });
  const small = { ...sampleCell().image, clusterSizeBytes: 512 };
  const model = { kind: 'model', name: 'hdd' } as const;
  const cells = [
    of('other requests', { image: small }),
    of('other device', { device: model }),
    of('sparse'),
    of('zeroes'),
    of('sparse/none', { hostCacheMode: 'none' }),
  ];
  const measuredBy = (own: Partial<Cell>) =>
    rawMultiples(cell('image', { exact: exact(1, 1, 1), ...own }), cells, FIXED)?.raw ?? null;
  assert.equal(measuredBy({}), 'sparse');
  assert.equal(measuredBy({ hostCacheMode: 'none' }), 'sparse/none');
  assert.equal(measuredBy({ hostCacheMode: 'directsync' }), 'sparse');
  assert.equal(measuredBy({ image: small }), 'other requests');
  assert.equal(measuredBy({ device: { ...model, name: 'ssd' } }), null);
  assert.equal(measuredBy({ exact: null }), null);
});

test('virtual times are exact', () => {
  const device = { kind: 'model', name: 'hdd' } as const;
  const raw = cell('raw:sparse', { ...RAW, device, exact: exact(1, 1, 1) }, [100]);
  const image = cell('writeback', { device, exact: exact(1, 1, 1) }, [250]);
  const { wall } = rawMultiples(image, [raw, image], FIXED)!;
  assert.deepEqual(wall, { ratio: 2.5, low: 2.5, high: 2.5, confidence: 1, pairs: 1 });
});
