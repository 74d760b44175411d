/** `image create`, `convert`, `resize`, `snapshot`, `check -r` and `dd` beside those of qemu-img: random images, random words. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import type { Prng } from '../../workloads/prng.ts';
import { DifferentialSession, seeds } from './testing/differential.ts';

const CLUSTER = 65_536;

function optionWords(random: Prng, choices: readonly string[]): string[] {
  const chosen = choices.filter(() => random.chance(0.3));
  return chosen.length === 0 ? [] : ['-o', chosen.join(',')];
}

function randomFormatOptions(random: Prng): string[] {
  return optionWords(random, [
    `compat=${random.pick(['0.10', '1.1', 'v3'])}`,
    `cluster_size=${random.pick(['512', '4k', '3k', '2M', '4M', '128k'])}`,
    `refcount_bits=${random.pick([1, 8, 16, 16, 64, 3])}`,
    `lazy_refcounts=${random.pick(['on', 'off'])}`,
    `extended_l2=${random.pick(['on', 'off'])}`,
    `compression_type=${random.pick(['zlib', 'zstd'])}`,
    `preallocation=${random.pick(['off', 'metadata', 'falloc', 'full', 'some'])}`,
  ]);
}

test('create: the same images as qemu-img makes, and the same refusals', async () => {
  for (const seed of seeds(2)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    session.randomRaw('base', CLUSTER * 4);
    for (let step = 0; step < 4; step++) {
      const format = random.pick(['qcow2', 'qcow2', 'qcow2', 'raw']);
      const backing = random.pick([
        [],
        [],
        ['-b', 'base', '-F', 'raw'],
        ['-b', 'base'],
        ['-b', 'missing', '-F', 'raw'],
      ]);
      const size = random.pick([[], ['3M'], ['1000'], ['0'], ['1.5M'], ['x'], ['-1'], ['0x200000']]);
      const words = ['create', '-q', '-f', format, ...randomFormatOptions(random), ...backing];
      const note = [...words, ...size].join(' ');
      for (const name of ['ours', 'theirs']) fs.rmSync(session.file(name), { force: true });
      const ours = await session.cowbench(...words, '@ours', ...size);
      const theirs = session.qemu(...words, '@theirs', ...size);
      if (!session.sameClass(ours, theirs, note)) continue;
      assert.deepEqual(session.facts('ours'), session.facts('theirs'), `seed ${seed}: ${note}`);
      session.sameImages('ours', 'theirs', note);
    }
  }
});

test('convert: the copy holds what the copy of qemu-img holds', async () => {
  for (const seed of seeds(2)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    session.randomRaw('base', CLUSTER * random.pick([8, 20]));
    const backing = random.chance(0.5) ? { backing: { name: 'base', format: 'raw' } as const } : {};
    session.randomImage('source', { snapshots: true, ...backing });
    session.randomImage('existing', { sizes: [33] });
    const hasSnapshot = (session.facts('source') as { snapshots: unknown[] }).snapshots.length > 0;
    for (let step = 0; step < 4; step++) {
      const isOver = random.chance(0.25);
      const words = [
        'convert',
        ...['-O', random.pick(['qcow2', 'qcow2', 'raw'])],
        // It cannot write compressed over what is allocated already.
        ...(!isOver && random.chance(0.3) ? ['-c'] : []),
        ...(random.chance(0.4) ? ['-S', random.pick(['0', '4k', '512', '64k', '100'])] : []),
        ...(random.chance(0.3) ? ['-l', random.pick(hasSnapshot ? ['first', '1', 'no'] : ['no'])] : []),
        ...(random.chance(0.2) ? ['-W', '-m', '4'] : []),
        ...(isOver ? ['-n'] : randomFormatOptions(random)),
        ...(!isOver && random.chance(0.25) ? ['-B', 'base', '-F', 'raw'] : []),
      ];
      const note = words.join(' ');
      if (isOver) session.copies('existing', 'ours', 'theirs');
      else for (const name of ['ours', 'theirs']) fs.rmSync(session.file(name), { force: true });
      const ours = await session.cowbench(...words, '--allow-backing', '@source', '@ours');
      if (!session.sameClass(ours, session.qemu(...words, '@source', '@theirs'), note)) continue;
      session.sameImages('ours', 'theirs', note);
      assert.deepEqual(session.facts('ours'), session.facts('theirs'), `seed ${seed}: ${note}`);
    }
  }
});

test('resize: the disk, and its snapshots, are those of qemu-img', async () => {
  for (const seed of seeds(1)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    session.randomRaw('base', CLUSTER * random.pick([8, 40]));
    const backing = random.chance(0.5) ? { backing: { name: 'base', format: 'raw' } as const } : {};
    session.randomImage('ours', { snapshots: true, ...backing });
    for (let step = 0; step < 4; step++) {
      session.copies('ours', 'theirs');
      const size = random.pick(['+64k', '+1M', '+100k', '-64k', '-700k', '1M', '2M', '3000', '+0', '+x', '-1G']);
      const words = [
        ...['resize', '-q'],
        ...(random.chance(0.5) ? ['--shrink'] : []),
        ...(random.chance(0.3) ? [`--preallocation=${random.pick(['metadata', 'falloc', 'full', 'off'])}`] : []),
      ];
      const note = `step ${step}: ${words.join(' ')} ${size}`;
      const before = fs.readFileSync(session.file('ours'));
      const ours = await session.cowbench(...words, '--allow-backing', '@ours', size);
      const theirs = session.qemu(...words, '@theirs', size);
      if (session.isPastZeroing(ours, theirs)) {
        session.isClean('ours', note);
        continue;
      }
      if (session.sameClass(ours, theirs, note)) {
        session.sameImages('ours', 'theirs', note);
        assert.deepEqual(session.facts('ours'), session.facts('theirs'), `seed ${seed}: ${note}`);
        session.randomWrites(
          'ours',
          'qcow2',
          Number(session.qemuJson('info', '--output=json', '@ours')['virtual-size']),
        );
      } else fs.writeFileSync(session.file('ours'), before);
    }
  }
});

test('snapshot: after any sequence the disk and every snapshot hold what they hold with qemu-img', async () => {
  for (const seed of seeds(1)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    const sizeBytes = session.randomImage('ours');
    session.copies('ours', 'theirs');
    for (let step = 0; step < 6; step++) {
      if (random.chance(0.5)) {
        const commands = session.randomCommands(sizeBytes);
        for (const name of ['ours', 'theirs']) session.io(name, 'qcow2', ...commands);
      }
      const names = (session.facts('theirs') as { snapshots: { name: string }[] }).snapshots.map(({ name }) => name);
      const verb = random.pick(['-c', '-c', '-a', '-d']);
      // A tag that exists is refused here, and makes a second snapshot of that tag there.
      const name = verb === '-c' ? `s${step}` : random.pick([...names, 'none', '1']);
      const note = `step ${step}: snapshot ${verb} ${name}`;
      const ours = await session.cowbench('snapshot', verb, name, '@ours');
      if (!session.sameClass(ours, session.qemu('snapshot', verb, name, '@theirs'), note)) continue;
      session.sameImages('ours', 'theirs', note);
      assert.deepEqual(session.facts('ours'), session.facts('theirs'), `seed ${seed}: ${note}`);
    }
    for (const { name } of (session.facts('theirs') as { snapshots: { name: string }[] }).snapshots) {
      for (const image of ['ours', 'theirs'])
        session.qemuDone('convert', '-l', `snapshot.name=${name}`, '-O', 'raw', `@${image}`, `@${image}.raw`);
      const [ours, theirs] = ['ours.raw', 'theirs.raw'].map((file) => fs.readFileSync(session.file(file)));
      assert.ok(ours!.equals(theirs!), `seed ${seed}: snapshot ${name}`);
    }
  }
});

/** Refcounts that are wrong by one, and COPIED flags turned over: what a repair cures without loss. */
function damage(session: DifferentialSession, name: string): void {
  const { random } = session;
  const bytes = fs.readFileSync(session.file(name));
  const clusters = Math.ceil(bytes.length / CLUSTER);
  const block = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(48))));
  const l2 = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(40))) & 0x00ff_ffff_ffff_fe00n);
  for (let count = 1 + random.below(5); count > 0; count--) {
    if (random.chance(0.6) || l2 === 0) {
      const at = block + 2 * random.below(clusters);
      bytes.writeUInt16BE(Math.max(0, bytes.readUInt16BE(at) + random.pick([1, 1, -1])), at);
      continue;
    }
    const at = l2 + 8 * random.below(16);
    const entry = bytes.readBigUInt64BE(at);
    if (entry !== 0n && (entry & (1n << 62n)) === 0n) bytes.writeBigUInt64BE(entry ^ (1n << 63n), at);
  }
  fs.writeFileSync(session.file(name), bytes);
}

test('check -r: what qemu-img repairs is repaired, and the disk is the same', async () => {
  for (const seed of seeds(2)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    const plain = ['compat=1.1', 'cluster_size=64k', 'refcount_bits=16', 'extended_l2=off', 'lazy_refcounts=off'];
    session.randomImage('ours', { options: plain, snapshots: true });
    damage(session, 'ours');
    session.copies('ours', 'theirs');
    const words = random.pick([['check'], ['check', '-r', 'leaks'], ['check', '-r', 'all']]);
    const ours = await session.cowbench(...words, '@ours');
    const theirs = session.qemu(...words, '@theirs');
    const note = words.join(' ');
    // It gives up where a refcount block is not counted itself: no word on what is left.
    if (theirs.stderr.includes('Check failed')) continue;
    assert.equal(
      ours.code,
      theirs.code,
      `seed ${seed}: ${note}: ${ours.stdout}${ours.stderr}${theirs.stdout}${theirs.stderr}`,
    );
    if (theirs.code !== 0) continue;
    session.sameImages('ours', 'theirs', note);
    assert.equal((await session.cowbench('check', '-q', '@theirs')).code, 0, `seed ${seed}: ${note}`);
  }
});

test('dd: the same blocks as qemu-img copies', async () => {
  for (const seed of seeds(1)) {
    using session = new DifferentialSession(seed);
    const { random } = session;
    session.randomImage('source');
    for (let step = 0; step < 4; step++) {
      const words = [
        'dd',
        ...(random.chance(0.5) ? ['-O', random.pick(['qcow2', 'raw'])] : []),
        ...(random.chance(0.8) ? [`bs=${random.pick(['512', '1k', '64k', '1M', '1000', '0'])}`] : []),
        // With both of them qemu-img counts from the start of the disk.
        ...random.pick([
          [],
          [`count=${random.pick([1, 3, 10, 10_000])}`],
          [`skip=${random.pick([0, 1, 7, 100, 100_000])}`],
        ]),
        'if=@source',
      ];
      const note = words.join(' ');
      const ours = await session.cowbench(...words, 'of=@ours');
      if (!session.sameClass(ours, session.qemu(...words, 'of=@theirs'), note)) continue;
      session.sameImages('ours', 'theirs', note);
      assert.deepEqual(session.facts('ours'), session.facts('theirs'), `seed ${seed}: ${note}`);
    }
  }
});
