/** `image snapshot`, `resize` and `amend` beside qemu-img, on two copies of one image. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { ImageSession } from './testing/image-session.ts';

/** What an image shows: content, and all of info but names, times and what the file takes. */
function facts(session: ImageSession, name: string): unknown {
  const { filename: _, 'actual-size': _size, snapshots, ...rest } = session.qemuJson('info', '--output=json', name);
  return { ...rest, snapshots: ((snapshots ?? []) as Record<string, unknown>[]).map(({ id, name }) => ({ id, name })) };
}

/** Steps on an image, each with the words of both tools. */
const STEPS: readonly { make: readonly string[]; steps: readonly (readonly string[])[] }[] = [
  {
    make: [],
    steps: [
      ['snapshot', '-c', 'two'],
      ['resize', '9M'],
      ['snapshot', '-a', 'before'],
      ['resize', '--shrink', '2560k'],
      ['snapshot', '-a', 'two'],
      ['resize', '--shrink', '64k'],
      ['snapshot', '-c', 'small'],
      ['snapshot', '-a', 'before'],
      ['snapshot', '-d', 'small'],
      ['snapshot', '-d', 'before'],
      ['snapshot', '-d', 'two'],
      ['resize', '+1M'],
      ['resize', '--shrink', '-1536k'],
      ['resize', '8M'],
      ['amend', '-o', 'lazy_refcounts=on'],
      ['amend', '-o', 'size=9M'],
    ],
  },
  {
    make: ['-o', 'compat=0.10,cluster_size=4k'],
    steps: [
      ['snapshot', '-a', '1'],
      ['amend', '-o', 'compat=1.1'],
      ['amend', '-o', 'lazy_refcounts=on'],
    ],
  },
  {
    make: ['-b', 'base.raw', '-F', 'raw'],
    steps: [
      ['snapshot', '-a', 'before'],
      ['snapshot', '-d', 'before'],
      ['resize', '6M'],
      ['resize', '--shrink', '2M'],
      ['resize', '+3M'],
      ['amend', '-o', 'backing_file=copy.raw,backing_fmt=raw'],
    ],
  },
];

/** qemu-img guesses no format for `amend`, and has another command for the name of a backing file. */
function theirWords(step: readonly string[], words: readonly string[]): string[] {
  if (step.at(-1)!.startsWith('backing_file=')) return ['rebase', '-u', '-b', 'copy.raw', '-F', 'raw', '@theirs'];
  return words.flatMap((word) => (word === 'amend' ? [word, '-f', 'qcow2'] : [word]));
}

test('the same steps have the same outcome', async () => {
  using session = new ImageSession();
  session.rawDisk('base.raw', 6);
  session.io('base.raw', 'raw', 'write -P 12 2M 3M');
  fs.copyFileSync(session.file('base.raw'), session.file('copy.raw'));
  for (const { make, steps } of STEPS) {
    session.qcow2Disk('ours', ...make);
    fs.copyFileSync(session.file('ours'), session.file('theirs'));
    for (const step of steps) {
      const words = (file: string) =>
        step[0] === 'resize' ? [...step.slice(0, -1), file, step.at(-1)!] : [...step, file];
      const access = step[0] === 'resize' && make.includes('-b') ? ['--allow-backing'] : [];
      const [command, ...rest] = words('@ours');
      await session.done(command!, ...access, ...rest);
      session.qemuDone(...theirWords(step, words('@theirs')));
      const note = `${make.join(' ')}: ${step.join(' ')}`;
      assert.deepEqual(facts(session, '@ours'), facts(session, '@theirs'), note);
      const compared = session.qemu('compare', '@ours', '@theirs');
      assert.equal(compared.code, 0, `${note}: ${compared.stdout}${compared.stderr}`);
      assert.equal(session.qemu('check', '-q', '@ours').code, 0, note);
    }
  }
});

test('a raw disk is resized', async () => {
  using session = new ImageSession();
  session.rawDisk('a');
  const size = () => fs.statSync(session.file('a')).size;
  await session.done('resize', '-f', 'raw', '@a', '+1000');
  assert.equal(size(), 3 * 2 ** 20 + 1024);
  await session.done('resize', '-q', '--shrink', '@a', '1M');
  assert.equal(size(), 2 ** 20);
  await session.done('resize', '--preallocation=full', '@a', '2M');
  assert.ok(fs.statSync(session.file('a')).blocks * 512 >= 2 ** 20);
  assert.equal(fs.readFileSync(session.file('a'))[65_536], 3);
});

test('space that is added can be preallocated', async () => {
  using session = new ImageSession();
  session.qcow2Disk('a');
  session.qemuDone('snapshot', '-d', 'before', '@a');
  const before = session.qemuJson('check', '--output=json', '@a')['allocated-clusters'];
  await session.done('resize', '--preallocation=full', '@a', '+1M');
  const checked = session.qemuJson('check', '--output=json', '@a');
  assert.equal(checked['allocated-clusters'], Number(before) + 16);
  assert.equal(checked['check-errors'], 0);
});

test('snapshots are listed', async () => {
  using session = new ImageSession();
  session.qcow2Disk('a');
  const lines = (text: string) => text.split('\n').map((line) => line.replace(/\s+(ICOUNT|0)?$/, ''));
  assert.deepEqual(lines(await session.done('snapshot', '-l', '@a')), lines(session.qemuDone('snapshot', '-l', '@a')));
  session.rawDisk('b');
  assert.equal(await session.done('snapshot', '@b'), '');
});

test('a version 2 image is upgraded with snapshots that do not say the size of their disk', async () => {
  using session = new ImageSession();
  await session.done('create', '-f', 'qcow2', '-o', 'compat=0.10', '@ours', '1M');
  session.io('ours', 'qcow2', 'write -P 1 0 64k');
  await session.done('snapshot', '-c', 'old', '@ours');
  session.io('ours', 'qcow2', 'write -P 2 0 64k');
  fs.copyFileSync(session.file('ours'), session.file('theirs'));
  assert.equal(await session.done('amend', '-o', 'compat=1.1', '@ours'), '');
  session.qemuDone('amend', '-f', 'qcow2', '-o', 'compat=1.1', '@theirs');
  const compare = (note: string) => {
    assert.deepEqual(facts(session, '@ours'), facts(session, '@theirs'), note);
    assert.equal(session.qemu('compare', '@ours', '@theirs').code, 0, note);
    assert.equal(session.qemu('check', '-q', '@ours').code, 0, note);
  };
  compare('amended');
  for (const name of ['@ours', '@theirs']) session.qemuDone('snapshot', '-a', 'old', name);
  compare('applied');
});
