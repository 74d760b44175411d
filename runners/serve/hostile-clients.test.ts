/**
 * Clients that mean no good, over real sockets: whatever they do, the server goes on, others are served, memory stays bounded, and the
 * image is clean in the end. What a client may say in every state is fuzzed without sockets in `engine/nbd/session-fuzz.test.ts`.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net, { type Socket } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { checkImage, createImage, isClean, MiB, openFile } from '../../engine/index.ts';
import {
  clientFlags,
  concat,
  infoOption,
  option,
  readReplies,
  request,
} from '../../engine/nbd/testing/client-bytes.ts';
import { Prng } from '../../workloads/prng.ts';
import { temporaryFolder } from '../testing/command.ts';
import { exportsOf } from './exports.ts';
import { ImageThread } from './image-thread.ts';
import { NbdServer, SERVER_LIMITS, type ServerLimits } from './server.ts';
import type { ServerStats } from './server-stats.ts';
import { SharedMemory } from './shared-memory.ts';

const STRUCTURED_REPLY = 8;
const GREETING_BYTES = 18;
const OPENING = concat(clientFlags(), option(STRUCTURED_REPLY), infoOption('go', ''));
/** Greeting, the reply to structured replies, two pieces of information and the last acknowledgement. */
const OPENING_ANSWER_BYTES = GREETING_BYTES + 20 + (20 + 12) + (20 + 14) + 20;

/** A client that says what it likes. */
class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  #received = Buffer.alloc(0);
  #wake: () => void = () => {};

  constructor(socketPath: string) {
    this.socket = net.connect(socketPath);
    this.closed = once(this.socket, 'close');
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    this.socket.on('close', () => this.#wake());
  }

  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(concat(...parts));
  }

  /** The next `lengthBytes` that come. */
  async take(lengthBytes: number): Promise<Uint8Array> {
    while (this.#received.length < lengthBytes) {
      assert.ok(!this.socket.destroyed, `the server hung up after ${this.#received.length} of ${lengthBytes} bytes`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#received.subarray(0, lengthBytes);
    this.#received = this.#received.subarray(lengthBytes);
    return new Uint8Array(taken);
  }

  async open(): Promise<this> {
    this.send(OPENING);
    await this.take(OPENING_ANSWER_BYTES);
    return this;
  }
}

interface Served {
  readonly server: NbdServer;
  readonly connect: () => RawClient;
  readonly stop: () => Promise<ServerStats>;
}

/** Runs `work` on a server in this process; afterwards it must end in order, and the image be clean. */
async function withServer(limits: Partial<ServerLimits>, work: (served: Served) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  const imagePath = path.join(folder, 'disk.qcow2');
  const file = openFile(imagePath, { create: true });
  createImage(file, { sizeBytes: 256 * MiB });
  file.close();
  const choice = { readOnly: false, policy: null, cache: 'writeback', snapshots: false, allowBacking: false } as const;
  const memory = new SharedMemory();
  const thread = new ImageThread({ imagePath, format: 'qcow2', folders: [], ...choice }, memory);
  const disks = await thread.opened;
  const exports = exportsOf({ name: 'disk', imagePath }, thread, disks, 1);
  const server = new NbdServer(exports, memory, { ...SERVER_LIMITS, ...limits });
  const socketPath = path.join(folder, 'socket');
  await server.listen({ socketPath });
  const clients: RawClient[] = [];
  const connect = () => {
    const made = new RawClient(socketPath);
    clients.push(made);
    return made;
  };
  let stopped: Promise<ServerStats> | null = null;
  const stop = () => {
    stopped ??= server.stop().then(() => thread.close());
    return stopped;
  };
  try {
    await work({ server, connect, stop });
    for (const { socket } of clients) socket.destroy();
    await stop();
    assert.equal(server.usedBytes, 0, 'all memory was given back');
    const left = openFile(imagePath, { readOnly: true });
    assert.ok(isClean(checkImage(left)));
    left.close();
  } finally {
    for (const { socket } of clients) socket.destroy();
    await stop().catch(() => {});
    fs.rmSync(folder, { recursive: true });
  }
}

/** Writes and reads back through `client`, so the server works. */
async function assertServes(client: RawClient, byte: number): Promise<void> {
  const content = new Uint8Array(4096).fill(byte);
  client.send(request('write', 65_536 * byte, 4096), content);
  await client.take(20);
  client.send(request('read', 65_536 * byte, 4096));
  const [reply] = readReplies(await client.take(28 + 4096));
  assert.deepEqual(reply!.body, content);
}

test('garbage, half handshakes, half requests and early ends at every byte leave the server as it was', () =>
  withServer({ connections: 1000 }, async ({ connect }) => {
    const good = await connect().open();
    const whole = concat(
      OPENING,
      request('write', 0, 512),
      new Uint8Array(512),
      request('read', 0, 512),
      request('flush'),
    );
    const ends: Promise<unknown>[] = [];
    for (let length = 0; length < whole.length; length += length < 200 ? 7 : 61) {
      const bad = connect();
      bad.send(whole.subarray(0, length));
      ends.push(bad.closed);
      if (length % 2 === 0) bad.socket.end();
      else bad.socket.destroySoon();
    }
    const random = new Prng(11);
    for (let index = 0; index < 60; index++) {
      const bad = connect();
      const garbage = Uint8Array.from({ length: 300 }, () => random.below(256));
      bad.send(index % 2 === 0 ? garbage : concat(OPENING, garbage));
      ends.push(bad.closed);
    }
    await Promise.all(ends);
    await assertServes(good, 1);
    await assertServes(await connect().open(), 2);
  }));

test('clients that do not choose an export are cut off, and make room for those that do', () =>
  withServer({ connections: 3, handshakeMs: 100 }, async ({ connect }) => {
    const good = await connect().open();
    const idle = Array.from({ length: 40 }, () => connect());
    const late = await connect().open();
    await Promise.all(idle.map(({ closed }) => closed));
    await assertServes(good, 1);
    await assertServes(late, 2);
  }));

test('a server that is full of clients at work refuses more', () =>
  withServer({ connections: 2 }, async ({ connect }) => {
    const [first, second] = [await connect().open(), await connect().open()];
    const third = connect();
    await third.closed;
    await assertServes(first, 1);
    first.socket.destroy();
    await assertServes(second, 2);
  }));

test('a client that stops in the middle of a write, or does not read its replies, is cut off', () =>
  withServer({ stallMs: 200 }, async ({ connect, server }) => {
    const good = await connect().open();
    const half = await connect().open();
    half.send(request('write', 0, 32 * MiB), new Uint8Array(1000));
    const deaf = await connect().open();
    deaf.socket.pause();
    for (let index = 0; index < 8; index++) deaf.send(request('read', 0, 32 * MiB));
    await half.closed;
    assert.ok(server.usedBytes <= 2 * 32 * MiB + 8192, `${server.usedBytes} bytes: a client has its share and no more`);
    deaf.socket.once('end', () => deaf.socket.destroy());
    await assertServes(good, 1);
    await waitUntil(() => server.usedBytes === 0);
    await assertServes(good, 2);
  }));

test('refusals that nobody reads do not pile up', () =>
  withServer({ stallMs: 60_000 }, async ({ connect }) => {
    const deaf = await connect().open();
    deaf.socket.pause();
    const before = process.memoryUsage().rss;
    const flood = concat(...Array.from({ length: 4000 }, () => request('read', 2n ** 63n, 512)));
    // 28 bytes each bring an error of about 100: 45 MB, if they were all answered.
    for (let index = 0; index < 100; index++) deaf.socket.write(flood);
    await assertServes(await connect().open(), 1);
    const grown = process.memoryUsage().rss - before;
    assert.ok(deaf.socket.writableLength > 0, 'the server has stopped reading');
    assert.ok(grown < 64 * MiB, `${Math.round(grown / MiB)} MiB more`);
  }));

test('a client that leaves with requests under way takes nothing along', () =>
  withServer({}, async ({ connect, server }) => {
    for (let index = 0; index < 20; index++) {
      const leaving = await connect().open();
      const writes = Array.from({ length: 16 }, (_, at) =>
        concat(request('write', at * MiB, 65_536), new Uint8Array(65_536)),
      );
      leaving.send(...writes, request('flush'), request('read', 0, 4 * MiB));
      if (index % 2 === 0) leaving.socket.destroySoon();
      else setImmediate(() => leaving.socket.destroy());
      await leaving.closed;
    }
    await assertServes(await connect().open(), 1);
    await waitUntil(() => server.usedBytes === 0);
  }));

test('what was asked before the server stops is answered', () =>
  withServer({}, async ({ connect, stop }) => {
    const client = await connect().open();
    client.send(request('write', 0, 4096), new Uint8Array(4096).fill(5), request('flush', 0, 0, 0, 8n));
    await client.take(20);
    const stopped = stop();
    const [flushed] = readReplies(await client.take(20));
    assert.deepEqual([flushed!.cookie, flushed!.errno], [8n, 0]);
    client.socket.end();
    assert.equal((await stopped).exact.guest.flushes, 1);
  }));

async function waitUntil(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
