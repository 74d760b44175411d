import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allSettled, compareCells } from './comparison-cells.ts';
import type { Cell, Round } from './record.ts';
import { sampleCell } from './testing/sample-record.ts';
import { sampleResult } from './testing/sample-result.ts';

function round(index: number, wallNs: number, own: Partial<Round> = {}): Round {
  return {
    ...{ index, order: index, startedAt: '2026-11-22T20:15:00.000Z', wallNs, userCpuNs: 5, systemCpuNs: 5 },
    ...{ deviceNs: { read: 0, write: 0, sync: 0 }, peakMemoryBytes: 1, countsEqual: true },
    ...own,
  };
}

/** Rounds 0 to 10: the first one traced and a hundred times slower, as if everything had been cold. */
const rounds = (factor: number) =>
  [...Array(11).keys()].map((index) =>
    index === 0 ? round(0, 100_000, { traced: true }) : round(index, (1000 + (index % 3)) * factor),
  );
const baseline = sampleCell({ id: 'base', rounds: rounds(1), control: rounds(1).slice(1) });
const timeOf = (name: string, comparison = compareCells(baseline, sampleCell({ id: 'slow', rounds: rounds(1.1) }))) =>
  comparison.times.find(({ metric }) => metric === name);

test('pairs are the rounds that all have, without the traced one; times that are missing are left out', () => {
  const wall = timeOf('wall')!;
  assert.deepEqual([wall.verdict, wall.direction, wall.interval.pairs], ['changed', 'higher', 10]);
  assert.ok(Math.abs(wall.interval.ratio - 1.1) < 1e-9);
  assert.equal(wall.control!.ratio, 1);
  assert.equal(timeOf('cpu')!.verdict, 'same');
  assert.equal(timeOf('flush'), undefined);
});

test('engine and device time are compared apart: a slower engine shows where the disk takes most of the time', () => {
  const timed = (engineNs: number) =>
    [...Array(13).keys()].map((index) => {
      const sync = 9000 + 400 * (index % 5);
      return round(index, sync + engineNs + (index % 2), { deviceNs: { read: 0, write: 0, sync } });
    });
  const [base, slow] = [1000, 1050].map((ns, at) =>
    sampleCell({ id: `cell ${at}`, rounds: timed(ns), control: timed(ns) }),
  );
  const verdicts = compareCells(base!, slow!).times.map(
    ({ metric, verdict, direction }) => `${metric} ${verdict} ${direction}`,
  );
  assert.deepEqual(verdicts, ['wall same neither', 'cpu same neither', 'engine changed higher', 'device same neither']);
});

test('engine time of sides that count the same is paired by request: a hiccup in one place of a stream moves nothing', () => {
  const SPANS = 64;
  const { exact } = sampleResult(1);
  const timed = (factor: number, seed: number) =>
    [...Array(13).keys()].map((index) => {
      const engineSpansNs = [...Array(SPANS).keys()].map((span) => 1000 * (1 + (span % 7)) * factor);
      engineSpansNs[(7 * index + seed) % SPANS]! += 100_000 * ((index * seed) % 5);
      const engineNs = engineSpansNs.reduce((sum, ns) => sum + ns, 0);
      return round(index, 9000 + engineNs, { deviceNs: { read: 0, write: 0, sync: 9000 }, engineSpansNs });
    });
  const base = sampleCell({ id: 'base', exact, rounds: timed(1, 1), control: timed(1, 2) });
  const engine = (candidate: Cell) => compareCells(base, candidate).times.find(({ metric }) => metric === 'engine')!;
  const slow = engine(sampleCell({ id: 'slow', exact, rounds: timed(1.05, 3) }));
  assert.deepEqual([slow.byRequest, slow.verdict, slow.direction], [true, 'changed', 'higher']);
  assert.ok(Math.abs(slow.interval.ratio - 1.05) < 1e-9 && slow.floor === 0.02);
  assert.equal(engine(sampleCell({ id: 'same', exact, rounds: timed(1, 4) })).verdict, 'same');

  const other = engine(sampleCell({ id: 'other', exact: sampleResult(1, 8).exact, rounds: timed(1.05, 3) }));
  assert.equal(other.byRequest, undefined, 'other file operations');
  assert.ok(other.floor > 0.06, 'and the sum is noise');
  const [first, ...later] = timed(1.05, 3);
  const { engineSpansNs: _, ...without } = first!;
  const old = engine(sampleCell({ id: 'old', exact, rounds: [without, ...later] }));
  assert.equal(old.byRequest, undefined, 'a worker of an earlier commit has no spans');
});

test('a round that was interrupted before its control is no pair', () => {
  const cut = sampleCell({ id: 'base', rounds: rounds(1), control: rounds(1).slice(1, 8) });
  const { times } = compareCells(cut, sampleCell({ id: 'other', rounds: rounds(1) }));
  assert.equal(times[0]!.interval.pairs, 7);
});

test('virtual times get no verdict', () => {
  const model = { kind: 'model', name: 'nvme' } as const;
  assert.deepEqual(
    compareCells({ ...baseline, device: model }, sampleCell({ rounds: rounds(2), device: model })).times,
    [],
  );
});

test('a wide control keeps the run going as a wide comparison does', () => {
  const noisy = rounds(1)
    .slice(1)
    .map((one) => ({ ...one, wallNs: one.index % 2 === 0 ? 900 : 1100 }));
  const quiet = compareCells(baseline, sampleCell({ id: 'x', rounds: rounds(1) }));
  const wide = compareCells({ ...baseline, control: noisy }, sampleCell({ id: 'x', rounds: rounds(1) }));
  assert.ok(allSettled([]));
  assert.ok(allSettled([quiet]));
  assert.ok(!allSettled([quiet, wide]));
});
