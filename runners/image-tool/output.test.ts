/** What the reading commands print, for people and as JSON, beside qemu-img. */
import assert from 'node:assert/strict';
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

test('map from past the end of the disk is refused', async () => {
  using session = new ImageSession();
  session.rawDisk('raw');
  const { code, stderr } = await session.cowbench('map', '--start-offset=8M', '@raw');
  assert.deepEqual([code, stderr], [1, '--start-offset 8388608: the disk has 3145728 bytes\n']);
});
