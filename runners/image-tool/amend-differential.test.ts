/** `image amend` beside `qemu-img amend`: random options on random images. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import type { Prng } from '../../workloads/prng.ts';
import { DifferentialSession, seeds } from './testing/differential.ts';

/**
 * A few options at once, some of them twice: the last one counts. No refcounts below 8 bits: qemu-img computes for many seconds then.
 */
function randomOptions(random: Prng, sizeBytes: number): string[] {
  const choices = [
    `compat=${random.pick(['0.10', '1.1', 'v2', 'v3'])}`,
    'compat=0.10',
    `lazy_refcounts=${random.pick(['on', 'off'])}`,
    `refcount_bits=${random.pick([8, 16, 16, 32, 64, 3])}`,
    `size=${sizeBytes + 65_536 * random.below(40)}`,
  ];
  return Array.from({ length: 1 + random.below(3) }, () => random.pick(choices));
}

test('amend: the same outcome as qemu-img for random options', async () => {
  for (const seed of seeds(5)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    session.randomRaw('base.raw', 65_536 * random.pick([8, 40]));
    const backing = random.chance(0.4) ? { backing: { name: 'base.raw', format: 'raw' } as const } : {};
    let sizeBytes = session.randomImage('ours', { snapshots: true, ...backing });
    for (let step = 0; step < 3; step++) {
      session.copies('ours', 'theirs');
      const options = randomOptions(random, sizeBytes);
      const words = options.flatMap((option) => ['-o', option]);
      const note = `step ${step}: amend ${words.join(' ')}`;
      const before = fs.readFileSync(session.file('ours'));
      const ours = await session.cowbench('amend', '--allow-backing', ...words, '@ours');
      const theirs = session.qemu('amend', '-f', 'qcow2', ...words, '@theirs');
      // Stopped after 20 s, in which it rewrites refcounts of large clusters: no word on what is right.
      if (theirs.code < 0 || session.isPastZeroing(ours, theirs)) {
        session.isClean('ours', note);
        sizeBytes = Number(session.qemuJson('info', '--output=json', '@ours')['virtual-size']);
        continue;
      }
      if (!session.sameClass(ours, theirs, note)) {
        assert.ok(
          fs.readFileSync(session.file('ours')).equals(before),
          `seed ${seed}: ${note}: a refusal leaves it as it was`,
        );
        continue;
      }
      session.sameImages('ours', 'theirs', note);
      assert.deepEqual(session.facts('ours'), session.facts('theirs'), `seed ${seed}: ${note}`);
      sizeBytes = Number(session.qemuJson('info', '--output=json', '@ours')['virtual-size']);
    }
    const { snapshots } = session.facts('ours') as { snapshots: unknown[] };
    if (snapshots.length === 0) continue;
    session.copies('ours', 'theirs');
    assert.equal((await session.cowbench('snapshot', '-a', 'first', '@ours')).code, 0, `seed ${seed}`);
    session.qemuDone('snapshot', '-a', 'first', '@theirs');
    session.sameImages('ours', 'theirs', 'the snapshot afterwards');
  }
});
