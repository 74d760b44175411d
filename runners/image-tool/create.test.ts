/** `image create` beside `qemu-img create` with the same words. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { ImageSession } from './testing/image-session.ts';

/** What must be equal: all but names and what the file takes. */
function facts(info: Record<string, unknown>): Record<string, unknown> {
  const { filename: _, 'actual-size': _size, ...rest } = info;
  return rest;
}

const MAKES: readonly (readonly string[])[] = [
  ['-f', 'qcow2', '@FILE', '10M'],
  ['-fqcow2', '-ocluster_size=4k,compat=0.10', '@FILE', '1.5G'],
  ['-f', 'qcow2', '-o', 'cluster_size=2M,size=1T', '@FILE'],
  ['-f', 'qcow2', '-o', 'compat=v3,lazy_refcounts,refcount_bits=64', '@FILE', '1000'],
  ['-f', 'qcow2', '-o', 'extended_l2=on,compression_type=zstd', '-o', 'refcount_bits=1', '@FILE', '64k'],
  ['-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', '@FILE'],
  ['-f', 'qcow2', '-o', 'backing_file=base.qcow2,backing_fmt=qcow2', '@FILE', '20M'],
  ['-f', 'qcow2', '-u', '-b', 'not there,,.raw', '-F', 'raw', '@FILE', '1M'],
  ['-q', '@FILE', '1000'],
  ['-f', 'raw', '@FILE', '3M'],
  ['-f', 'qcow2', '-o', 'preallocation=metadata', '@FILE', '5M'],
  ['-f', 'qcow2', '-o', 'preallocation=falloc,cluster_size=512', '@FILE', '1M'],
  ['-f', 'qcow2', '-o', 'preallocation=full', '@FILE', '1M'],
  ['-f', 'raw', '-o', 'preallocation=full', '@FILE', '1M'],
];

test('images are what qemu-img makes of the same words', async () => {
  using session = new ImageSession();
  session.rawDisk('base.raw');
  session.qcow2Disk('base.qcow2');
  for (const words of MAKES) {
    const named = (name: string) => words.map((word) => (word === '@FILE' ? `@${name}` : word));
    await session.done('create', ...named('ours'));
    session.qemuDone('create', ...named('theirs'));
    const [ours, theirs] = ['@ours', '@theirs'].map((name) => session.qemuJson('info', '--output=json', name));
    assert.deepEqual(facts(ours!), facts(theirs!), words.join(' '));
    // Without its backing file it cannot be opened, by either.
    if (words.includes('-u')) continue;
    if (ours!.format === 'qcow2') assert.equal(session.qemu('check', '-q', '@ours').code, 0, words.join(' '));
    const content = session.qemu('compare', '@ours', '@theirs');
    assert.equal(content.code, 0, `${words.join(' ')}: ${content.stdout}${content.stderr}`);
  }
});

test('preallocation maps every cluster and takes the space that it promises', async () => {
  using session = new ImageSession();
  const stored = () => fs.statSync(session.file('a')).blocks * 512;
  for (const how of ['metadata', 'falloc', 'full']) {
    await session.done('create', '-f', 'qcow2', '-o', `preallocation=${how}`, '@a', '5M');
    const { 'allocated-clusters': allocated } = session.qemuJson('check', '--output=json', '@a');
    assert.equal(allocated, 80, how);
    if (how === 'metadata') assert.ok(stored() < 2 ** 20);
    else assert.ok(stored() >= 5 * 2 ** 20, how);
  }
  await session.done('create', '-f', 'raw', '-o', 'preallocation=falloc', '@a', '5M');
  assert.ok(stored() >= 5 * 2 ** 20);
});

test('an external data file is made beside the image', async () => {
  using session = new ImageSession();
  await session.done('create', '-f', 'qcow2', '-o', 'data_file=a.dat,data_file_raw=on', '@a', '1M');
  assert.deepEqual(fs.readdirSync(session.folder).sort(), ['a', 'a.dat']);
  session.io('a', 'qcow2', 'write -P 3 64k 64k');
  assert.equal(session.qemu('check', '-q', '@a').code, 0);
  assert.equal(fs.readFileSync(session.file('a.dat'))[65536], 3);
  assert.match(
    (await session.cowbench('map', '--allow-backing', '@a')).stdout,
    /0x10000 +0x10000 +0x10000 +.*a\.dat\n/,
  );
});

test('an image that is replaced keeps its mode, and a link to it stays a link', async () => {
  using session = new ImageSession();
  fs.writeFileSync(session.file('real'), 'old', { mode: 0o600 });
  fs.symlinkSync('real', session.file('link'));
  await session.done('create', '-f', 'qcow2', '@link', '1M');
  assert.ok(fs.lstatSync(session.file('link')).isSymbolicLink());
  assert.equal(fs.statSync(session.file('real')).mode & 0o777, 0o600);
  assert.equal(session.qemu('check', '-q', '@real').code, 0);
});

test('with extended entries a preallocated image shows its backing file, as in qemu-img; without them it is refused', async () => {
  using session = new ImageSession();
  session.rawDisk('base.raw', 3);
  session.io('base.raw', 'raw', 'write -P 5 0 3M');
  for (const how of ['metadata', 'falloc', 'full']) {
    const words = ['-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', '-o', `preallocation=${how}`];
    for (const options of [[], ['-o', 'extended_l2=on']]) {
      const ours = await session.cowbench('create', ...words, ...options, '@ours', '4M');
      const theirs = session.qemu('create', ...words, ...options, '@theirs', '4M');
      const note = `${how} ${options.join(' ')}: ${ours.stderr}${theirs.stderr}`;
      assert.equal(ours.code === 0, theirs.code === 0, note);
      if (ours.code !== 0) continue;
      assert.equal(session.qemu('compare', '@ours', '@theirs').code, 0, note);
      assert.equal(session.qemu('check', '-q', '@ours').code, 0, note);
      const allocated = (name: string) => session.qemuJson('check', '--output=json', name)['allocated-clusters'];
      assert.equal(allocated('@ours'), allocated('@theirs'), note);
    }
  }
});
