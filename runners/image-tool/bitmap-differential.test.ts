/** `image bitmap` beside `qemu-img bitmap`: random actions, and random changes of the disk by either program. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openImageFile, type Qcow2Image } from '../../engine/index.ts';
import { DifferentialSession, seeds } from './testing/differential.ts';

const NAMES = ['a', 'b', 'c'];

function randomActions({ random }: DifferentialSession): string[] {
  const verbs = ['--add', '--add', '--remove', '--clear', '--enable', '--disable', '--merge'];
  const words = Array.from({ length: 1 + random.below(3) }, () => random.pick(verbs)).flatMap((verb) =>
    verb === '--merge' ? [verb, random.pick(NAMES)] : [verb],
  );
  const granularity = words.includes('--add') && random.chance(0.6) ? ['-g', random.pick(['512', '4k', '1M'])] : [];
  const isElsewhere = words.includes('--merge') && random.chance(0.3);
  return [...words, ...granularity, ...(isElsewhere ? ['-b', '@other', '-F', 'qcow2'] : [])];
}

/** The same requests by the engine and by qemu-io. */
function changeBoth(session: DifferentialSession, sizeBytes: number): void {
  const { random } = session;
  const requests = Array.from({ length: 1 + random.below(4) }, () => {
    const offset = 512 * random.below(sizeBytes / 512);
    const length = 512 * (1 + random.below(Math.min(300, (sizeBytes - offset) / 512)));
    return { verb: random.pick(['write -P 7', 'write -z', 'discard']), offset, length };
  });
  session.io('theirs', 'qcow2', ...requests.map(({ verb, offset, length }) => `${verb} ${offset} ${length}`));
  const image = openImageFile(session.file('ours'));
  for (const { verb, offset, length } of requests) {
    if (verb === 'discard') image.discard(offset, length);
    else if (verb === 'write -z') image.writeZeroes(offset, length);
    else image.write(offset, new Uint8Array(length).fill(7));
  }
  image.close();
}

/** Every bitmap with what it says has changed. */
function bitmapsOf(session: DifferentialSession, name: string): unknown {
  const facts = session.facts(name) as { 'format-specific': { data: { bitmaps?: { name: string }[] } } };
  const image: Qcow2Image = openImageFile(session.file(name), { readOnly: true });
  const found = (facts['format-specific'].data.bitmaps ?? []).map((bitmap) => ({
    ...bitmap,
    dirty: [...image.dirtyRanges(bitmap.name)],
  }));
  image.close();
  return found.sort((one, other) => one.name.localeCompare(other.name));
}

test('bitmap: the same bits as with qemu-img, whoever changed the disk', async () => {
  for (const seed of seeds(2)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    const options = { options: ['compat=1.1'] };
    let sizeBytes = session.randomImage('ours', options);
    session.randomImage('other', options);
    for (const name of NAMES) session.qemuDone('bitmap', '--add', '-g', '1k', '@other', name);
    session.randomWrites('other', 'qcow2', 65_536 * 16);
    session.copies('ours', 'theirs');
    for (let step = 0; step < 4; step++) {
      if (random.chance(0.4)) changeBoth(session, sizeBytes);
      const isResized = random.chance(0.2);
      if (isResized) sizeBytes = 65_536 * (1 + random.below(40));
      const words = isResized
        ? ['resize', '--shrink', '@', `${sizeBytes}`]
        : ['bitmap', ...randomActions(session), '@', random.pick(NAMES)];
      const on = (name: string) => words.map((word) => (word === '@' ? `@${name}` : word));
      const note = `step ${step}: ${words.join(' ')}`;
      // An earlier action of a command that fails is done by qemu-img, and not here.
      session.copies('theirs', 'before');
      const ours = await session.cowbench(...on('ours'));
      if (!session.sameClass(ours, session.qemu(...on('theirs')), note)) session.copies('before', 'theirs');
      session.sameImages('ours', 'theirs', note);
      assert.deepEqual(bitmapsOf(session, 'ours'), bitmapsOf(session, 'theirs'), `seed ${seed}: ${note}`);
      assert.equal((await session.cowbench('check', '-q', '@ours')).code, 0, `seed ${seed}: ${note}`);
    }
    const before = bitmapsOf(session, 'ours');
    // Read and stored again by qemu-img.
    session.qemuDone('bitmap', '--add', '--remove', '@ours', 'd');
    assert.deepEqual(bitmapsOf(session, 'ours'), before, `seed ${seed}: as qemu-img reads them`);
  }
});
