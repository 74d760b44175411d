import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { openFile, openImage } from '../../engine/index.ts';
import { openQemuSession, type RequestWithData } from './session.ts';
import type { SystemCallCounts } from './system-calls.ts';
import { FLUSH, inFolder, makeImage, plain, write } from './testing/requests.ts';

const CLUSTER = 65536;

/** Serves `requests` from the image; the kinds of request in the order served, and the counts. */
async function serve(imagePath: string, requests: RequestWithData[], counted = false) {
  const session = openQemuSession({ imagePath, cache: 'writeback', counted });
  const served: string[] = [];
  try {
    session.open();
    session.execute(requests, (request, latencyNs) => {
      assert.ok(latencyNs >= 0);
      served.push(request.op);
    });
    session.close();
  } catch (error) {
    await session.end();
    throw error;
  }
  return { served, ...(await session.end()) };
}

function read(imagePath: string, offset: number, length: number): Uint8Array {
  const file = openFile(imagePath, { mode: 'writeback', readOnly: true });
  try {
    const into = new Uint8Array(length);
    openImage(file).read(offset, into);
    return into;
  } finally {
    file.close();
  }
}

test('data written through qemu-io is what the engine reads, short after long writes too', () =>
  inFolder(async (folder) => {
    const image = makeImage(folder, '64M', CLUSTER);
    const counting = {
      request: { op: 'write', offset: 3 * CLUSTER, length: 1024 } as const,
      bytes: Buffer.alloc(1024),
    };
    for (const index of counting.bytes.keys()) counting.bytes.writeUInt8(index % 251, index);
    const { served, usage } = await serve(image, [write(0, 2 * CLUSTER, 7), counting, write(512, 512, 9), FLUSH]);
    assert.deepEqual(served, ['write', 'write', 'write', 'flush']);
    assert.deepEqual(Buffer.from(read(image, 3 * CLUSTER, 1024)), counting.bytes);
    const first = read(image, 0, 2048);
    assert.deepEqual([first[0], first[511], first[512], first[1023], first[1024]], [7, 7, 9, 9, 7]);
    assert.ok(usage!.peakMemoryBytes > 0);
  }));

test('zeroes, discards, reopening and snapshots', () =>
  inFolder(async (folder) => {
    const image = makeImage(folder, '64M', CLUSTER);
    await serve(image, [
      write(0, 4 * CLUSTER, 1),
      plain({ op: 'snapshot-create', name: 'two words' }),
      plain({ op: 'write-zeroes', offset: 0, length: CLUSTER, mayUnmap: false }),
      plain({ op: 'discard', offset: CLUSTER, length: CLUSTER }),
      plain({ op: 'reopen' }),
      plain({ op: 'snapshot-create', name: 'after' }),
      plain({ op: 'snapshot-apply', name: 'two words' }),
    ]);
    assert.ok(read(image, 0, 4 * CLUSTER).every((byte) => byte === 1));
    await serve(image, [
      plain({ op: 'snapshot-apply', name: 'after' }),
      plain({ op: 'snapshot-delete', name: 'after' }),
    ]);
    assert.ok(read(image, 0, 2 * CLUSTER).every((byte) => byte === 0));
    assert.ok(read(image, 2 * CLUSTER, 2 * CLUSTER).every((byte) => byte === 1));
  }));

test('VM state is written where the engine reads it', () =>
  inFolder(async (folder) => {
    const image = makeImage(folder, '64M', CLUSTER);
    await serve(image, [plain({ op: 'vmstate-write', offset: 4096, length: 32768 }, 5)]);
    const file = openFile(image, { mode: 'writeback', readOnly: true });
    const state = new Uint8Array(32768);
    openImage(file).readVmState(4096, state);
    file.close();
    assert.ok(state.every((byte) => byte === 5));
  }));

/** Serves `requests` with their commands sent ahead; how long that took. */
async function feed(imagePath: string, ...batches: RequestWithData[][]): Promise<number> {
  const session = openQemuSession({ imagePath, cache: 'writeback', counted: false });
  try {
    session.open();
    const durationNs = batches.reduce((sum, batch) => sum + session.feed(batch), 0);
    session.close();
    return durationNs;
  } finally {
    await session.end();
  }
}

test('commands sent ahead are served in order, however many, and an image that is closed between them too', () =>
  inFolder(async (folder) => {
    const image = makeImage(folder, '64M', CLUSTER);
    // More than one batch of commands, of which each rewrites what the one before wrote.
    const many = Array.from({ length: 1000 }, (_, index) => (index % 4 === 3 ? FLUSH : write(0, 512, 0)));
    const snapshots: RequestWithData[] = [
      write(CLUSTER, CLUSTER, 0),
      plain({ op: 'snapshot-create', name: 'two words' }),
      plain({ op: 'discard', offset: CLUSTER, length: CLUSTER }),
      plain({ op: 'reopen' }),
      plain({ op: 'vmstate-write', offset: 0, length: 512 }),
      plain({ op: 'snapshot-apply', name: 'two words' }),
    ];
    assert.ok((await feed(image, many, snapshots, [FLUSH])) > 0);
    // A write fills its range with its place in the batch, from 1.
    assert.ok(read(image, 0, 512).every((byte) => byte === (998 % 255) + 1));
    assert.ok(
      read(image, CLUSTER, CLUSTER).every((byte) => byte === 1),
      'back at the snapshot',
    );
  }));

test('a command that fails among those sent ahead is one line, and ends the session', () =>
  inFolder(async (folder) => {
    const image = makeImage(folder, '1M', CLUSTER);
    const beyond = [write(0, 512, 1), write(2 * 1024 ** 2, 512, 1), FLUSH];
    await assert.rejects(feed(image, beyond), {
      code: 'IO',
      message: 'qemu-io failed in a batch of commands: write failed: Input/output error',
    });
    assert.deepEqual(
      fs.readdirSync(folder).filter((name) => name.includes('.qemu-')),
      [],
    );
  }));

test('each call is counted for the request that caused it', () =>
  inFolder(async (folder) => {
    const image = makeImage(folder, '64M', CLUSTER);
    const { calls } = await serve(image, [write(0, CLUSTER, 1), FLUSH, write(0, CLUSTER, 2), FLUSH], true);
    const of = (request: string) => ({ ...(calls!.get(request) as SystemCallCounts) });
    // The data twice, the new L2 table and the refcount block that must precede it, the L1 entry.
    assert.equal(of('write').writeBytes, 4 * CLUSTER + 8);
    assert.ok(of('flush').fsyncs >= 2);
    assert.ok(of('open').reads > 0);
    assert.equal(of('close').writes, 0, 'everything was flushed');
    assert.equal(calls!.get('end')?.writes, 0);
  }));

test('failures are one line that names the request; nothing is left behind', () =>
  inFolder(async (folder) => {
    const image = makeImage(folder, '1M', CLUSTER);
    await assert.rejects(serve(image, [write(2 * 1024 ** 2, 512, 1)]), {
      code: 'IO',
      message: /^qemu-io failed at "write -q -s data 2097152 512": write failed: Input\/output error$/,
    });
    await assert.rejects(serve(image, [plain({ op: 'snapshot-apply', name: 'absent' })]), {
      code: 'IO',
      message: /^qemu-img failed at snapshot-apply "absent": [^\n]+$/,
    });
    await assert.rejects(serve(`${image}-absent`, []), { code: 'INVALID_ARGUMENT' });
    fs.writeFileSync(image, 'no image at all');
    await assert.rejects(serve(image, []), { code: 'IO', message: /not in qcow2 format[^\n]*$/ });
  }));
