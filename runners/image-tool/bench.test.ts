/** `image bench`: content, lines and refusals of `qemu-img bench`; how many requests and syncs reach the file. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { CountingFile, createImage, MemoryFile, openImage, RawDisk } from '../../engine/index.ts';
import { type RequestRun, sendRequests } from './bench.ts';
import { DifferentialSession, seeds } from './testing/differential.ts';
import { ImageSession } from './testing/image-session.ts';

const RUN: RequestRun = {
  ...{ count: 20, depth: 4, lengthBytes: 512, stepBytes: 512, offset: 0 },
  ...{ isWriting: true, pattern: 7, flushInterval: 0, drains: true },
};

const noPause = async () => {};

async function countsOfRaw(change: Partial<RequestRun>, sizeBytes = 65_536) {
  const memory = new MemoryFile('memory', new Uint8Array(sizeBytes));
  const counting = new CountingFile(memory);
  await sendRequests(new RawDisk(counting), { ...RUN, ...change }, noPause);
  const { reads, readBytes, writes, writeBytes, fsyncs } = counting.counts;
  return { counts: { reads, readBytes, writes, writeBytes, fsyncs }, bytes: memory.bytes() };
}

test('each request is one write or read, each flush interval one sync', async () => {
  const written = { reads: 0, readBytes: 0, writes: 20, writeBytes: 20 * 512, fsyncs: 0 };
  assert.deepEqual((await countsOfRaw({})).counts, written);
  assert.deepEqual((await countsOfRaw({ flushInterval: 5 })).counts, { ...written, fsyncs: 4 });
  assert.deepEqual((await countsOfRaw({ flushInterval: 7 })).counts, { ...written, fsyncs: 2 });
  assert.deepEqual((await countsOfRaw({ flushInterval: 20, depth: 20 })).counts, { ...written, fsyncs: 1 });
  const read = { reads: 20, readBytes: 20 * 512, writes: 0, writeBytes: 0, fsyncs: 0 };
  assert.deepEqual((await countsOfRaw({ isWriting: false })).counts, read);
  assert.deepEqual((await countsOfRaw({ count: 0 })).counts, { ...read, reads: 0, readBytes: 0 });
});

test('without draining a flush covers the requests that are queued after it', async () => {
  const syncedAt: number[] = [];
  for (const drains of [true, false]) {
    const counting = new CountingFile(new MemoryFile('memory', new Uint8Array(65_536)));
    const disk = new RawDisk(counting);
    const flush = disk.flush.bind(disk);
    disk.flush = () => {
      syncedAt.push(counting.counts.writes);
      flush();
    };
    await sendRequests(disk, { ...RUN, count: 12, flushInterval: 6, drains }, noPause);
  }
  assert.deepEqual(syncedAt, [6, 12, 8, 12]);
});

test('a deep queue does not take memory by its depth, and all requests are sent', async () => {
  const { counts } = await countsOfRaw({ count: 1000, depth: 2 ** 31 - 1 });
  assert.equal(counts.writes, 1000);
});

test('past the end it starts over, at what the step leaves', async () => {
  const { bytes } = await countsOfRaw({ count: 3, offset: 1024, stepBytes: 1536, lengthBytes: 1 }, 2048);
  const written = [...bytes.keys()].filter((at) => bytes[at] === 7);
  assert.deepEqual(written, [0, 512, 1024]);
});

test('a request that passes the end is refused by its number', async () => {
  await assert.rejects(
    countsOfRaw({ stepBytes: 800, count: 9 }, 2048),
    /^UsageError: request 3 of 9, 512 bytes at offset 1600, passes the end of the disk of 2048 bytes/,
  );
});

test('an image: one sync on behalf of each flush, and what was written is there', async () => {
  const counting = new CountingFile(new MemoryFile('memory', new Uint8Array(0)));
  createImage(counting, { sizeBytes: 1_048_576 });
  const image = openImage(counting);
  const run = { ...RUN, lengthBytes: 65_536, stepBytes: 65_536, count: 16, flushInterval: 4 };
  const syncs = () => counting.counts.syncsByCause['guest-flush'];
  await sendRequests(image, run, noPause);
  assert.equal(syncs(), 4);
  const bytes = new Uint8Array(1_048_576);
  image.read(0, bytes);
  assert.ok(bytes.every((byte) => byte === 7));
  image.close();
});

/** The lines without what the clock says. */
const untimed = (text: string) => text.replace(/in \d+\.\d{3} seconds/, 'in T seconds');

test('the same content, lines and exit class as qemu-img', async () => {
  for (const seed of seeds(3)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    for (let step = 0; step < 6; step++) {
      if (random.chance(0.3)) session.randomRaw('ours', 65_536 * 4);
      else {
        fs.rmSync(session.file('ours'), { force: true });
        session.randomImage('ours');
      }
      session.copies('ours', 'theirs');
      const maybe = (chance: number, ...words: string[]) => (random.chance(chance) ? words : []);
      const words = [
        ...['bench', '-c', random.pick(['0', '1', '10', '0x20', '100'])],
        ...maybe(0.7, '-w'),
        ...maybe(0.6, '-d', random.pick(['1', '3', '8', '-1'])),
        ...maybe(0.6, '-s', random.pick(['512', '4k', '513', '64k', '0', '0x400', '2G', 'x'])),
        ...maybe(0.4, '-S', random.pick(['0', '512', '64k', '1', '3G', '-1'])),
        ...maybe(0.4, '-o', random.pick(['0', '512', '4k', '100', '3M', '-1'])),
        ...maybe(0.5, `--pattern=${random.pick(['1', '0xff', '200', '256', '-1', 'x'])}`),
        ...maybe(0.3, `--flush-interval=${random.pick(['1', '8', '64', '0', '-1'])}`),
        ...maybe(0.2, '--no-drain'),
        ...maybe(0.2, '-U'),
        ...maybe(0.2, '-t', random.pick(['writeback', 'unsafe', 'writethrough', 'some'])),
        ...maybe(0.1, '-i', random.pick(['threads', 'native', 'some'])),
        ...maybe(0.1, '-n'),
      ];
      const note = words.join(' ');
      const ours = await session.cowbench(...words, '@ours');
      const theirs = session.qemu(...words, '@theirs');
      if (!session.sameClass(ours, theirs, note)) continue;
      assert.equal(untimed(ours.stdout), untimed(theirs.stdout), `seed ${seed}: ${note}`);
      session.sameImages('ours', 'theirs', note);
    }
  }
});

test('what is refused names the option, and nothing was written', async () => {
  using session = new ImageSession();
  fs.writeFileSync(session.file('disk.raw'), new Uint8Array(65_536));
  const refused: [RegExp, ...string[]][] = [
    [/--flush-interval: reads need no flush/, '--flush-interval', '64'],
    [/--flush-interval 5 is smaller than --depth 64/, '-w', '--flush-interval=5'],
    [/--depth "0": expected an integer from 1/, '-d', '0'],
    [/--count "010": leave out the leading zero/, '-c', '010'],
    [/--count "2147483648": expected/, '-c', '2147483648'],
    [/--pattern "0x100": expected an integer from 0 to 255/, '-w', '--pattern', '0x100'],
    [/--buffer-size "2G": at most 2147483647 bytes/, '-s', '2G'],
    [/native AIO goes with -t none/, '-n'],
    [/aio.*"?thread"?.*threads/, '-i', 'thread'],
    [/request 1 of 75000, 4096 bytes at offset 65536, passes the end/, '-w', '-o', '64k'],
    [/--force-share: .* is to be written/, '-w', '-U'],
  ];
  for (const [reason, ...words] of refused) {
    const { code, stdout, stderr } = await session.cowbench('bench', ...words, '-f', 'raw', '@disk.raw');
    assert.match(stderr, reason, words.join(' '));
    assert.doesNotMatch(stderr, /defect/);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' }, words.join(' '));
  }
  assert.ok(fs.readFileSync(session.file('disk.raw')).every((byte) => byte === 0));
  assert.equal(await session.done('bench', '-q', '-c', '5', '-f', 'raw', '@disk.raw'), '');
  assert.match(
    await session.done('bench', '-f', 'raw', '@disk.raw'),
    /^Sending 75000 read requests, 4096 bytes each, 64 in parallel \(starting at offset 0, step size 4096\)\nRun completed in \d+\.\d{3} seconds\.\n$/,
  );
});
