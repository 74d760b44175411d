import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '../../engine/index.ts';
import { Cascade } from '../../results/record.ts';
import { CascadeCollector, MAX_EVENTS } from './cascades.ts';

function operation(op: 'read' | 'write' | 'sync'): Operation {
  if (op === 'sync') return { op, cause: 'guest-flush' };
  return { op, offset: 0, bytes: new Uint8Array(512), kind: 'data' };
}

/** Serves a request that makes these operations and takes `durationNs`. */
function serve(
  collector: CascadeCollector,
  index: number,
  op: string,
  durationNs: number,
  ops: ('read' | 'write' | 'sync')[],
): void {
  const startNs = index * 1e6;
  for (const [place, name] of ops.entries()) collector.take(operation(name), startNs + place * 100, 10);
  collector.served([{ index, op, offset: index * 512, length: 512 }], startNs, durationNs);
}

test('of each kind of request the one with the most syncs is kept, then the most operations, then the first', () => {
  const collector = new CascadeCollector();
  serve(collector, 0, 'write', 50, ['write', 'write', 'write']);
  serve(collector, 1, 'write', 60, ['write', 'sync']);
  serve(collector, 2, 'write', 40, ['write', 'sync', 'write']);
  serve(collector, 3, 'write', 40, ['write', 'sync', 'write']);
  serve(collector, 4, 'flush', 10, ['sync']);
  serve(collector, 5, 'read', 900, ['read']);
  serve(collector, 6, 'read', 2000, []);
  const kept = collector.build().map((cascade) => Cascade.parse(cascade));
  assert.deepEqual(
    kept.map(({ title, request, events }) => [title, request.index, events.map(({ op }) => op).join(' ')]),
    [
      ['the guest write with the most syncs', 2, 'write sync write'],
      ['the guest flush with the most syncs', 4, 'sync'],
      ['the guest read with the most file operations', 5, 'read'],
      ['the largest guest write, the same for all policies', 0, 'write write write'],
      ['the guest flush after the most writes, the same for all policies', 4, 'sync'],
      ['the largest guest read, the same for all policies', 5, 'read'],
    ],
  );
  assert.deepEqual(
    kept[0]!.events.map(({ startNs }) => startNs),
    [0, 100, 200],
  );
});

test('the slowest request is kept beside the busiest; long lists are cut', () => {
  const collector = new CascadeCollector();
  serve(collector, 0, 'write', 10, Array(MAX_EVENTS + 5).fill('write'));
  serve(collector, 1, 'write', 99, ['write']);
  serve(collector, 2, 'write', 5, ['write']);
  const [busiest, slowest] = collector.build();
  assert.equal(busiest!.events.length, MAX_EVENTS);
  assert.deepEqual([slowest!.title, slowest!.request.index, slowest!.durationNs], ['the slowest guest request', 1, 99]);
});

test('requests chosen by what the guest sends are the same whatever a policy does for them', () => {
  const stream = [
    { op: 'write', length: 4096 },
    { op: 'flush', length: 0 },
    { op: 'write', length: 512 },
    { op: 'read', length: 65_536 },
    { op: 'discard', length: 8192 },
    { op: 'flush', length: 0 },
    { op: 'write', length: 8192 },
    { op: 'write', length: 8192 },
    { op: 'flush', length: 0 },
    { op: 'close', length: 0 },
  ];
  const chosenBy = (operationsOf: (index: number) => ('read' | 'write' | 'sync')[]) => {
    const collector = new CascadeCollector();
    for (const [index, { op, length }] of stream.entries()) {
      for (const name of operationsOf(index)) collector.take(operation(name), index * 1000, 10);
      collector.served([{ index, op, offset: 0, length }], index * 1000, 100 - index);
    }
    const chosen = collector.build().filter(({ title }) => title.endsWith('the same for all policies'));
    return chosen.map(({ title, request, events }) => [title.split(',')[0], request.index, events.length]);
  };
  const names = [
    'largest guest write',
    'guest flush after the most writes',
    'largest guest read',
    'largest guest discard',
  ];
  const expected = (events: readonly number[]) =>
    names.map((name, at) => [`the ${name}`, [6, 5, 3, 4][at], events[at]]);
  assert.deepEqual(
    chosenBy(() => ['write', 'sync']),
    expected([2, 2, 2, 2]),
  );
  // A policy that does nothing for a request shows so: what was chosen has no operation then.
  assert.deepEqual(
    chosenBy((index) => (index === 6 ? ['write'] : [])),
    expected([1, 0, 0, 0]),
  );
});

test('requests that were served together are one entry, of their kind', () => {
  const collector = new CascadeCollector();
  const flush = (index: number) => ({ index, op: 'flush', offset: 0, length: 0 });
  collector.take(operation('sync'), 100, 10);
  collector.served([flush(4), flush(5), flush(6)], 0, 200);
  collector.take(operation('sync'), 300, 10);
  collector.take(operation('sync'), 400, 10);
  collector.served([flush(7), { index: 8, op: 'write', offset: 512, length: 512 }], 250, 200);
  const kept = collector.build().map((cascade) => Cascade.parse(cascade));
  assert.deepEqual(
    kept.map(({ title, request, together }) => [title, request.index, together]),
    [
      ['the guest flush with the most syncs', 4, 3],
      ['the guest flush+write with the most syncs', 7, 2],
    ],
  );
});
