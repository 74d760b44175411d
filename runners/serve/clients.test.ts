/** The clients that people use, against `cowbench serve`: what they write they read back, and the image is clean afterwards. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { KiB, MiB } from '../../engine/index.ts';
import { readIolog } from '../../workloads/iolog.ts';
import { Prng } from '../../workloads/prng.ts';
import { temporaryFolder } from '../testing/command.ts';
import { assertClean, client, newImage, RunningServer, without, withServer } from './testing/running-server.ts';

const CLUSTER_BYTES = 64 * KiB;
/** Of what nbdcopy copies and fio verifies. */
const DISK_BYTES = Number(process.env.COWBENCH_SERVED_MIB ?? 64) * MiB;

test('nbdinfo shows what is promised', { skip: without('nbdinfo') }, () =>
  withServer({ sizeBytes: 64 * MiB }, async (uri, server) => {
    const [info] = JSON.parse(client('nbdinfo', '--json', uri)).exports;
    const { 'export-size': size, contexts, block_size_minimum: minimum, block_size_maximum: maximum } = info;
    assert.deepEqual(
      { size, contexts, minimum, maximum },
      {
        ...{ size: 64 * MiB, contexts: ['base:allocation'], minimum: 1, maximum: 32 * MiB },
      },
    );
    for (const can of ['cache', 'df', 'fast_zero', 'flush', 'fua', 'multi_conn', 'trim', 'zero'])
      assert.equal(info[`can_${can}`], true, can);
    assert.equal(info.is_read_only, false);
    assert.equal(fs.statSync(path.join(server.folder, 'socket')).mode & 0o777, 0o600);
    await server.stop();
  }),
);

test('nbdcopy brings a disk in and out, holes as holes', { skip: without('nbdcopy', 'qemu-img') }, () =>
  withServer({ sizeBytes: DISK_BYTES, words: () => ['--stats'] }, async (uri, server, imagePath) => {
    const [source, copy] = ['source.raw', 'copy.raw'].map((name) => path.join(server.folder, name));
    const writtenBytes = fillHere(source!);
    client('nbdcopy', '--flush', '--allocated', source!, uri);
    client('nbdcopy', uri, copy!);
    client('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', source!, copy!);
    // Whole clusters are stored for what does not begin and end with one.
    const mostBytes = 1.5 * writtenBytes;
    assert.ok(fs.statSync(copy!).blocks * 512 < mostBytes, 'holes were not written out');
    const stats = (await server.stop())!;
    assert.ok(stats.exact.guest.flushes >= 1 && stats.exact.guest.writeBytes < mostBytes);
    assertClean(imagePath);
    client('qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', source!, imagePath);
  }),
);

/** A sparse file of {@link DISK_BYTES} with pieces of text at random places, in a sixteenth of it; a long one is half full. Returns the bytes written. */
function fillHere(file: string): number {
  const prng = new Prng(5);
  const share = DISK_BYTES > 64 * MiB ? 1 / 2 : 1 / 16;
  const descriptor = fs.openSync(file, 'w');
  let written = 0;
  for (let at = 0; at < DISK_BYTES; at += MiB) {
    if (at > 0 && !prng.chance(share)) continue;
    const start = at + 512 * prng.below(64);
    const length = 512 * prng.between(1024, 1984);
    fs.writeSync(descriptor, Buffer.alloc(length, `written at ${start}; `), 0, length, start);
    written += length;
  }
  fs.ftruncateSync(descriptor, DISK_BYTES);
  fs.closeSync(descriptor);
  return written;
}

test(
  'qemu-io and qemu-img: patterns of any alignment, FUA, zeros, discards, the map',
  { skip: without('qemu-io', 'qemu-img') },
  () =>
    withServer({ sizeBytes: 16 * MiB }, async (uri, server, imagePath) => {
      const commands = [
        ...['write -P 1 0 1M', 'write -P 2 1000 70001', 'write -f -P 3 2M 4k', 'flush', 'discard 3M 1M'],
        ...['write -P 4 4M 256k', 'write -z 4160k 64k', 'write -z -u 4224k 64k', 'write -P 5 16776704 512'],
        ...['read -P 1 0 1000', 'read -P 2 1000 70001', 'read -P 1 71001 900k', 'read -P 3 2M 4k', 'read -P 0 3M 1M'],
        ...['read -P 4 4M 64k', 'read -P 0 4160k 128k', 'read -P 4 4288k 64k', 'read -P 5 16776704 512'],
      ];
      const words = ['-f', 'raw', '-d', 'unmap', ...commands.flatMap((command) => ['-c', command]), uri];
      assert.doesNotMatch(client('qemu-io', ...words), /failed|error/i);
      const served = JSON.parse(client('qemu-img', 'map', '--output=json', '-f', 'raw', uri));
      await server.stop();
      const stored = JSON.parse(client('qemu-img', 'map', '--output=json', imagePath));
      const shape = (extents: { start: number; length: number; zero: boolean }[]) =>
        joined(extents.map(({ start, length, zero }) => ({ start, length, zero })));
      assert.deepEqual(shape(served), shape(stored));
      assertClean(imagePath);
    }),
);

/** Neighbours that read alike, as one. */
function joined(extents: { start: number; length: number; zero: boolean }[]) {
  const result: typeof extents = [];
  for (const extent of extents) {
    const last = result.at(-1);
    if (last?.zero === extent.zero) last.length += extent.length;
    else result.push({ ...extent });
  }
  return result;
}

test('fio writes at random over four connections and verifies, flushing as it goes', { skip: without('fio') }, () =>
  withServer({ sizeBytes: DISK_BYTES, words: () => ['--stats'] }, async (uri, server, imagePath) => {
    const area = DISK_BYTES / 4;
    const job = ['--name=verify', '--ioengine=nbd', `--uri=${uri}`, '--rw=randrw', '--bsrange=512-64k', '--iodepth=32'];
    const jobs = ['--numjobs=4', `--size=${area / 4}`, `--offset_increment=${area}`, '--fsync=16', '--randseed=7'];
    client('fio', ...job, ...jobs, '--verify=crc32c', '--verify_fatal=1', '--verify_state_save=0');
    const { exact, durableRequests, flushes } = (await server.stop())!;
    assert.ok(exact.guest.writes > 100 && durableRequests >= exact.guest.flushes && flushes <= durableRequests);
    assertClean(imagePath);
  }),
);

test('a recorded conversation is a workload', { skip: without('qemu-io') }, () =>
  withServer(
    { sizeBytes: 16 * MiB, words: (folder) => ['--record', path.join(folder, 'guest.iolog')] },
    async (uri, server) => {
      const commands = ['write 4k 8k', 'read 4k 4k', 'write -f 64k 512', 'discard 1M 64k', 'write -z 2M 64k', 'flush'];
      client('qemu-io', '-f', 'raw', '-t', 'writeback', '-d', 'unmap', ...commands.flatMap((c) => ['-c', c]), uri);
      await server.stop();
      const recorded = [];
      for await (const batch of readIolog(path.join(server.folder, 'guest.iolog'), { diskSizeBytes: 16 * MiB }))
        recorded.push(...batch.map(({ atUs: _, ...request }) => request));
      const asked = [
        { op: 'write', offset: 4096, length: 8192 },
        { op: 'read', offset: 4096, length: 4096 },
        { op: 'write', offset: 65_536, length: 512 },
        { op: 'flush' },
        { op: 'discard', offset: MiB, length: 65_536 },
        { op: 'write', offset: 2 * MiB, length: 65_536 },
        { op: 'flush' },
      ];
      assert.deepEqual(recorded.slice(0, asked.length), asked);
      // qemu-io flushes again when it disconnects.
      assert.ok(recorded.slice(asked.length).every(({ op }) => op === 'flush'));
    },
  ),
);

/** Commits of each client: each a write of 4 KiB into a fresh cluster, and a flush. */
const COMMITS = 80;

/** A busy machine lets clients come late to a sync, and only ever raises the counts: the lowest count of a few tries is asserted. */
const TRIES = 3;

test('syncs are shared: at most 1.25 a flush and number of clients; --stats counts those that strace sees', {
  skip: without('fio', 'strace'),
}, async () => {
  const groups = [1, 4, 16];
  const lowest = groups.map(() => Number.POSITIVE_INFINITY);
  for (let tries = 0; tries < TRIES && lowest.some((syncs) => syncs > 1.25); tries++)
    for (const [index, syncs] of (await syncsTimesClients(groups)).entries())
      lowest[index] = Math.min(lowest[index]!, syncs);
  assert.deepEqual(
    lowest.filter((syncs) => syncs > 1.25),
    [],
    `syncs a flush, times clients, of ${groups.join(', ')} clients: ${lowest.join(', ')}`,
  );
});

async function syncsTimesClients(groups: readonly number[]): Promise<number[]> {
  const folder = temporaryFolder();
  const images = groups.map((clients) => path.join(folder, `${clients}.qcow2`));
  for (const image of images) newImage(image, 16 * COMMITS * CLUSTER_BYTES);
  const server = new RunningServer(folder, [...images, '--policy', 'reserve', '--stats'], undefined, true);
  try {
    const uris = await server.uris();
    for (const [index, clients] of groups.entries()) commit(uris[index]!, clients);
    const stats = await server.stopAll();
    const trace = fs.readFileSync(path.join(folder, 'trace'), 'utf8');
    return groups.map((clients, index) => {
      const { exact, durableRequests, flushes, syncsPerFlush } = stats[index]!;
      // A call that another thread interrupts has a second line, which does not name the file.
      const traced = trace.split('\n').filter((line) => /fdatasync\(/.test(line) && line.includes(images[index]!));
      assert.equal(traced.length, exact.fsyncs);
      // fio does not flush after the last write of a client.
      assert.ok(durableRequests >= clients * (COMMITS - 1) && flushes <= durableRequests);
      return syncsPerFlush! * clients;
    });
  } finally {
    await server.kill();
    fs.rmSync(folder, { recursive: true });
  }
}

function commit(uri: string, clients: number): void {
  const area = COMMITS * CLUSTER_BYTES;
  const job = ['--name=commit', '--ioengine=nbd', `--uri=${uri}`, `--rw=write:${CLUSTER_BYTES - 4096}`, '--bs=4k'];
  const size = [`--size=${area}`, `--offset_increment=${area}`, `--number_ios=${COMMITS}`];
  client('fio', ...job, ...size, '--fsync=1', '--thread', `--numjobs=${clients}`);
}
