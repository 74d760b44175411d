/** `image rebase`, `commit` and `measure` beside those of qemu-img: random chains, random words. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { DifferentialSession, seeds } from './testing/differential.ts';

const SIZES = [8, 16, 24, 33];

/** A base of either format in `folder`. */
function randomBase(session: DifferentialSession, name: string): 'raw' | 'qcow2' {
  const format = session.random.pick(['raw', 'qcow2'] as const);
  if (format === 'raw') session.randomRaw(name, 65_536 * session.random.pick(SIZES));
  else session.randomImage(name, { sizes: SIZES });
  return format;
}

/** What the disk holds, by qemu-img. */
function contentOf(session: DifferentialSession, name: string): Buffer {
  session.qemuDone('convert', '-O', 'raw', `@${name}`, '@content.raw');
  return fs.readFileSync(session.file('content.raw'));
}

test('rebase: the content stays, as with qemu-img, whatever the new backing file is', async () => {
  for (const seed of seeds(5)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    const formats = { one: randomBase(session, 'one'), two: randomBase(session, 'two') };
    session.randomImage('between', { sizes: SIZES, backing: { name: 'one', format: formats.one } });
    const start = random.pick(['one', 'two', 'between'] as const);
    const startFormat = start === 'between' ? 'qcow2' : formats[start];
    session.randomImage('ours', { sizes: SIZES, snapshots: true, backing: { name: start, format: startFormat } });
    for (let step = 0; step < 3; step++) {
      session.copies('ours', 'theirs');
      const before = contentOf(session, 'ours');
      const hadBacking = 'backing-filename' in (session.facts('ours') as object);
      const target = random.pick(['one', 'two', 'between', ''] as const);
      const format = target === 'between' ? 'qcow2' : target === '' ? null : formats[target];
      const words = ['-b', target, ...(format === null ? [] : ['-F', format])];
      const note = `step ${step}: rebase ${words.join(' ')}`;
      const ours = await session.cowbench('rebase', '--allow-backing', ...words, '@ours');
      const theirs = session.qemu('rebase', ...words, '@theirs');
      assert.ok(session.sameClass(ours, theirs, note), `seed ${seed}: ${note}: ${ours.stderr}`);
      // From no backing file to one, qemu-img leaves out the zeros that hide it, and the content changes.
      if (hadBacking) session.sameImages('ours', 'theirs', note);
      else session.isClean('ours', note);
      assert.ok(contentOf(session, 'ours').equals(before), `seed ${seed}: ${note}`);
      assert.deepEqual(session.facts('ours'), session.facts('theirs'), `seed ${seed}: ${note}`);
    }
  }
});

test('commit: base and overlay hold what they hold after the commit of qemu-img', async () => {
  for (const seed of seeds(5)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    fs.mkdirSync(session.file('ours'));
    const format = randomBase(session, 'ours/base');
    session.randomImage('ours/between', { sizes: SIZES, backing: { name: 'base', format } });
    session.randomImage('ours/top', { sizes: SIZES, snapshots: true, backing: { name: 'between', format: 'qcow2' } });
    const before = contentOf(session, 'ours/top');
    fs.cpSync(session.file('ours'), session.file('theirs'), { recursive: true });
    const [file, words] = random.pick([
      ['top', []],
      ['top', ['-d']],
      ['between', []],
      ['top', ['-b', 'BASE']],
    ] as const);
    const named = (folder: string) => words.map((word) => word.replace('BASE', session.file(`${folder}/base`)));
    const note = `commit ${words.join(' ')} ${file}`;
    const ours = await session.cowbench('commit', '--allow-backing', ...named('ours'), `@ours/${file}`);
    const theirs = session.qemu('commit', ...named('theirs'), `@theirs/${file}`);
    // A version 2 image that grows over data further down cannot be marked zero; here zeros are written.
    if (theirs.stderr.includes('Operation not supported') && ours.code === 0) {
      assert.ok(contentOf(session, 'ours/top').equals(before), `seed ${seed}: ${note}`);
      continue;
    }
    if (!session.sameClass(ours, theirs, note)) continue;
    assert.equal(ours.stdout, theirs.stdout);
    // Through the images between, those are invalid afterwards.
    const through = words.includes('-b' as never) ? ['base'] : ['base', 'between', 'top'];
    for (const name of through) {
      const formats = name === 'base' ? ['-f', format, '-F', format] : [];
      const compared = session.qemu('compare', ...formats, `@ours/${name}`, `@theirs/${name}`);
      assert.equal(compared.code, 0, `seed ${seed}: ${note}: ${name}: ${compared.stdout}${compared.stderr}`);
      assert.doesNotMatch(compared.stdout, /mismatch/, `seed ${seed}: ${note}: ${name}`);
      if (name !== 'base' || format === 'qcow2') session.isClean(`ours/${name}`, note);
    }
    if (file === 'top')
      assert.ok(contentOf(session, 'ours/top').equals(before), `seed ${seed}: ${note}: the disk changed`);
    if (file === 'top' && words.length === 0)
      assert.doesNotMatch(session.qemuDone('map', '--output=json', '@ours/top'), /"depth": 0, "present": true/);
  }
});

test('measure: the numbers of qemu-img', async () => {
  for (const seed of seeds(5)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    session.randomRaw('base', 65_536 * random.pick(SIZES));
    session.randomImage('disk', { sizes: SIZES, snapshots: true, backing: { name: 'base', format: 'raw' } });
    session.randomImage('other', { sizes: SIZES, snapshots: true });
    // Without holes: those of a cluster count for zeros always here, there only in a file that is much smaller than its clusters.
    for (const name of ['disk', 'other', 'base'])
      fs.writeFileSync(session.file(name), fs.readFileSync(session.file(name)));
    for (let step = 0; step < 4; step++) {
      const options = [
        ['-O', 'raw'],
        ['-O', 'qcow2'],
        [
          '-O',
          'qcow2',
          '-o',
          `cluster_size=${random.pick(['512', '4k', '2M'])},refcount_bits=${random.pick([1, 16, 64])}`,
        ],
        ['-O', 'qcow2', '-o', 'extended_l2=on,cluster_size=128k'],
        ['-O', 'qcow2', '-o', `compat=0.10,preallocation=${random.pick(['off', 'metadata', 'full'])}`],
        ['-O', 'qcow2', '-o', 'backing_file=base,backing_fmt=raw'],
      ];
      const sources = [['@disk'], ['@other'], ['-f', 'raw', '@base'], ['--size', `${random.below(2 ** 40)}`]];
      const words = ['measure', ...random.pick(options), '--output=json', ...random.pick(sources)];
      const ours = await session.cowbench(...words, '--allow-backing');
      const theirs = session.qemu(...words);
      const note = words.join(' ');
      if (session.sameClass(ours, theirs, note))
        assert.deepEqual(JSON.parse(ours.stdout), JSON.parse(theirs.stdout), `seed ${seed}: ${note}`);
    }
  }
});
