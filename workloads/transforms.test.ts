import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { batched } from './batches.ts';
import { WorkloadError } from './errors.ts';
import type { GuestRequest, RequestStream } from './request.ts';
import { SEED, timedRequests } from './testing/arbitrary.ts';
import { collect } from './testing/temporary.ts';
import { totalsOf } from './totals.ts';
import { limited, parseGuestFlush, withGuestDiscard, withGuestFlush } from './transforms.ts';

const write = (offset: number): GuestRequest => ({ op: 'write', offset, length: 512 });
const flush: GuestRequest = { op: 'flush' };
const zeroes = (mayUnmap: boolean): GuestRequest => ({ op: 'write-zeroes', offset: 0, length: 512, mayUnmap });
const discard: GuestRequest = { op: 'discard', offset: 0, length: 512 };
const mark: GuestRequest = { op: 'mark', text: 'phase' };
const opsOf = async (stream: RequestStream) => (await collect(stream)).map((request) => request.op).join(' ');

test('recorded keeps the flushes of the guest, none has one at the end', async () => {
  const requests = [write(0), flush, mark, flush, write(512)];
  assert.equal(await opsOf(withGuestFlush(batched(requests), 'recorded')), 'write flush mark flush write');
  assert.equal(await opsOf(withGuestFlush(batched(requests), 'none')), 'write mark write flush');
});

test('every:N puts a flush after N writes of data or zeroes, in place of the recorded ones', async () => {
  const requests = [
    write(0),
    flush,
    zeroes(false),
    { ...write(512), atUs: 9 } as GuestRequest,
    discard,
    write(0),
    mark,
  ];
  const flushed = withGuestFlush(batched(requests), { everyWrites: 2 });
  assert.equal(await opsOf(flushed), 'write write-zeroes flush write discard write flush mark');
  const timed = await collect(withGuestFlush(batched(requests), { everyWrites: 3 }));
  assert.deepEqual(timed[3], { op: 'flush', atUs: 9 });
});

test('every:N gives one flush for N writes of any stream and changes nothing else', () =>
  fc.assert(
    fc.asyncProperty(timedRequests(), fc.integer({ min: 1, max: 9 }), async (requests, everyWrites) => {
      const changed = await collect(withGuestFlush(batched(requests), { everyWrites }));
      const others = (list: readonly GuestRequest[]) => list.filter((request) => request.op !== 'flush');
      assert.deepEqual(others(changed), others(requests));
      const writes = requests.filter((request) => request.op === 'write').length;
      assert.equal(changed.length - others(changed).length, Math.floor(writes / everyWrites));
    }),
    { seed: SEED, numRuns: 100 },
  ));

test('--guest-flush is read or refused', () => {
  assert.equal(parseGuestFlush('recorded'), 'recorded');
  assert.equal(parseGuestFlush('none'), 'none');
  assert.deepEqual(parseGuestFlush('every:32'), { everyWrites: 32 });
  for (const text of [
    '',
    'every',
    'every:',
    'every:0',
    'every:-1',
    'every:1.5',
    'every:1e3',
    'all',
    'every:9999999999999999',
  ]) {
    assert.throws(() => parseGuestFlush(text), WorkloadError);
  }
});

test('ignored discards are discards and zeroes that may unmap', async () => {
  const requests = [discard, zeroes(true), zeroes(false), write(0)];
  assert.equal(await opsOf(withGuestDiscard(batched(requests), 'ignore')), 'write-zeroes write');
  assert.equal(await opsOf(withGuestDiscard(batched(requests), 'unmap')), 'discard write-zeroes write-zeroes write');
});

test('a limit ends the stream and closes its source', async () => {
  let closed = false;
  async function* source(): AsyncGenerator<readonly GuestRequest[]> {
    try {
      for (;;) yield [mark, write(0), flush];
    } finally {
      closed = true;
    }
  }
  assert.equal(await opsOf(limited(source(), 3)), 'mark write flush mark write');
  assert.equal(closed, true);
  assert.equal(await opsOf(limited(source(), 0)), '');
  assert.equal(await opsOf(limited(batched([write(0), mark]), 5)), 'write mark');
});

test('totals count by operation and see flushes without a write before them', async () => {
  const requests = [flush, write(0), flush, discard, flush, zeroes(false), mark, flush, flush, write(1024)];
  const totals = await totalsOf(batched(requests));
  assert.deepEqual(totals.byOp.write, { count: 2, bytes: 1024 });
  assert.deepEqual(totals.byOp.flush, { count: 5, bytes: 0 });
  assert.equal(totals.byOp.mark.count, 1);
  assert.equal(totals.requests, 9);
  assert.equal(totals.flushesWithoutWrite, 3);
  assert.equal(totals.highestEnd, 1536);
});
