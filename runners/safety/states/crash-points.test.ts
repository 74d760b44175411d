/** Where a recording is stopped, and which lengths the file then has. Recordings made by hand. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RecordedEvent } from '../../../engine/index.ts';
import { type CrashWorkload, ValueTable } from '../requests/crash-workload.ts';
import type { DurableAt } from '../requests/guest-oracle.ts';
import { CrashTimeline } from './crash-points.ts';
import { PlacedState } from './placed-state.ts';
import type { CrashRecording } from './record-workload.ts';

type Unnumbered = RecordedEvent extends infer Event ? (Event extends unknown ? Omit<Event, 'sequence'> : never) : never;

const WORKLOAD: CrashWorkload = {
  name: 'by hand',
  image: { clusterSizeBytes: 512, sizeBytes: 65_536, version: 3 },
  cacheTables: null,
  before: [],
  during: [
    { op: 'write', offset: 0, length: 512 },
    { op: 'write', offset: 512, length: 512 },
  ],
};

const write = (sector: number, fill = 1): Unnumbered => ({
  op: 'write',
  offset: sector * 512,
  bytes: new Uint8Array(512).fill(fill),
  kind: 'l2',
  durable: false,
  failed: false,
});
const truncate = (sectors: number): Unnumbered => ({ op: 'truncate', sizeBytes: sectors * 512, failed: false });
const preallocate = (sector: number, sectors: number, failed = false): Unnumbered => ({
  op: 'preallocate',
  offset: sector * 512,
  lengthBytes: sectors * 512,
  failed,
});
const SYNC: Unnumbered = { op: 'sync', cause: 'guest-flush', failed: false };
const mark = (request: number, phase: 'start' | 'ack'): Unnumbered => ({ op: 'mark', mark: { request, phase } });

function timelineOf(events: readonly Unnumbered[], durableAt: DurableAt = 'flush', baseSectors = 2): CrashTimeline {
  const recording: CrashRecording = {
    workload: WORKLOAD,
    values: new ValueTable(WORKLOAD),
    base: new Uint8Array(baseSectors * 512),
    events: events.map((event, sequence) => ({ ...event, sequence }) as RecordedEvent),
    durableAt,
    failures: new Map(),
  };
  return new CrashTimeline(recording);
}

describe('the power fails', () => {
  test('before each sync, and at the end', () => {
    const timeline = timelineOf([write(0), write(1), SYNC, write(0, 2), SYNC]);
    const seen = [...timeline.points()].map(({ sequence, atoms }) => ({ sequence, undecided: atoms.length }));
    assert.deepEqual(seen, [
      { sequence: 2, undecided: 2 },
      { sequence: 4, undecided: 1 },
      { sequence: 5, undecided: 0 },
    ]);
  });

  test('before a promise changes: what is undecided then must suit the promise that still holds', () => {
    const events = [mark(0, 'start'), write(0), mark(0, 'ack'), mark(1, 'start'), write(1), mark(1, 'ack'), SYNC];
    const allowed: [number, number, number[][]][] = [];
    const timeline = timelineOf(events, 'ack');
    for (const { sequence, atoms, oracle } of timeline.points()) {
      const cell = oracle.disk.get(0);
      allowed.push([sequence, atoms.length, [[...(cell?.older ?? [])], [...(cell?.current ?? [])]]]);
    }
    assert.deepEqual(allowed, [
      [2, 1, [[0], [1]]],
      [5, 2, [[], [1]]],
      [6, 2, [[], [1]]],
      [7, 0, [[], [1]]],
    ]);
  });
});

/** The lengths of the file in sectors at the last point before the sync, with the given atoms persisted. */
function lengthsWith(
  events: readonly Unnumbered[],
  persisted: readonly number[],
  lookedAt?: readonly number[],
): number[] {
  const timeline = timelineOf([...events, SYNC]);
  for (const point of timeline.points()) {
    const placed = new PlacedState(timeline, point);
    placed.put(Uint16Array.from(point.atoms, (_, atom) => (persisted.includes(atom) ? 1 : 0)));
    const lengths: number[] = [];
    placed.atEachSize(
      (atom) => lookedAt !== undefined && !persisted.includes(atom),
      () => {
        lengths.push(timeline.file.sizeBytes() / 512);
        for (const atom of lookedAt ?? []) timeline.file.look(point.atoms[atom]!.sector * 512, 512);
      },
    );
    return lengths;
  }
  return [];
}

describe('lengths of the file', () => {
  const GROWS = [write(2), write(3), truncate(8)];

  test('the shortest that what was persisted permits, and the longest', () => {
    assert.deepEqual(lengthsWith(GROWS, []), [2, 8]);
    assert.deepEqual(lengthsWith(GROWS, [0]), [3, 8]);
    assert.deepEqual(lengthsWith(GROWS, [1]), [4, 8]);
  });

  test('each shorter one while a cut is undecided', () => {
    assert.deepEqual(lengthsWith([truncate(1), truncate(4)], []), [1, 2, 4]);
  });

  test('space that was taken ahead is part of the file, or not, until a sync', () => {
    assert.deepEqual(lengthsWith([preallocate(2, 6)], []), [2, 8]);
    assert.deepEqual(lengthsWith([preallocate(2, 6), write(3)], [0]), [4, 8]);
    assert.deepEqual(lengthsWith([preallocate(0, 1), write(0)], []), [2], 'inside the file');
    assert.deepEqual(lengthsWith([preallocate(2, 6), SYNC, write(3)], []), [2, 8]);
    const synced = timelineOf([preallocate(2, 6), SYNC, write(3), SYNC]);
    assert.deepEqual(
      [...synced.points()].map(({ sizes }) => sizes.map((size) => size / 512)),
      [[2, 8], [8], [8]],
    );
  });

  test('where taking it failed, part of it may be there until the next sync, and none is needed afterwards', () => {
    const timeline = timelineOf([preallocate(2, 6, true), SYNC, write(0), SYNC]);
    assert.deepEqual(
      [...timeline.points()].map(({ sizes }) => sizes.map((size) => size / 512)),
      [[2, 8, 2], [2], [2]],
    );
  });

  test('also those that sectors would give which are open and were not looked at', () => {
    assert.deepEqual(lengthsWith(GROWS, [], []), [2, 8, 3, 4]);
    assert.deepEqual(lengthsWith(GROWS, [], [1]), [2, 8, 3]);
    assert.deepEqual(lengthsWith(GROWS, [0], [1]), [3, 8]);
  });
});
