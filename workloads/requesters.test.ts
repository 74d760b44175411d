import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { batched } from './batches.ts';
import { WORKLOADS } from './registry.ts';
import type { GuestRequest } from './request.ts';
import { sentBy } from './requesters.ts';
import { SEED } from './testing/arbitrary.ts';
import { collect } from './testing/temporary.ts';

const write = (offset: number): GuestRequest => ({ op: 'write', offset: offset * 512, length: 512 });
const flush: GuestRequest = { op: 'flush' };
const commit = (...offsets: number[]): GuestRequest[] => [...offsets.map(write), flush];

/** Turns, as `requester:place` of a write and `requester:f` of a flush; what is sent alone has no requester. */
async function turnsOf(requesters: number, ...requests: GuestRequest[]): Promise<string[]> {
  const turns: string[] = [];
  for await (const batch of sentBy(requesters, batched(requests))) {
    const words = batch.map((request) => {
      const what = request.op === 'write' ? request.offset / 512 : request.op === 'mark' ? request.text : request.op[0];
      return request.requester === undefined ? `${what}` : `${request.requester}:${what}`;
    });
    turns.push(words.join(' '));
  }
  return turns;
}

describe('requests sent by several requesters', () => {
  test('each takes the requests up to a flush, and all are in flight together', async () => {
    const three = [...commit(0), ...commit(1), ...commit(2)];
    assert.deepEqual(await turnsOf(3, ...three), ['0:0 1:1 2:2', '0:f 1:f 2:f']);
    assert.deepEqual(await turnsOf(2, ...three), ['0:0 1:1', '0:f 1:f', '0:2', 'f']);
    assert.deepEqual(await turnsOf(2, ...commit(0, 1), ...commit(2)), ['0:0 1:2', '0:1 1:f', '0:f']);
  });

  test('requests without a flush between them are shared out, and the flush covers them all', async () => {
    assert.deepEqual(await turnsOf(2, ...commit(0, 1, 2, 3)), ['0:0 1:2', '0:1 1:3', 'f']);
    const many = Array.from({ length: 5000 }, (_, index) => write(index));
    const turns = await turnsOf(64, ...many, flush);
    assert.equal(turns[0]!.split(' ').length, 64);
    assert.equal(turns.at(-1), 'f');
  });

  test('a phase begins, and a snapshot is taken, while nothing is in flight', async () => {
    const snapshot: GuestRequest = { op: 'snapshot-create', name: 's' };
    const requests = [{ op: 'mark', text: 'a' } as const, ...commit(0), write(1), snapshot, ...commit(2)];
    assert.deepEqual(await turnsOf(4, ...requests), ['a', '0:0 1:1', '0:f', 's', '0:2', 'f']);
  });

  test('no two requests in flight are about the same sectors: the later one waits', async () => {
    assert.deepEqual(await turnsOf(3, ...commit(5), ...commit(5), ...commit(6)), ['0:5', '1:5 2:6', '0:f 1:f 2:f']);
  });

  test('one requester sends the stream as it is', async () => {
    assert.deepEqual(await turnsOf(1, ...commit(0), ...commit(1)), ['0 f 1 f']);
  });

  test('whatever the number: the same requests, each flush after what was before it in its part', async () => {
    const request = fc.oneof(
      { weight: 3, arbitrary: fc.nat(40).map(write) },
      { weight: 1, arbitrary: fc.constant(flush) },
    );
    const streams = fc.array(request, { maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(streams, fc.integer({ min: 2, max: 9 }), async (requests, requesters) => {
        const sent = await collect(sentBy(requesters, batched(requests)));
        const plain = (request: GuestRequest) => ('offset' in request ? request.offset : -1);
        assert.deepEqual(sent.map(plain).sort(), requests.map(plain).sort());
        for (const [turn, together] of Map.groupBy(sent, ({ turn }) => turn)) {
          if (turn === undefined) continue;
          const places = together.map(plain).filter((offset) => offset >= 0);
          assert.equal(new Set(places).size, places.length, 'overlapping requests in flight');
          assert.equal(new Set(together.map(({ requester }) => requester)).size, together.length);
        }
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  test('only workloads whose commits do not build on one another say that they can be split', () => {
    const independent = WORKLOADS.filter((workload) => workload.independent).map(({ name }) => name);
    assert.deepEqual(independent, ['sequential-write', 'random-write', 'overwrite', 'backing']);
  });
});
