/** Autoclear features: unknown ones are cleared; persistent bitmaps are shown, changed, copied, and kept by whatever changes the disk. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { openImageFile } from '../../engine/index.ts';
import { ImageSession } from './testing/image-session.ts';

const UNKNOWN_BIT = 0x80;
const AUTOCLEAR_FIELD = 88;

function withBitmaps(session: ImageSession, ...options: string[]): void {
  session.qcow2Disk('a', ...options);
  session.qemuDone('bitmap', '--add', '@a', 'nightly');
  session.qemuDone('bitmap', '--add', '--disable', '-g', '4k', '@a', 'weekly\u001b[1m');
  // Bitmaps that say something take clusters of their own.
  session.io('a', 'qcow2', 'write -P 3 3M 64k');
}

function bitmapNames(session: ImageSession): unknown[] {
  const info = session.qemuJson('info', '--output=json', '@a') as {
    'format-specific': { data: { bitmaps?: { name: string }[] } };
  };
  return (info['format-specific'].data.bitmaps ?? []).map(({ name }) => name);
}

function setUnknownBit(session: ImageSession): void {
  const bytes = fs.readFileSync(session.file('a'));
  bytes[AUTOCLEAR_FIELD]! |= UNKNOWN_BIT;
  fs.writeFileSync(session.file('a'), bytes);
}

test('info shows the bitmaps that qemu-img shows', async () => {
  using session = new ImageSession();
  withBitmaps(session, '-o', 'cluster_size=4k');
  const theirs = session.qemuJson('info', '--output=json', '@a');
  assert.deepEqual(await session.json('info', '--output=json', '@a'), theirs);
  const specific = (text: string) => text.slice(text.indexOf('Format specific')).replaceAll('\u001b', '\\x1b');
  assert.equal(specific(await session.done('info', '@a')), specific(session.qemuDone('info', '@a')));
});

/** Everything that writes to an image. */
const KEEPING: readonly (readonly string[])[] = [
  ['snapshot', '-c', 'new', '@a'],
  ['snapshot', '-d', 'before', '@a'],
  ['snapshot', '-a', 'before', '@a'],
  ['amend', '-o', 'lazy_refcounts=on', '@a'],
  ['amend', '-o', 'refcount_bits=32', '@a'],
  ['amend', '-o', 'size=8M', '@a'],
  ['check', '-r', 'all', '@a'],
  ['check', '-r', 'leaks', '@a'],
  ['resize', '@a', '8M'],
  ['rebase', '-u', '-b', 'b', '-F', 'raw', '@a'],
  ['commit', '-q', '--allow-backing', '@over'],
  ['bench', '-q', '-w', '-c', '1', '@a'],
  ['convert', '-n', '-O', 'qcow2', '@b', '@a'],
];
const DROPPING = ['amend', '-o', 'compat=0.10', '@a'];

test('a path that writes clears unknown autoclear bits, and keeps bitmaps where the format can have them', async () => {
  using session = new ImageSession();
  session.rawDisk('b', 2);
  for (const words of [...KEEPING, DROPPING]) {
    withBitmaps(session);
    session.qemuDone('create', '-q', '-f', 'qcow2', '-b', 'a', '-F', 'qcow2', '@over');
    setUnknownBit(session);
    const { code, stderr } = await session.cowbench(...words);
    const note = words.join(' ');
    const isKept = words !== DROPPING;
    assert.equal(code, 0, `${note}: ${stderr}`);
    assert.equal(fs.readFileSync(session.file('a'))[AUTOCLEAR_FIELD], 0, note);
    assert.deepEqual(bitmapNames(session), isKept ? ['nightly', 'weekly\u001b[1m'] : [], note);
    const lost = /: the persistent bitmaps "nightly", "weekly\\x1b\[1m" are dropped: version 2 has none\n$/;
    if (isKept) assert.equal(stderr, '', note);
    else assert.match(stderr, lost, note);
    const { snapshots = [] } = session.qemuJson('info', '--output=json', '@a') as { snapshots?: { name: string }[] };
    assert.equal(snapshots.length, words[1] === '-d' ? 0 : words[1] === '-c' ? 2 : 1, note);
    // Neither leaked nor missed.
    assert.equal(session.qemu('check', '-q', '@a').code, 0, note);
    assert.equal((await session.cowbench('check', '-q', '@a')).code, 0, note);
  }
});

test('bitmaps that cannot be followed are dropped too, and their clusters are leaks that can be repaired', async () => {
  using session = new ImageSession();
  withBitmaps(session);
  const bytes = fs.readFileSync(session.file('a'));
  const at = bytes.indexOf(Buffer.from('23852875', 'hex'));
  const directory = Number(bytes.readBigUInt64BE(at + 8 + 16));
  bytes.writeBigUInt64BE(2n ** 50n, directory);
  fs.writeFileSync(session.file('a'), bytes);
  assert.equal((await session.cowbench('resize', '@a', '8M')).code, 0);
  assert.deepEqual(bitmapNames(session), []);
  assert.equal((await session.cowbench('check', '-q', '@a')).code, 3);
  assert.equal((await session.cowbench('check', '-q', '-r', 'leaks', '@a')).code, 0);
});

function dirtyRanges(session: ImageSession, file: string, name: string): unknown[] {
  const image = openImageFile(session.file(file), { readOnly: true, allowedFolders: [session.folder] });
  try {
    return [...image.dirtyRanges(name)];
  } finally {
    image.close();
  }
}

/** As a program leaves it that was killed while it had the image open. */
function makeInconsistent(session: ImageSession, name: string): void {
  const bytes = fs.readFileSync(session.file(name));
  const at = bytes.indexOf(Buffer.from('23852875', 'hex'));
  const flags = Number(bytes.readBigUInt64BE(at + 8 + 16)) + 12;
  bytes.writeUInt32BE(bytes.readUInt32BE(flags) | 1, flags);
  fs.writeFileSync(session.file(name), bytes);
}

test('bitmap: what makes no sense is refused by both programs, and nothing is changed', async () => {
  using session = new ImageSession();
  withBitmaps(session);
  session.rawDisk('raw');
  session.qemuDone('create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', '@old', '1M');
  session.qemuDone('create', '-q', '-f', 'qcow2', '@small', '1M');
  session.qemuDone('bitmap', '--add', '@small', 'x');
  const before = fs.readFileSync(session.file('a'));
  const mistakes: readonly (readonly [words: readonly string[], message: RegExp])[] = [
    [['--add', '@a', 'nightly'], /there is one of that name/],
    [['--add', '-g', '1000', '@a', 'x'], /granularity 1000 is not a power of two/],
    [['--add', '-g', '4G', '@a', 'x'], /granularity 4294967296 is not a power of two/],
    [['--add', '@a', ''], /the name is empty/],
    [['--add', '@a', 'x'.repeat(1024)], /longer than 1023 bytes/],
    [['--add', '--enable', '--remove', '--clear', '@a', 'x'], /there is no bitmap "x"/],
    [['--merge', 'x', '@a', 'nightly'], /there is no bitmap "x"/],
    [['--merge', 'x', '-b', '@small', '-F', 'qcow2', '@a', 'nightly'], /has 1048576 bytes, this one 4194304/],
    [['--clear', '-b', '@small', '@a', 'nightly'], /--source-file is for --merge/],
    [['--clear', '-g', '64k', '@a', 'nightly'], /--granularity is for --add/],
    [['@a', 'nightly'], /bitmap needs --add, --remove/],
    [['--add', '@old', 'x'], /a version 2 image cannot have persistent bitmaps/],
    [['--add', '@raw', 'x'], /a raw image has no bitmaps/],
  ];
  for (const [words, message] of mistakes) {
    const ours = await session.cowbench('bitmap', ...words);
    assert.notEqual(ours.code, 0, words.join(' '));
    assert.match(ours.stderr, message);
    assert.ok(fs.readFileSync(session.file('a')).equals(before), words.join(' '));
    assert.notEqual(session.qemu('bitmap', ...words).code, 0, `qemu-img: ${words.join(' ')}`);
    fs.writeFileSync(session.file('a'), before);
  }
});

test('convert --bitmaps copies what qemu-img copies, and an inconsistent one stops it unless it is to be left out', async () => {
  using session = new ImageSession();
  withBitmaps(session);
  await session.done('convert', '--bitmaps', '-O', 'qcow2', '@a', '@ours');
  session.qemuDone('convert', '--bitmaps', '-O', 'qcow2', '@a', '@theirs');
  const data = (name: string) => session.qemuJson('info', '--output=json', `@${name}`)['format-specific'];
  assert.deepEqual(data('ours'), data('theirs'));
  for (const name of ['nightly', 'weekly\u001b[1m']) {
    assert.deepEqual(dirtyRanges(session, 'ours', name), dirtyRanges(session, 'theirs', name));
  }
  assert.deepEqual(dirtyRanges(session, 'ours', 'nightly'), [{ offset: 3 * 2 ** 20, lengthBytes: 65_536 }]);
  makeInconsistent(session, 'a');
  const words = ['convert', '--bitmaps', '-O', 'qcow2', '@a', '@ours'];
  assert.match((await session.cowbench(...words)).stderr, /"nightly" is inconsistent; --skip-broken-bitmaps leaves it/);
  const { code, stderr } = await session.cowbench(...words, '--skip-broken-bitmaps');
  assert.equal(code, 0);
  assert.match(stderr, /warning: the inconsistent bitmap "nightly" is left out/);
  assert.throws(() => dirtyRanges(session, 'ours', 'nightly'), /there is no bitmap/);
  for (const refused of [
    ['-O', 'raw'],
    ['-O', 'qcow2', '-o', 'compat=0.10'],
  ])
    assert.match(
      (await session.cowbench('convert', '--bitmaps', ...refused, '@a', '@c')).stderr,
      /only a qcow2 target/,
    );
});

test('a commit is noted by the enabled bitmaps of the backing file, and an image over one needs no permission for bitmaps', async () => {
  using session = new ImageSession();
  withBitmaps(session);
  session.qemuDone('create', '-q', '-f', 'qcow2', '-b', 'a', '-F', 'qcow2', '@top');
  await session.done('bitmap', '--add', '@top', 'x');
  session.io('top', 'qcow2', 'write -P 9 512k 64k');
  await session.done('bitmap', '--clear', '@a', 'nightly');
  await session.cowbench('commit', '--allow-backing', '@top');
  assert.deepEqual(dirtyRanges(session, 'a', 'nightly'), [{ offset: 524_288, lengthBytes: 65_536 }]);
  // Emptying the overlay changes nothing that its disk holds.
  assert.deepEqual(dirtyRanges(session, 'top', 'x'), [{ offset: 524_288, lengthBytes: 65_536 }]);
});
