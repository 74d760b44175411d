/** `image info`, `check`, `map` and `compare` beside qemu-img, on images that qemu-img made. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { ImageSession } from './testing/image-session.ts';

const IMAGES: readonly (readonly string[])[] = [
  [],
  ['-o', 'compat=0.10,cluster_size=4k'],
  ['-o', 'cluster_size=512,refcount_bits=64'],
  ['-o', 'extended_l2=on,lazy_refcounts=on'],
  ['-o', 'data_file=data.raw'],
  ['-b', 'base.raw', '-F', 'raw'],
  ['-b', 'middle.qcow2', '-F', 'qcow2'],
];

/** A chain of a raw, a middle and a top image. */
function sessionWithBases(): ImageSession {
  const session = new ImageSession();
  session.rawDisk('base.raw');
  session.qemuDone('create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', '@middle.qcow2', '3584k');
  session.io('middle.qcow2', 'qcow2', 'write -P 11 2560k 64k');
  return session;
}

type Json = Record<string, unknown>;

test('info says what qemu-img says', async () => {
  using session = sessionWithBases();
  for (const options of IMAGES) {
    session.qcow2Disk('a', ...options);
    const [ours, theirs] = [
      await session.json('info', '--output=json', '@a'),
      session.qemuJson('info', '--output=json', '@a'),
    ];
    // The instruction counter of recorded runs is not kept.
    assert.deepEqual(ours, theirs, options.join(' '));
  }
  const words = ['info', '--output=json', '--backing-chain'];
  const ours = (await session.json(...words, '--allow-backing', '@a')) as unknown as Json[];
  const theirs = session.qemuJson(...words, '@a') as unknown as Json[];
  const facts = (chain: Json[]) => chain.map((info) => [info.format, info['virtual-size'], info['actual-size']]);
  assert.deepEqual(facts(ours), facts(theirs));
  assert.equal(ours.length, 3);
});

test('info for people has the lines that qemu-img has', async () => {
  using session = sessionWithBases();
  session.qcow2Disk('a', '-b', 'middle.qcow2', '-F', 'qcow2');
  const lines = (text: string) => text.split('\n').map((line) => line.replace(/\s+(ICOUNT|0)?$/, ''));
  assert.deepEqual(lines(await session.done('info', '@a')), lines(session.qemuDone('info', '@a')));
  assert.deepEqual(lines(await session.done('info', '@base.raw')), lines(session.qemuDone('info', '@base.raw')));
});

test('map says what qemu-img says', async () => {
  using session = sessionWithBases();
  for (const options of IMAGES) {
    session.qcow2Disk('a', ...options);
    for (const range of [[], ['--start-offset=96k', '--max-length=1M']]) {
      const ours = (await session.json('map', '--output=json', '--allow-backing', ...range, '@a')) as unknown as Json[];
      const theirs = session.qemuJson('map', '--output=json', ...range, '@a') as unknown as Json[];
      assert.deepEqual(byFacts(ours), byFacts(theirs), `${options.join(' ')} ${range.join(' ')}`);
    }
  }
  const table = (text: string) => text.replaceAll(`${session.folder}/`, '').replaceAll(/ +/g, ' ');
  const [ours, theirs] = [await session.done('map', '@base.raw'), session.qemuDone('map', '@base.raw')];
  assert.equal(table(ours), table(theirs));
});

/**
 * Neighbours joined where they differ only in what is no fact of the image: whether zeros have a place of their own, and whether
 * the file system stores the zeros of a cluster that is stored.
 */
function byFacts(map: readonly Json[]): Json[] {
  const joined: Json[] = [];
  for (const { start, length, depth, present, data, offset } of map) {
    const place = data === true && offset !== undefined ? { offset } : {};
    const last = joined.at(-1);
    const isSame = last !== undefined && last.depth === depth && last.present === present && last.data === data;
    const goesOn = data === false || (offset !== undefined && Number(last?.offset) + Number(last?.length) === offset);
    if (isSame && goesOn) last.length = Number(last.length) + Number(length);
    else joined.push({ start, length, depth, present, data, ...place });
  }
  return joined;
}

test('check counts what qemu-img counts and ends as it does', async () => {
  using session = sessionWithBases();
  for (const options of IMAGES) {
    session.qcow2Disk('a', ...options);
    const ours = await session.json('check', '--output=json', '@a');
    assert.deepEqual(ours, session.qemuJson('check', '--output=json', '@a'), options.join(' '));
  }
  assert.equal((await session.cowbench('check', '@base.raw')).code, 63);
});

/** A cluster nothing refers to, and one that is referred to but not counted. */
function damage(session: ImageSession, name: string, kind: 'leak' | 'corruption'): void {
  const bytes = fs.readFileSync(session.file(name));
  const block = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(48))));
  if (kind === 'leak') bytes.writeUInt16BE(1, block + 2 * (bytes.length / 65536 + 3));
  else bytes.writeUInt16BE(0, block + 2 * (bytes.length / 65536 - 1));
  fs.writeFileSync(session.file(name), bytes);
  if (kind === 'leak') fs.truncateSync(session.file(name), bytes.length + 4 * 65536);
}

test('damage is found, told by the exit code and repaired', async () => {
  using session = new ImageSession();
  for (const kind of ['leak', 'corruption'] as const) {
    session.qemuDone('create', '-q', '-f', 'qcow2', '@a', '4M');
    session.io('a', 'qcow2', 'write -P 6 0 128k');
    damage(session, 'a', kind);
    const { code, stdout } = await session.cowbench('check', '--output=json', '@a');
    assert.equal(code, kind === 'leak' ? 3 : 2);
    const theirs = session.qemu('check', '--output=json', '@a');
    assert.equal(code, theirs.code);
    const [ours, other] = [JSON.parse(stdout) as Json, JSON.parse(theirs.stdout) as Json];
    assert.deepEqual([ours.leaks, ours.corruptions], [other.leaks, other.corruptions]);
    if (kind === 'corruption') assert.equal((await session.cowbench('check', '-q', '-r', 'leaks', '@a')).code, 2);
    const repaired = await session.cowbench('check', '-r', 'all', '@a');
    assert.equal(repaired.code, 0);
    assert.match(
      repaired.stdout,
      kind === 'leak' ? /^Repaired: 1 leaked cluster\.\n/ : /^Repaired: [1-9]\d* corruptions?\.\n/,
    );
    assert.equal(session.qemu('check', '-q', '@a').code, 0);
  }
});

/** Images in which clusters are counted once too often: by a snapshot that is forgotten, or by a count that was raised. */
const LEAKS: Readonly<Record<string, (bytes: Buffer) => void>> = {
  'a forgotten snapshot': (bytes) => bytes.fill(0, 60, 72),
  'one of the counts of a shared cluster': (bytes) => {
    bytes.fill(0, 60, 72);
    const block = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(48))));
    bytes.writeUInt16BE(7, block + 2 * 5);
  },
  'counts of free clusters': (bytes) => {
    const block = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(48))));
    for (let cluster = 60; cluster < 70; cluster++) bytes.writeUInt16BE(3, block + 2 * cluster);
  },
};

test('an image with leaks only is clean once they are repaired, its flags included', async () => {
  using session = new ImageSession();
  for (const [title, change] of Object.entries(LEAKS)) {
    for (const options of [[], ['-o', 'extended_l2=on']]) {
      session.qcow2Disk('a', ...options);
      const bytes = fs.readFileSync(session.file('a'));
      change(bytes);
      fs.writeFileSync(session.file('a'), bytes);
      // Counts past the end of a file say nothing.
      fs.truncateSync(session.file('a'), 80 * 65_536);
      const guest = session.qemuDone('map', '--output=json', '@a');
      assert.equal((await session.cowbench('check', '-q', '@a')).code, 3, title);
      assert.equal((await session.cowbench('check', '-q', '-r', 'leaks', '@a')).code, 0, title);
      assert.equal(session.qemu('check', '-q', '@a').code, 0, title);
      assert.equal(session.qemuDone('map', '--output=json', '@a'), guest, title);
    }
  }
});

test('compare says what qemu-img says', async () => {
  using session = new ImageSession();
  session.rawDisk('a.raw');
  session.qemuDone('convert', '-O', 'qcow2', '@a.raw', '@same.qcow2');
  session.qemuDone('convert', '-c', '-O', 'qcow2', '@a.raw', '@packed.qcow2');
  session.qemuDone('convert', '-O', 'qcow2', '@a.raw', '@other.qcow2');
  session.io('other.qcow2', 'qcow2', 'write -P 1 2050k 1k');
  session.qemuDone('create', '-q', '-f', 'qcow2', '-b', 'a.raw', '-F', 'raw', '@longer.qcow2', '5M');
  session.qemuDone('create', '-q', '-f', 'qcow2', '-b', 'a.raw', '-F', 'raw', '@tail.qcow2', '5M');
  session.io('tail.qcow2', 'qcow2', 'write -P 1 4M 512');
  session.qemuDone('create', '-q', '-f', 'qcow2', '@empty.qcow2', '3M');
  const names = ['a.raw', 'same.qcow2', 'packed.qcow2', 'other.qcow2', 'longer.qcow2', 'tail.qcow2', 'empty.qcow2'];
  for (const name of names) {
    for (const pair of [
      [`@a.raw`, `@${name}`],
      [`@${name}`, '@a.raw'],
    ]) {
      const ours = await session.cowbench('compare', '--allow-backing', ...pair);
      const theirs = session.qemu('compare', ...pair);
      assert.deepEqual([ours.code, ours.stdout], [theirs.code, theirs.stdout], pair.join(' '));
    }
  }
  const strict = await session.cowbench('compare', '-s', '--allow-backing', '@a.raw', '@longer.qcow2');
  assert.deepEqual([strict.code, strict.stdout], [1, 'Strict mode: Image size mismatch!\n']);
  const { code, stdout } = await session.cowbench('compare', '-sq', '@a.raw', '@same.qcow2');
  assert.deepEqual([code, stdout], [1, ''], 'holes of a raw file are not stored, clusters of zeros are absent');
  assert.equal((await session.cowbench('compare', '-s', '@same.qcow2', '@packed.qcow2')).code, 0);
});

test('compare ends as qemu-img does where an image cannot be compared further', async () => {
  using session = new ImageSession();
  session.qcow2Disk('good');
  const bytes = fs.readFileSync(session.file('good'));
  const table = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(40))) & 0x00ff_ffff_ffff_ff00n);
  const entries = {
    // A cluster that begins inside another one: what the image holds there is unknown.
    unaligned: { entry: 0x8000_0000_0005_0200n, code: 3 },
    // Compressed data past the end of the file: known to be data, and not to be read.
    missing: { entry: 0x4000_0000_1000_0000n, code: 4 },
  };
  for (const [title, { entry, code }] of Object.entries(entries)) {
    bytes.writeBigUInt64BE(entry, table);
    fs.writeFileSync(session.file('bad'), bytes);
    for (const pair of [
      ['@bad', '@good'],
      ['@good', '@bad'],
    ]) {
      const ours = await session.cowbench('compare', ...pair);
      assert.deepEqual(
        [ours.code, ours.stdout, ours.stderr.split('\n').length],
        [code, '', 2],
        `${title}: ${ours.stderr}`,
      );
      assert.equal(session.qemu('compare', ...pair).code, code, title);
    }
  }
});
