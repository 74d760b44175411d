/** What the reading commands print, for people and as JSON, beside qemu-img. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { ImageSession } from './testing/image-session.ts';

const MAKES: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  old: ['-o', 'compat=0.10,cluster_size=4k'],
  extended: ['-o', 'extended_l2=on,lazy_refcounts=on,compression_type=zstd,refcount_bits=64'],
  split: ['-o', 'data_file=split.raw'],
  over: ['-b', 'plain', '-F', 'qcow2'],
};

function makeAll(session: ImageSession): void {
  for (const [name, options] of Object.entries(MAKES)) session.qcow2Disk(name, ...options);
  session.qemuDone('bitmap', '--add', '@plain', 'nightly');
  session.qemuDone('create', '-q', '-f', 'qcow2', '@empty', '1152M');
  session.rawDisk('raw');
}

/** Without what newer versions of QEMU have too. */
function comparable(text: string): unknown {
  return JSON.parse(text, (key, value) => (key === 'compressed' ? undefined : value));
}

const VERBS: readonly (readonly string[])[] = [
  ['info'],
  ['info', '--backing-chain'],
  ['check'],
  ['map'],
  ['map', '--start-offset=70k', '--max-length=2M'],
  ['measure', '-O', 'qcow2'],
  ['measure', '-O', 'raw'],
];

test('the same JSON as qemu-img, verb by verb and image by image', async () => {
  using session = new ImageSession();
  makeAll(session);
  for (const name of [...Object.keys(MAKES), 'empty', 'raw']) {
    for (const [verb, ...rest] of VERBS) {
      const words = [verb!, '--output=json', ...rest, `@${name}`];
      const theirs = session.qemu(...words);
      const ours = await session.cowbench(...words, ...(verb === 'check' ? [] : ['--allow-backing']));
      assert.equal(ours.code, theirs.code, `${words.join(' ')}: ${ours.stderr}${theirs.stderr}`);
      if (theirs.code === 0) assert.deepEqual(comparable(ours.stdout), comparable(theirs.stdout), words.join(' '));
    }
  }
});

test('the same lines as qemu-img, verb by verb and image by image', async () => {
  using session = new ImageSession();
  makeAll(session);
  const human = [...VERBS, ['snapshot', '-l'], ['compare', '@plain'], ['compare', '-s', '@plain']];
  for (const name of [...Object.keys(MAKES), 'empty', 'raw']) {
    for (const [verb, ...rest] of human) {
      const words = [verb!, ...rest, `@${name}`];
      const theirs = session.qemu(...words);
      const ours = await session.cowbench(...words, ...(verb === 'check' ? [] : ['--allow-backing']));
      // Its table has no place for compressed clusters.
      if (theirs.stderr.includes('compressed clusters')) {
        assert.match(ours.stdout, /^0x200000 +0x10000 +compressed /m);
        continue;
      }
      assert.equal(ours.code, theirs.code, `${words.join(' ')}: ${ours.stderr}${theirs.stderr}`);
      // It names a data file as the header does.
      const shown = (text: string) => text.replaceAll(`${session.folder}/`, '');
      assert.equal(shown(ours.stdout), shown(theirs.stdout), words.join(' '));
    }
  }
});

test('create announces what qemu-img announces', async () => {
  using session = new ImageSession();
  for (const words of [
    ['-f', 'qcow2', '@a', '1M'],
    ['-f', 'qcow2', '-o', 'compat=0.10,preallocation=metadata,cluster_size=4k', '@b', '1M'],
    ['-f', 'qcow2', '-o', 'extended_l2=on,compression_type=zstd,lazy_refcounts=on,refcount_bits=64', '@b', '1M'],
    ['-f', 'qcow2', '-o', 'data_file=x.raw,data_file_raw=on', '@c', '1M'],
    ['-f', 'qcow2', '-b', 'a', '-F', 'qcow2', '@over'],
    ['-f', 'qcow2', '-u', '-b', 'a,help', '-F', 'raw', '@over', '1M'],
    ['-f', 'raw', '-o', 'preallocation=falloc', '@d', '1M'],
  ]) {
    const theirs = session.qemuDone('create', ...words);
    assert.equal(await session.done('create', ...words), theirs, words.join(' '));
  }
});

test('a raw disk has whole sectors: the last one is filled with zeros, in info, map and measure', async () => {
  using session = new ImageSession();
  fs.writeFileSync(session.file('hole'), '');
  fs.truncateSync(session.file('hole'), 43_009);
  fs.writeFileSync(session.file('data'), new Uint8Array(43_009).fill(7));
  for (const name of ['hole', 'data'])
    for (const verb of ['info', 'map', 'measure']) {
      for (const output of ['human', 'json']) {
        const words = [verb, '-f', 'raw', `--output=${output}`, `@${name}`];
        const [ours, theirs] = [await session.done(...words), session.qemuDone(...words)];
        if (output === 'human') assert.equal(ours, theirs, words.join(' '));
        else assert.deepEqual(comparable(ours), comparable(theirs), words.join(' '));
      }
    }
});

test('check -r counts what it changed as qemu-img does: a flag that becomes right with its count is no corruption', async () => {
  using session = new ImageSession();
  session.qemuDone('create', '-q', '-f', 'qcow2', '@dirty', '1M');
  session.io('dirty', 'qcow2', 'write 0 64k');
  // The refcount of the data cluster: the block is the third cluster.
  const bytes = fs.readFileSync(session.file('dirty'));
  bytes.writeUInt16BE(0, 2 * 65_536 + 2 * 5);
  for (const name of ['ours', 'theirs']) fs.writeFileSync(session.file(name), bytes);
  const theirs = session.qemuJson('check', '-r', 'all', '--output=json', '@theirs');
  const ours = await session.json('check', '-r', 'all', '--output=json', '@ours');
  assert.equal(theirs['corruptions-fixed'], 1);
  assert.equal(ours['corruptions-fixed'], 1);
  fs.writeFileSync(session.file('ours'), bytes);
  assert.match(await session.done('check', '-r', 'all', '@ours'), /^Repaired: 1 corruption\.\n/);
});

test('where the two differ: a map of nothing, the count of a snapshot, a chain that is broken', async () => {
  using session = new ImageSession();
  session.qemuDone('create', '-q', '-f', 'qcow2', '@none', '0');
  assert.equal(await session.done('map', '--output=json', '@none'), '[]\n');
  session.qemuDone('create', '-q', '-f', 'qcow2', '-u', '-b', 'gone', '-F', 'qcow2', '@over', '1M');
  assert.equal(session.qemu('check', '@over').code, 1);
  assert.match(await session.done('check', '@over'), /^No errors were found on the image\./);
  await session.done('snapshot', '-c', 'x', '@over');
  const { snapshots } = await session.json('info', '--output=json', '@over');
  assert.equal((snapshots as Record<string, unknown>[])[0]!.icount, undefined);
});

test('map from past the end of the disk is refused', async () => {
  using session = new ImageSession();
  session.rawDisk('raw');
  const { code, stderr } = await session.cowbench('map', '--start-offset=8M', '@raw');
  assert.deepEqual([code, stderr], [1, '--start-offset 8388608: the disk has 3145728 bytes\n']);
});
