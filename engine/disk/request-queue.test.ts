/** Group commit: one flush for all of a batch, nothing acknowledged before it is true, and failures reach everyone concerned. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Qcow2Error } from '../base/errors.ts';
import { createImage } from '../image/create.ts';
import { openImage } from '../image/qcow2-image.ts';
import { CountingFile } from '../instruments/counting-file.ts';
import { FaultFile } from '../instruments/fault-file.ts';
import { trackDurability } from '../io/durability.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { patternBytes } from '../testing/reference-disk.ts';
import type { GuestDevice } from './device.ts';
import { RawDisk } from './raw-disk.ts';
import type { BlockRequest } from './request.ts';
import { queuedRequest, RequestQueue } from './request-queue.ts';

const NOTHING = new Uint8Array(0);
type Answer = 'ok' | Qcow2Error['code'];

/** Queues requests and notes each answer, in the order in which they come. */
class Requesters {
  readonly queue: RequestQueue;
  readonly answers: [name: string, answer: Answer][] = [];
  readonly disk: GuestDevice;

  constructor(disk: GuestDevice, queue = new RequestQueue()) {
    this.disk = disk;
    this.queue = queue;
  }

  /** The name before a colon is who asks. */
  ask(name: string, request: BlockRequest, payload: Uint8Array = NOTHING, onDone = () => {}): void {
    const done = (error: Qcow2Error | null) => {
      onDone();
      this.answers.push([name, error === null ? 'ok' : error.code]);
    };
    this.queue.push(queuedRequest(this.disk, request, payload, done, name.split(':')[0]));
  }

  write(name: string, sector: number, durable = false, onDone = () => {}): void {
    const request = { op: 'write', offset: sector * 512, length: 512, durable } as const;
    this.ask(name, request, patternBytes(sector, 512), onDone);
  }
}

function image(file: MemoryFile): MemoryFile {
  createImage(file, { sizeBytes: 16 * 2 ** 20, clusterSizeBytes: 4096 });
  return file;
}

test('requesters that ask for durability together share one flush', () => {
  for (const count of [1, 4, 16, 64]) {
    const file = new CountingFile(new MemoryFile('m', new Uint8Array(65_536)));
    const requesters = new Requesters(new RawDisk(file));
    for (let round = 0; round < 10; round++) {
      for (let index = 0; index < count; index++) requesters.write('w', index);
      for (let index = 0; index < count; index++) requesters.ask('f', { op: 'flush' });
      const batch = requesters.queue.serveBatch();
      assert.deepEqual(batch, { requests: 2 * count, durableRequests: count, flushes: 1 });
    }
    assert.equal(file.counts.fsyncs, 10, `${count} requesters`);
    assert.ok(requesters.answers.every(([, answer]) => answer === 'ok'));
  }
});

test('what asked for durability hears of it when it is durable, whatever the disk; what did not is not kept waiting', () => {
  const { image: file } = trackDurability(image(new MemoryFile()));
  const requesters = new Requesters(openImage(file));
  const durableNow = () => assert.equal(file.durable, file.written);
  requesters.write('durable', 0, true, durableNow);
  requesters.write('plain', 8);
  requesters.ask('read', { op: 'read', offset: 0, length: 512 }, new Uint8Array(512));
  requesters.ask('flush', { op: 'flush' }, NOTHING, durableNow);
  requesters.queue.serveBatch();
  const names = requesters.answers.map(([name]) => name);
  assert.deepEqual(names, ['plain', 'read', 'durable', 'flush']);
});

test('requests are carried out in the order in which they were queued', () => {
  const disk = new RawDisk(new MemoryFile('m', new Uint8Array(4096)));
  const requesters = new Requesters(disk);
  const found = [new Uint8Array(512), new Uint8Array(512)];
  const range = { offset: 0, length: 512 };
  requesters.ask('w', { op: 'write', ...range }, new Uint8Array(512).fill(1));
  requesters.ask('r', { op: 'read', ...range }, found[0]);
  requesters.ask('z', { op: 'write-zeroes', mayUnmap: false, durable: true, ...range });
  requesters.ask('r', { op: 'read', ...range }, found[1]);
  requesters.queue.serveBatch();
  assert.deepEqual([found[0]![0], found[1]![0]], [1, 0]);
});

test('a flush that fails fails all that asked for it, and every later one; reads go on', () => {
  const fault = { kind: 'EIO', position: 1, forGood: false, only: 'guest-flush' } as const;
  const requesters = new Requesters(new RawDisk(new FaultFile(new MemoryFile('m', new Uint8Array(65_536)), fault)));
  requesters.write('plain', 0);
  requesters.write('durable', 1, true);
  requesters.ask('flush', { op: 'flush' });
  requesters.queue.serveBatch();
  requesters.ask('later flush', { op: 'flush' });
  requesters.ask('read', { op: 'read', offset: 0, length: 512 }, new Uint8Array(512));
  requesters.queue.serveBatch();
  assert.deepEqual(requesters.answers, [
    ['plain', 'ok'],
    ['durable', 'IO'],
    ['flush', 'IO'],
    ['read', 'ok'],
    ['later flush', 'IO'],
  ]);
});

test('a request that fails is told so at once and does not spoil the batch', () => {
  const requesters = new Requesters(new RawDisk(new MemoryFile('m', new Uint8Array(4096))));
  requesters.ask('past the end', { op: 'write', offset: 4096, length: 512, durable: true }, new Uint8Array(512));
  requesters.write('durable', 0, true);
  const batch = requesters.queue.serveBatch();
  assert.deepEqual(requesters.answers, [
    ['past the end', 'OUT_OF_RANGE'],
    ['durable', 'ok'],
  ]);
  assert.deepEqual(batch, { requests: 2, durableRequests: 1, flushes: 1 });
});

test('a batch is bounded, so that nobody waits for an endless one', () => {
  const requesters = new Requesters(
    new RawDisk(new MemoryFile('m', new Uint8Array(65_536))),
    new RequestQueue({ batchRequests: 3 }),
  );
  for (let index = 0; index < 7; index++) requesters.write('w', index, true);
  const sizes = [];
  while (requesters.queue.length > 0) sizes.push(requesters.queue.serveBatch().requests);
  assert.deepEqual(sizes, [3, 3, 1]);
  assert.equal(requesters.answers.length, 7);
});

test('a flush of a disk that cannot be written is done', () => {
  const file = new CountingFile(new MemoryFile('m', new Uint8Array(4096), { readOnly: true }));
  const requesters = new Requesters(new RawDisk(file));
  requesters.ask('flush', { op: 'flush' });
  assert.deepEqual(requesters.queue.serveBatch(), { requests: 1, durableRequests: 1, flushes: 0 });
  assert.deepEqual(requesters.answers, [['flush', 'ok']]);
});

test('whoever shares a flush is named: work is attributed to all of them', () => {
  const file = new CountingFile(new MemoryFile('m', new Uint8Array(4096)));
  const queue = new RequestQueue({
    serving: (requests) => {
      file.serving = requests;
    },
  });
  const requesters = new Requesters(new RawDisk(file), queue);
  requesters.write('a', 0, true);
  requesters.write('b', 1, true);
  requesters.ask('c', { op: 'flush' });
  queue.serveBatch();
  assert.equal(file.counts.byRequest.write?.writes, 2);
  assert.equal(file.counts.byRequest['flush+write']?.fsyncs, 1);
});

describe('a flush waits a moment for requesters that are used to asking', () => {
  /** Two requesters that both flush after each write; `arrivals` are what gathering brings, one step a call. */
  function pair(arrivals: ((requesters: Requesters) => void)[]) {
    let gathered = 0;
    const queue = new RequestQueue({
      gather: () => {
        gathered++;
        const next = arrivals.shift();
        next?.(requesters);
        return next !== undefined;
      },
    });
    const requesters = new Requesters(new RawDisk(new MemoryFile('m', new Uint8Array(65_536))), queue);
    for (const who of ['a', 'b']) requesters.ask(`${who}: first`, { op: 'flush' });
    queue.serveBatch();
    return { requesters, queue, gathered: () => gathered };
  }
  const flush = (who: string) => (requesters: Requesters) => requesters.ask(`${who}: flush`, { op: 'flush' });

  test('who wrote, and flushes in time, is in the same batch', () => {
    const { requesters, queue, gathered } = pair([() => {}, flush('b')]);
    requesters.write('a: write', 0);
    requesters.write('b: write', 1);
    requesters.ask('a: flush', { op: 'flush' });
    assert.deepEqual(queue.serveBatch(), { requests: 4, durableRequests: 2, flushes: 1 });
    assert.equal(gathered(), 2);
  });

  test('who does not come is waited for once, until it has asked again', () => {
    const { requesters, queue, gathered } = pair([]);
    const round = () => {
      requesters.write('a: write', 0);
      requesters.write('b: write', 1);
      requesters.ask('a: flush', { op: 'flush' });
      queue.serveBatch();
      return gathered();
    };
    assert.deepEqual([round(), round(), round()], [1, 1, 1]);
    requesters.ask('b: flush', { op: 'flush' });
    queue.serveBatch();
    assert.equal(round(), 2);
  });

  test('nobody waits for one alone, for one that only reads, or for one that has left', () => {
    const { requesters, queue, gathered } = pair([]);
    requesters.write('a: write', 0);
    requesters.ask('b: read', { op: 'read', offset: 0, length: 512 }, new Uint8Array(512));
    requesters.ask('a: flush', { op: 'flush' });
    queue.serveBatch();
    requesters.write('b: write', 1);
    queue.serveBatch();
    queue.forget('b');
    requesters.write('a: write', 0, true);
    queue.serveBatch();
    assert.equal(gathered(), 0);
  });

  test('a batch that is full does not wait', () => {
    const { requesters, queue, gathered } = pair([]);
    for (let index = 0; index < 255; index++) requesters.write('b: write', index % 16);
    requesters.ask('a: flush', { op: 'flush' });
    assert.equal(queue.serveBatch().requests, 256);
    assert.equal(gathered(), 0);
  });
});
