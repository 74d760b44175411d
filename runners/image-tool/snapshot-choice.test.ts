/** Which snapshot is meant, where IDs and tags can be taken for each other: as qemu-img, and aloud. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { ImageSession } from './testing/image-session.ts';

/** Tags in the order of their IDs: 1, 2, 3, 4. Each snapshot holds its ID as its content. */
const TAGS = ['2', '1', 'four', '3'];

function sessionWithNumbers(): ImageSession {
  const session = new ImageSession();
  session.qemuDone('create', '-q', '-f', 'qcow2', '@ours', '1M');
  TAGS.forEach((tag, index) => {
    session.io('ours', 'qcow2', `write -P ${index + 1} 0 64k`);
    session.qemuDone('snapshot', '-c', tag, '@ours');
  });
  session.io('ours', 'qcow2', 'write -P 9 0 64k');
  return session;
}

function idsOf(session: ImageSession, name: string): unknown[] {
  const { snapshots } = session.qemuJson('info', '--output=json', name) as { snapshots?: { id: string }[] };
  return (snapshots ?? []).map(({ id }) => id);
}

test('each verb finds the snapshot that qemu-img finds, or none where it finds none', async () => {
  using session = sessionWithNumbers();
  fs.copyFileSync(session.file('ours'), session.file('fresh'));
  for (const word of ['1', '2', '3', '4', 'four', 'Four', '', '5']) {
    for (const verb of ['-d', '-a']) {
      for (const name of ['ours', 'theirs']) fs.copyFileSync(session.file('fresh'), session.file(name));
      const ours = await session.cowbench('snapshot', verb, word, '@ours');
      const theirs = session.qemu('snapshot', verb, word, '@theirs');
      const note = `snapshot ${verb} "${word}": ${ours.stderr}${theirs.stderr}`;
      assert.equal(ours.code, theirs.code, note);
      assert.deepEqual(idsOf(session, '@ours'), idsOf(session, '@theirs'), note);
      assert.equal(session.qemu('compare', '@ours', '@theirs').code, 0, note);
    }
    const copies = ['-f', 'qcow2', '-O', 'raw', '-l', word, '@fresh'];
    const ours = await session.cowbench('convert', ...copies, '@ours.raw');
    const theirs = session.qemu('convert', ...copies, '@theirs.raw');
    assert.equal(ours.code, theirs.code, `convert -l "${word}": ${ours.stderr}${theirs.stderr}`);
    if (ours.code === 0) assert.equal(session.qemu('compare', '@ours.raw', '@theirs.raw').code, 0, word);
  }
});

test('what could have been meant otherwise is said', async () => {
  using session = sessionWithNumbers();
  const { stderr: deleted } = await session.cowbench('snapshot', '-d', '1', '@ours');
  assert.equal(
    deleted,
    'cowbench: warning: "1" is taken for the snapshot "1" with ID 2, not for the snapshot "2" with ID 1: the tag alone decides\n',
  );
  const { stderr: applied } = await session.cowbench('snapshot', '-a', '3', '@ours');
  assert.match(applied, /"3" is taken for the snapshot "four" with ID 3, not for .* ID 4: an ID goes before a tag\n$/);
  const { stderr: read } = await session.cowbench('convert', '-l', '3', '-O', 'raw', '@ours', '@copy');
  assert.match(read, /an ID goes before a tag\n$/);
  const { code, stderr: missing } = await session.cowbench('snapshot', '-d', '4', '@ours');
  assert.deepEqual(
    [code, missing],
    [1, 'there is no snapshot tagged "4"; that is the ID of "3"; there are "2", "four", "3"\n'],
  );
});

test('of two snapshots with one tag the first is meant, and an ID that two have means neither', async () => {
  using session = sessionWithNumbers();
  session.qemuDone('snapshot', '-c', 'four', '@ours');
  const { stderr } = await session.cowbench('snapshot', '-d', 'four', '@ours');
  assert.match(stderr, /"four" is taken for the snapshot "four" with ID 3, not for the snapshot "four" with ID 5/);
  assert.deepEqual(idsOf(session, '@ours'), ['1', '2', '4', '5']);
  const bytes = fs.readFileSync(session.file('ours'));
  const table = Number(bytes.readBigUInt64BE(64));
  // Entries of 40 bytes, 24 of extra data, an ID and a tag of one byte each, padded to 8.
  bytes.write('2', table + 64);
  fs.writeFileSync(session.file('ours'), bytes);
  const { code, stderr: twice } = await session.cowbench('snapshot', '-a', '2', '@ours');
  assert.deepEqual(
    [code, twice.split('\n').at(-2)],
    [1, 'more than one snapshot has the ID 2: which is meant cannot be said'],
  );
});
