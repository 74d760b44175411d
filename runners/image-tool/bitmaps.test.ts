/** Autoclear features: persistent bitmaps are shown, kept where the disk stays as it is, and else dropped aloud. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
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
  for (const snapshot of theirs.snapshots as Record<string, unknown>[]) delete snapshot.icount;
  assert.deepEqual(await session.json('info', '--output=json', '@a'), theirs);
  const specific = (text: string) => text.slice(text.indexOf('Format specific')).replaceAll('\u001b', '\\x1b');
  assert.equal(specific(await session.done('info', '@a')), specific(session.qemuDone('info', '@a')));
});

/** What leaves the disk as it is, and what changes it. */
const KEEPING: readonly (readonly string[])[] = [
  ['snapshot', '-c', 'new', '@a'],
  ['snapshot', '-d', 'before', '@a'],
  ['amend', '-o', 'lazy_refcounts=on', '@a'],
  ['amend', '-o', 'refcount_bits=32', '@a'],
  ['check', '-r', 'all', '@a'],
];
const CHANGING: readonly (readonly string[])[] = [
  ['snapshot', '-a', 'before', '@a'],
  ['resize', '@a', '8M'],
  ['amend', '-o', 'size=8M', '@a'],
  ['convert', '-n', '-O', 'qcow2', '@b', '@a'],
  ['amend', '-o', 'compat=0.10', '@a'],
];

test('a path that writes clears unknown autoclear bits, and keeps bitmaps only where the disk stays as it is', async () => {
  using session = new ImageSession();
  session.rawDisk('b', 2);
  for (const words of [...KEEPING, ...CHANGING]) {
    withBitmaps(session);
    setUnknownBit(session);
    const { code, stderr } = await session.cowbench(...words);
    const note = words.join(' ');
    assert.equal(code, 0, `${note}: ${stderr}`);
    assert.equal(fs.readFileSync(session.file('a'))[AUTOCLEAR_FIELD], 0, note);
    const isKept = KEEPING.includes(words);
    assert.deepEqual(bitmapNames(session), isKept ? ['nightly', 'weekly\u001b[1m'] : [], note);
    const lost = /: the persistent bitmaps "nightly", "weekly\\x1b\[1m" are dropped, because the disk changes\n$/;
    if (isKept) assert.equal(stderr, '', note);
    else assert.match(stderr, lost, note);
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
