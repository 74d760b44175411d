/** What "absent" means along a chain: the images below show through as far as they reach, zeros after that. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { ImageSession } from './testing/image-session.ts';

/** Sources that leave parts of the disk out, and what they stand on; `base.raw` holds data everywhere. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  'no backing file': ['plain'],
  'a backing file that is shorter': ['-b', 'short.raw', '-F', 'raw', 'over-short'],
  'a chain whose last image is shorter': ['-b', 'over-short', '-F', 'qcow2', 'over-over'],
  'a backing file of holes': ['-b', 'holes.raw', '-F', 'raw', 'over-holes'],
  'extended L2 entries': ['-o', 'extended_l2=on', 'extended'],
  'version 2': ['-o', 'compat=0.10', 'old'],
};

/** What the target stands on where it is not `base.raw`: as far as a source reaches below, the content must be the same. */
const BASES: Readonly<Record<string, readonly [string, string]>> = {
  'over-over': ['over-short', 'qcow2'],
  'over-holes': ['holes.raw', 'raw'],
};

function sessionWithSources(): ImageSession {
  const session = new ImageSession();
  for (const [name, megabytes] of [
    ['base.raw', 4],
    ['short.raw', 1],
    ['holes.raw', 4],
  ] as const)
    session.qemuDone('create', '-q', '-f', 'raw', `@${name}`, `${megabytes}M`);
  session.io('base.raw', 'raw', 'write -P 0x77 0 4M');
  // What a target leaves to its base must be the same there; the rest of the base is what must not show.
  session.io('short.raw', 'raw', 'write -P 0x77 0 1M');
  for (const words of Object.values(SOURCES)) {
    const file = words.at(-1)!;
    session.qemuDone('create', '-q', '-f', 'qcow2', ...words.slice(0, -1), `@${file}`, '3M');
    session.io(file, 'qcow2', 'write -P 5 512k 4k', 'write -P 6 2M 64k');
  }
  return session;
}

test('a copy over a base shows the base only where the source has one that reaches so far', async () => {
  using session = sessionWithSources();
  for (const [title, words] of Object.entries(SOURCES)) {
    const file = `@${words.at(-1)!}`;
    const [base, format] = BASES[words.at(-1)!] ?? ['base.raw', 'raw'];
    for (const more of [[], ['-c'], ['-S', '0'], ['-o', 'cluster_size=4k']]) {
      const options = ['-f', 'qcow2', '-O', 'qcow2', '-B', base, '-F', format, ...more];
      await session.done('convert', '--allow-backing', ...options, file, '@out');
      const compared = session.qemu('compare', '-f', 'qcow2', '-F', 'qcow2', file, '@out');
      assert.equal(compared.code, 0, `${title}, ${more.join(' ')}: ${compared.stdout}`);
      assert.equal(session.qemu('check', '-q', '@out').code, 0, title);
    }
  }
});

test('compare and map say of what is absent what qemu-img says', async () => {
  using session = sessionWithSources();
  const files = Object.values(SOURCES).map((words) => `@${words.at(-1)!}`);
  for (const file of files) {
    const words = ['map', '--output=json', '-f', 'qcow2', file];
    assert.deepEqual(
      absentRanges(await session.json(...words, '--allow-backing')),
      absentRanges(session.qemuJson(...words)),
      file,
    );
    for (const other of files) {
      const pair = ['compare', '-s', '-f', 'qcow2', '-F', 'qcow2', file, other];
      const theirs = session.qemu(...pair);
      const ours = await session.cowbench(...pair, '--allow-backing');
      assert.deepEqual([ours.code, ours.stdout], [theirs.code, theirs.stdout], pair.join(' '));
    }
  }
});

/** Start, end, depth and whether it is zeros; qemu-img cuts at each extended L2 entry. */
function absentRanges(map: unknown): unknown[] {
  const ranges: { start: number; end: number; depth: unknown; zero: unknown }[] = [];
  for (const { start, length, depth, zero, present } of map as Record<string, number | boolean>[]) {
    if (present !== false) continue;
    const end = Number(start) + Number(length);
    const last = ranges.at(-1);
    if (last !== undefined && last.end === start && last.depth === depth) last.end = end;
    else ranges.push({ start: Number(start), end, depth, zero });
  }
  return ranges;
}

test('a copy over an image further down keeps the zeros past the end of a shorter one between', async () => {
  using session = sessionWithSources();
  session.qemuDone('create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', '@middle', '1M');
  session.qemuDone('create', '-q', '-f', 'qcow2', '-b', 'middle', '-F', 'qcow2', '@top', '3M');
  await session.done('convert', '--allow-backing', '-O', 'qcow2', '-B', 'base.raw', '-F', 'raw', '@top', '@copy');
  await session.done('convert', '--allow-backing', '-O', 'raw', '@copy', '@copy.raw');
  const bytes = fs.readFileSync(session.file('copy.raw'));
  assert.ok(bytes.subarray(0, 2 ** 20).every((byte) => byte === 0x77));
  assert.ok(bytes.subarray(2 ** 20).every((byte) => byte === 0));
});

test('a concatenation has no base to be left to', async () => {
  using session = sessionWithSources();
  const { code, stderr } = await session.cowbench(
    ...['convert', '-O', 'qcow2', '-B', 'base.raw', '-F', 'raw', '@plain', '@old', '@out'],
  );
  assert.equal(code, 1);
  assert.equal(stderr, '--backing: a concatenation of several images has no common backing file\n');
});
