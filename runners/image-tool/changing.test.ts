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
  assert.equal(size(), 3 * 2 ** 20 + 1000);
  await session.done('resize', '-q', '--shrink', '@a', '1M');
  assert.equal(size(), 2 ** 20);
  await session.done('resize', '--preallocation=full', '@a', '2M');
  assert.ok(fs.statSync(session.file('a')).blocks * 512 >= 2 ** 20);
  assert.equal(fs.readFileSync(session.file('a'))[65_536], 3);
});

test('space that is added can be preallocated, whatever its clusters held before', async () => {
  using session = new ImageSession();
  session.rawDisk('base.raw', 6);
  session.io('base.raw', 'raw', 'write -P 12 2M 4M');
  const allocatedIn = (name: string) => Number(session.qemuJson('check', '--output=json', name)['allocated-clusters']);
  const makes = [[], ['-o', 'compat=0.10'], ['-o', 'extended_l2=on'], ['-b', 'base.raw', '-F', 'raw']];
  for (const make of makes) {
    for (const how of ['metadata', 'falloc', 'full']) {
      session.qcow2Disk('a', ...make);
      session.qemuDone('snapshot', '-d', 'before', '@a');
      // What is freed here holds old data when it is taken again.
      session.io('a', 'qcow2', 'write -P 0x66 512k 512k', 'discard 512k 512k');
      const before = allocatedIn('@a');
      const note = `${make.join(' ')} ${how}`;
      await session.done('resize', '--allow-backing', `--preallocation=${how}`, '@a', '+1M');
      assert.equal(allocatedIn('@a'), before + 16, note);
      assert.equal(session.qemu('check', '-q', '@a').code, 0, note);
      session.io('a', 'qcow2', 'read -P 0 4M 1M', 'read -P 10 3M 64k');
      if (how !== 'metadata') assert.ok(fs.statSync(session.file('a')).blocks * 512 >= 2 ** 20, note);
    }
  }
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

test('amend does what was asked in an order in which it is possible', async () => {
  using session = new ImageSession();
  // A size for an old image with snapshots, a width that version 2 does not have, and back.
  for (const [make, words, facts] of [
    ['compat=0.10', 'compat=1.1,size=9M', { compat: '1.1', 'refcount-bits': 16 }],
    ['compat=0.10', 'refcount_bits=64,compat=v3,size=9M', { compat: '1.1', 'refcount-bits': 64 }],
    ['refcount_bits=64', 'compat=0.10,refcount_bits=16', { compat: '0.10', 'refcount-bits': 16 }],
    ['lazy_refcounts=on', 'compat=0.10', { compat: '0.10', 'refcount-bits': 16 }],
    ['cluster_size=4k', 'refcount_bits=8,size=9M', { compat: '1.1', 'refcount-bits': 8 }],
    ['data_file=a.dat,data_file_raw=on', 'data_file=b.dat,data_file_raw=off', { 'data-file': 'b.dat' }],
  ] as const) {
    session.qcow2Disk('a', '-o', make);
    await session.done('amend', '-o', words, '@a');
    if (make.startsWith('data_file')) fs.renameSync(session.file('a.dat'), session.file('b.dat'));
    const { 'format-specific': specific, 'virtual-size': sizeBytes } = session.qemuJson('info', '--output=json', '@a');
    assert.deepEqual({ ...(specific as { data: object }).data, ...facts }, (specific as { data: object }).data, words);
    assert.equal(sizeBytes, (words.includes('size=9M') ? 9 : 4) * 2 ** 20, words);
    assert.equal(session.qemu('check', '-q', '@a').code, 0, words);
    assert.equal((await session.cowbench('check', '-q', '@a')).code, 0, words);
  }
});

test('an image that was not closed cleanly is repaired before it is amended', async () => {
  using session = new ImageSession();
  for (const words of ['backing_file=', 'compat=0.10', 'refcount_bits=8', 'lazy_refcounts=off', 'size=9M']) {
    session.qemuDone('create', '-q', '-f', 'qcow2', '-o', 'lazy_refcounts=on', '@a', '4M');
    assert.throws(
      () => session.io('a', 'qcow2', 'write -P 7 0 200k', 'write -z 1M 64k', 'flush', 'abort'),
      /ended by SIGABRT/,
    );
    assert.equal((await session.json('info', '--output=json', '@a'))['dirty-flag'], true);
    await session.done('amend', '-o', words, '@a');
    assert.equal(session.qemuJson('info', '--output=json', '@a')['dirty-flag'], false, words);
    assert.equal(session.qemu('check', '-q', '@a').code, 0, words);
    session.io('a', 'qcow2', 'read -P 7 0 200k', 'read -P 0 200k 2M');
  }
});

test('zeros that hide a backing file hide it in version 2 as well, in the disk and in its snapshots', async () => {
  using session = new ImageSession();
  session.rawDisk('base.raw', 4);
  session.io('base.raw', 'raw', 'write -P 0x55 0 4M');
  session.qemuDone('create', '-q', '-f', 'qcow2', '-o', 'cluster_size=4k', '-b', 'base.raw', '-F', 'raw', '@a', '4M');
  session.io('a', 'qcow2', 'write -P 1 0 64k', 'write -z 16k 16k', 'write -zu 1M 1M');
  session.qemuDone('snapshot', '-c', 'one', '@a');
  session.io('a', 'qcow2', 'write -P 2 1028k 4k', 'write -z 3M 64k', 'write -z 36k 4k');
  session.qemuDone('snapshot', '-c', 'two', '@a');
  fs.copyFileSync(session.file('a'), session.file('before'));
  await session.done('amend', '-o', 'compat=0.10', '@a');
  for (const snapshot of [null, 'two', 'one']) {
    for (const name of snapshot === null ? [] : ['@a', '@before']) session.qemuDone('snapshot', '-a', snapshot!, name);
    assert.equal(session.qemu('compare', '@a', '@before').code, 0, String(snapshot));
    assert.equal(session.qemu('check', '-q', '@a').code, 0, String(snapshot));
  }
  assert.doesNotMatch(session.qemuDone('map', '--output=json', '@a'), /"zero": true, "data": false, "offset"/);
});

test('a size that is not a multiple of 512 is refused for qcow2 and kept for raw, as by qemu-img', async () => {
  using session = new ImageSession();
  session.qcow2Disk('a');
  const before = fs.readFileSync(session.file('a'));
  for (const size of ['4195000', '+100']) {
    const { code, stderr } = await session.cowbench('resize', '@a', size);
    assert.equal(code, session.qemu('resize', '@a', size).code);
    assert.match(stderr, /not a multiple of 512 bytes/);
    assert.ok(fs.readFileSync(session.file('a')).equals(before));
  }
  session.rawDisk('r');
  await session.done('resize', '-f', 'raw', '--shrink', '@r', '3000');
  assert.equal(fs.statSync(session.file('r')).size, 3000);
});

test('space that is preallocated for a larger disk may lie in clusters that were freed inside the file', async () => {
  using session = new ImageSession();
  for (const how of ['metadata', 'falloc', 'full']) {
    session.qemuDone('create', '-q', '-f', 'qcow2', '@a', '2M');
    session.io('a', 'qcow2', 'write -P 3 0 2M', 'discard 0 1M');
    await session.done('resize', '-q', `--preallocation=${how}`, '@a', '+64k');
    session.qemuDone('check', '-q', '@a');
    session.io('a', 'qcow2', 'read -P 0 0 1M', 'read -P 3 1M 1M', 'read -P 0 2M 64k');
  }
});
