/** `image convert` and `dd`: the same content as qemu-img's, in images that it finds clean. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { ImageSession } from './testing/image-session.ts';

/** Source and options of one copy; `-l` names a snapshot of the qcow2 source. */
const COPIES: readonly (readonly string[])[] = [
  ['-O', 'raw', '@a.raw'],
  ['-O', 'qcow2', '@a.raw'],
  ['-O', 'raw', '@a.qcow2'],
  ['-f', 'qcow2', '-O', 'qcow2', '-o', 'cluster_size=4k,compat=0.10', '@a.qcow2'],
  ['-c', '-O', 'qcow2', '@a.raw'],
  ['-cO', 'qcow2', '-o', 'compression_type=zstd,cluster_size=2M', '@a.qcow2'],
  ['-O', 'qcow2', '-o', 'extended_l2=on', '@a.raw'],
  ['-O', 'qcow2', '-o', 'preallocation=falloc', '@a.raw'],
  ['-O', 'raw', '-o', 'preallocation=full', '@a.qcow2'],
  ['-O', 'qcow2', '-l', 'before', '@a.qcow2'],
  ['-l', 'snapshot.name=before', '-O', 'raw', '@a.qcow2'],
  ['-O', 'qcow2', '-S', '0', '@a.raw'],
  ['-S', '1M', '@a.qcow2'],
  ['-O', 'qcow2', '-o', 'data_file=FILE.dat', '@a.raw'],
  ['-O', 'qcow2', '-o', 'refcount_bits=1,cluster_size=512', '@a.raw', '@a.qcow2', '@a.raw'],
];

test('copies hold what the copies of qemu-img hold', async () => {
  using session = new ImageSession();
  session.rawDisk('a.raw');
  session.qcow2Disk('a.qcow2');
  for (const words of COPIES) {
    const named = (file: string) => [...words.map((word) => word.replace('FILE', file)), `@${file}`];
    await session.done('convert', ...named('ours'));
    session.qemuDone('convert', ...named('theirs'));
    const compared = session.qemu('compare', '@ours', '@theirs');
    assert.equal(compared.code, 0, `${words.join(' ')}: ${compared.stdout}${compared.stderr}`);
    const format = words.includes('qcow2') ? 'qcow2' : 'raw';
    assert.equal(session.qemuJson('info', '--output=json', '@ours').format, format);
    if (format === 'qcow2') assert.equal(session.qemu('check', '-q', '@ours').code, 0, words.join(' '));
    const stored = (name: string) => fs.statSync(session.file(name)).blocks * 512;
    // As sparse as the other: what is zero takes no clusters.
    assert.ok(
      stored('ours') <= stored('theirs') + 2 ** 18,
      `${words.join(' ')}: ${stored('ours')} ${stored('theirs')}`,
    );
  }
});

test('with -S 0 everything is allocated, compressed or not, into a new image or an old one', async () => {
  using session = new ImageSession();
  session.rawDisk('a.raw');
  const isStored = (map: unknown) => (map as { data: boolean }[]).every(({ data }) => data);
  for (const words of [['-c'], ['-c', '-o', 'compression_type=zstd'], ['-c', '-n'], ['-n'], ['-o', 'extended_l2=on']]) {
    if (words.includes('-n')) session.qemuDone('create', '-q', '-f', 'qcow2', '@b', '3M');
    await session.done('convert', '-S', '0', '-f', 'raw', '-O', 'qcow2', ...words, '@a.raw', '@b');
    assert.ok(isStored(session.qemuJson('map', '--output=json', '@b')), words.join(' '));
    assert.equal(session.qemu('compare', '@a.raw', '@b').code, 0, words.join(' '));
    assert.equal(session.qemu('check', '-q', '@b').code, 0, words.join(' '));
  }
  await session.done('convert', '-S', '0', '-O', 'qcow2', '@a.raw', '@b');
  assert.equal(session.qemuJson('check', '--output=json', '@b')['allocated-clusters'], 48);
});

test('a chain is flattened, or copied over another base', async () => {
  using session = new ImageSession();
  session.rawDisk('base.raw');
  // Under the zeros of the top image, which must keep hiding it.
  session.io('base.raw', 'raw', 'write -P 12 1M 1M');
  session.qcow2Disk('top.qcow2', '-b', 'base.raw', '-F', 'raw');
  await session.done('convert', '--allow-backing', '-O', 'qcow2', '@top.qcow2', '@flat');
  assert.equal(session.qemu('compare', '@top.qcow2', '@flat').code, 0);
  assert.equal(session.qemuJson('info', '--output=json', '@flat')['backing-filename'], undefined);

  // Larger clusters: what the source leaves to its base must be copied where it shares a cluster with changes.
  const options = ['-O', 'qcow2', '-B', 'base.raw', '-F', 'raw', '-o', 'cluster_size=256k'];
  await session.done('convert', '--allow-backing', ...options, '@top.qcow2', '@again');
  assert.equal(session.qemu('compare', '@top.qcow2', '@again').code, 0);
  assert.equal(session.qemu('check', '-q', '@again').code, 0);
  const { 'allocated-clusters': allocated } = session.qemuJson('check', '--output=json', '@again');
  assert.ok(Number(allocated) < 8, `${allocated}`);
});

test('an image that exists can be written into', async () => {
  using session = new ImageSession();
  session.rawDisk('a.raw');
  for (const format of ['raw', 'qcow2']) {
    session.qemuDone('create', '-q', '-f', format, '@b', '4M');
    session.io('b', format, 'write -P 1 0 4M');
    await session.done('convert', '-n', '-O', format, '@a.raw', '@b');
    session.qemuDone('convert', '-O', 'raw', '@b', '@c.raw');
    const bytes = fs.readFileSync(session.file('c.raw'));
    const disk = fs.readFileSync(session.file('a.raw'));
    assert.ok(bytes.subarray(0, disk.length).equals(disk));
    assert.equal(bytes[3 * 2 ** 20], 1, 'what lies behind the end of the source stays');
  }
  assert.equal(session.qemu('check', '-q', '@b').code, 0);
});

test('dd past the end of the disk copies nothing and says so, with exit code 0, as qemu-img', async () => {
  using session = new ImageSession();
  session.qcow2Disk('a.qcow2');
  const sizeBytes = Number(session.qemuJson('info', '--output=json', '@a.qcow2')['virtual-size']);
  for (const words of [
    ['-f', 'qcow2', '-Oraw', 'bs=1M', 'skip=100', 'if=@a.qcow2'],
    ['-O', 'qcow2', `bs=${sizeBytes}`, 'skip=2', 'count=7', 'if=@a.qcow2'],
  ]) {
    const ours = await session.cowbench('dd', ...words, 'of=@ours');
    const theirs = session.qemu('dd', ...words, 'of=@theirs');
    assert.deepEqual([ours.code, theirs.code], [0, 0]);
    assert.match(
      ours.stderr,
      new RegExp(`^cowbench: warning: .*skip= leads past the end of the disk of ${sizeBytes} bytes`),
    );
    assert.match(theirs.stderr, /cannot skip/);
    const format = words[0] === '-O' ? 'qcow2' : 'raw';
    assert.equal(session.qemu('compare', '-f', format, '-F', format, '@ours', '@theirs').code, 0, words.join(' '));
  }
  const last = await session.cowbench('dd', `bs=${sizeBytes - 512}`, 'skip=1', 'count=7', 'if=@a.qcow2', 'of=@ours');
  assert.deepEqual([last.code, last.stderr], [0, '']);
});

test('dd copies the blocks that qemu-img dd copies', async () => {
  using session = new ImageSession();
  session.rawDisk('a.raw');
  session.qcow2Disk('a.qcow2');
  const copies = [
    ['if=@a.raw'],
    ['-O', 'qcow2', 'bs=64k', 'skip=1', 'if=@a.qcow2'],
    ['bs=1000', 'count=1500', 'if=@a.raw'],
  ];
  for (const words of copies) {
    await session.done('dd', ...words, 'of=@ours');
    session.qemuDone('dd', ...words, 'of=@theirs');
    const format = words.includes('qcow2') && words[0] === '-O' ? 'qcow2' : 'raw';
    assert.equal(session.qemu('compare', '-f', format, '-F', format, '@ours', '@theirs').code, 0, words.join(' '));
  }
  await session.done('dd', 'bs=4k', 'skip=16', 'count=2', 'if=@a.raw', 'of=@ours');
  const disk = fs.readFileSync(session.file('a.raw'));
  assert.ok(
    fs.readFileSync(session.file('ours')).equals(disk.subarray(65_536, 65_536 + 8192)),
    'count is taken after skip',
  );
});

test('what cannot be read is salvaged as zeros, and said to be lost', async () => {
  using session = new ImageSession();
  // An entry inside a cluster, one past a metadata limit, a stream that does not inflate; an L2 table that is none.
  const damages: Readonly<Record<string, (bytes: Buffer, l2: number) => void>> = {
    'a data cluster': (bytes, l2) => bytes.writeUInt32BE(512, l2 + 8 * 48 + 4),
    'a compressed cluster': (bytes, l2) =>
      bytes.fill(0xff, bytes.readUInt32BE(l2 + 8 * 32 + 4), bytes.readUInt32BE(l2 + 8 * 32 + 4) + 64),
    'an L2 table': (bytes) => bytes.writeUInt32BE(512, Number(bytes.readBigUInt64BE(40)) + 4),
  };
  for (const [title, change] of Object.entries(damages)) {
    session.qcow2Disk('a');
    session.qemuDone('snapshot', '-d', 'before', '@a');
    session.qemuDone('convert', '-O', 'raw', '@a', '@good');
    const bytes = fs.readFileSync(session.file('a'));
    change(bytes, Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(40)))) % 2 ** 48);
    fs.writeFileSync(session.file('a'), bytes);
    assert.equal((await session.cowbench('convert', '-f', 'qcow2', '@a', '@copy')).code, 1, title);
    const { code, stderr } = await session.cowbench('convert', '--salvage', '-f', 'qcow2', '@a', '@copy');
    assert.equal(code, 0, `${title}: ${stderr}`);
    const lost = [...stderr.matchAll(/offset (\d+), (\d+) bytes could not be read and are zeros in the copy: /g)];
    assert.ok(lost.length >= 1 && lost.length === stderr.trimEnd().split('\n').length, `${title}: ${stderr}`);
    const [copy, good] = [fs.readFileSync(session.file('copy')), fs.readFileSync(session.file('good'))];
    for (const [, from, length] of lost) good.fill(0, Number(from), Number(from) + Number(length));
    assert.ok(copy.equals(good), title);
  }
});

test('zeros are not written to a target that is said to be zero, nor the base to one that stands on it', async () => {
  using session = new ImageSession();
  session.rawDisk('base.raw');
  session.qcow2Disk('top', '-b', 'base.raw', '-F', 'raw');
  for (const format of ['raw', 'qcow2']) {
    for (const name of ['ours', 'theirs']) session.qemuDone('create', '-q', '-f', format, `@${name}`, '4M');
    // Said wrongly on purpose: what is there shows where the source holds zeros.
    for (const name of ['ours', 'theirs']) session.io(name, format, 'write -P 9 3584k 4k');
    await session.done('convert', '-n', '--target-is-zero', '-O', format, '@base.raw', '@ours');
    session.qemuDone('convert', '-n', '--target-is-zero', '-O', format, '@base.raw', '@theirs');
    assert.equal(session.qemu('compare', '-f', format, '-F', format, '@ours', '@theirs').code, 0, format);
  }
  for (const name of ['ours', 'theirs'])
    session.qemuDone('create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', `@${name}`, '4M');
  await session.done('convert', '-n', '-B', 'base.raw', '--allow-backing', '-O', 'qcow2', '@top', '@ours');
  session.qemuDone('convert', '-n', '-B', 'base.raw', '-F', 'raw', '-O', 'qcow2', '@top', '@theirs');
  assert.equal(session.qemu('compare', '@ours', '@top').code, 0);
  assert.equal(session.qemu('compare', '@ours', '@theirs').code, 0);
  const allocated = (name: string) => session.qemuJson('check', '--output=json', name)['allocated-clusters'];
  assert.equal(allocated('@ours'), allocated('@theirs'));
  const words = ['convert', '-n', '--allow-backing', '-O', 'qcow2', '-B', 'top', '@top', '@ours'];
  assert.match((await session.cowbench(...words)).stderr, /^--backing top is not the backing file of .*ours\n$/);
});
