/** Who may use an image at the same time: cowbench, qemu-img and qemu-io in every pairing, reading, writing and forced. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openImageFile } from '../../engine/index.ts';
import { CLI } from '../testing/command.ts';
import { ImageSession } from './testing/image-session.ts';

type Use = 'write' | 'read' | 'force-share';
type Program = 'cowbench' | 'qemu-io' | 'qemu-img';

const HOLDER = path.join(import.meta.dirname, 'testing/lock-holder.ts');
const QEMU_IO = { write: [], read: ['-r'], 'force-share': ['-r', '-U'] } as const;
/** Requests for longer than any test takes. */
const QEMU_BENCH = { write: ['-w'], read: [], 'force-share': ['-U'] } as const;

/** What a test that failed has left running. */
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

function holdingWords(program: Program, use: Use, file: string, format: string): [string, ...string[]] {
  if (program === 'cowbench') return [process.execPath, HOLDER, file, use];
  if (program === 'qemu-io') return ['qemu-io', ...QEMU_IO[use], '-f', format, file];
  return ['qemu-img', 'bench', '-c', '1000000000', '-d', '1', ...QEMU_BENCH[use], '-f', format, file];
}

/** Keeps `file` open in a process of its own. */
class Holder {
  readonly #process: ChildProcess;
  readonly #program: Program;

  private constructor(child: ChildProcess, program: Program) {
    this.#process = child;
    this.#program = program;
  }

  static async open(program: Program, use: Use, file: string, format = 'qcow2'): Promise<Holder> {
    const [name, ...words] = holdingWords(program, use, file, format);
    const child = spawn(name, words, { stdio: ['pipe', 'ignore', 'inherit'] });
    // A program that is not there ends in an error, and never in an exit code.
    await once(child, 'spawn');
    running.add(child);
    child.once('exit', () => running.delete(child));
    const inode = String(fs.statSync(file).ino);
    const isHeld = () =>
      fs
        .readFileSync('/proc/locks', 'utf8')
        .split('\n')
        .some((line) => line.includes(`:${inode} `));
    while (!isHeld() && child.exitCode === null) await setTimeout(10);
    assert.equal(child.exitCode, null, `${program} could not open ${file}`);
    // Nothing but the lock is wanted of it.
    if (program === 'qemu-img') child.kill('SIGSTOP');
    return new Holder(child, program);
  }

  async end(): Promise<void> {
    if (this.#program === 'qemu-img') return this.kill();
    const gone = once(this.#process, 'exit');
    this.#process.stdin!.end();
    await gone;
  }

  async kill(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
  }
}

const digest = (file: string) => createHash('sha256').update(fs.readFileSync(file)).digest('hex');

/** Whether the program can use the image now. */
async function succeeds(session: ImageSession, program: Program, use: Use): Promise<boolean> {
  if (program === 'qemu-io') {
    const file = session.file('a.qcow2');
    const command = ['-c', use === 'write' ? 'write 0 4k' : 'read 0 4k'];
    const { status, stderr } = spawnSync('qemu-io', [...QEMU_IO[use], ...command, file], { encoding: 'utf8' });
    if (status !== 0) assert.match(stderr, /lock/);
    return status === 0;
  }
  const words = {
    write: ['resize', '-q', '@a.qcow2', '+64k'],
    read: ['info', '@a.qcow2'],
    'force-share': ['info', '-U', '@a.qcow2'],
  }[use];
  const { code, stderr } = program === 'qemu-img' ? session.qemu(...words) : await session.cowbench(...words);
  if (code !== 0)
    assert.match(stderr, program === 'qemu-img' ? /lock/ : /a\.qcow2 is in use: another process has it open/);
  return code === 0;
}

/** A reader keeps writers away and a writer everybody, but for readers that were told to come in. */
const mayJoin = (holder: Use, comer: Use) =>
  holder === 'force-share' || comer === 'force-share' || (holder === 'read' && comer === 'read');

const USES: readonly Use[] = ['write', 'read', 'force-share'];
/** Who has it, and who comes; QEMU's own programs among themselves are QEMU's affair. */
const PAIRS: readonly (readonly [Program, Program])[] = [
  ['qemu-io', 'cowbench'],
  ['qemu-img', 'cowbench'],
  ['cowbench', 'qemu-io'],
  ['cowbench', 'qemu-img'],
  ['cowbench', 'cowbench'],
];

for (const [holding, coming] of PAIRS) {
  test(`${holding} has the image, ${coming} comes: every pairing of write, read and forced`, async () => {
    using session = new ImageSession();
    for (const use of USES) {
      // Mapped beforehand: a writer that is killed leaves no cluster half-allocated.
      await session.done('create', '-q', '-f', 'qcow2', '-o', 'preallocation=metadata', '@a.qcow2', '1M');
      const holder = await Holder.open(holding, use, session.file('a.qcow2'));
      for (const wanted of USES.toReversed()) {
        assert.equal(await succeeds(session, coming, wanted), mayJoin(use, wanted), `${use} held, ${wanted} wanted`);
      }
      await holder.end();
      assert.equal(await succeeds(session, coming, 'write'), true, `${use} released`);
      assert.equal(session.qemu('check', '-q', '@a.qcow2').code, 0);
    }
  });
}

describe('while QEMU writes to an image', () => {
  const writers = [
    ['snapshot', '-c', 'x', '@a.qcow2'],
    ['snapshot', '-d', 'before', '@a.qcow2'],
    ['snapshot', '-a', 'before', '@a.qcow2'],
    ['resize', '@a.qcow2', '+1M'],
    ['check', '-r', 'leaks', '@a.qcow2'],
    ['check', '-r', 'all', '@a.qcow2'],
    ['amend', '-o', 'lazy_refcounts=on', '@a.qcow2'],
    ['amend', '-o', 'size=8M', '@a.qcow2'],
    ['rebase', '-u', '-b', '', '@a.qcow2'],
    ['convert', '-n', '-O', 'qcow2', '@other.raw', '@a.qcow2'],
    ['convert', '-O', 'qcow2', '@other.raw', '@a.qcow2'],
    ['create', '-q', '-f', 'qcow2', '@a.qcow2', '1M'],
    ['dd', '-O', 'qcow2', 'if=@other.raw', 'of=@a.qcow2'],
    ['commit', '--allow-backing', '@overlay.qcow2'],
    ['bench', '-w', '-c', '1', '@a.qcow2'],
  ];
  const readers = [
    ['info', '@a.qcow2'],
    ['map', '@a.qcow2'],
    ['check', '@a.qcow2'],
    ['measure', '-O', 'raw', '@a.qcow2'],
    ['compare', '@a.qcow2', '@other.raw'],
    ['convert', '-O', 'raw', '@a.qcow2', '@out.raw'],
    ['dd', 'if=@a.qcow2', 'of=@out.raw'],
    ['snapshot', '-l', '@a.qcow2'],
    ['bench', '-c', '1', '@a.qcow2'],
    ['convert', '--allow-backing', '-O', 'raw', '@overlay.qcow2', '@out.raw'],
  ];

  test('no command changes it, and none reads it without -U', async () => {
    using session = new ImageSession();
    await session.done('create', '-q', '-f', 'qcow2', '@a.qcow2', '4M');
    await session.done('create', '-q', '-f', 'qcow2', '-b', 'a.qcow2', '-F', 'qcow2', '@overlay.qcow2');
    await session.done('snapshot', '-c', 'before', '@a.qcow2');
    fs.writeFileSync(session.file('other.raw'), new Uint8Array(4 * 1024 * 1024));
    const holder = await Holder.open('qemu-io', 'write', session.file('a.qcow2'));
    const before = digest(session.file('a.qcow2'));
    for (const words of [...writers, ...readers]) {
      const { code, stderr } = await session.cowbench(...words);
      assert.notEqual(code, 0, words.join(' '));
      assert.match(stderr, /a\.qcow2 is in use: another process has it open/, words.join(' '));
      assert.equal(digest(session.file('a.qcow2')), before, words.join(' '));
    }
    for (const [name, ...words] of readers) {
      const { code, stderr } = await session.cowbench(name!, '-U', ...words);
      assert.ok(code <= 1 && stderr === '', `${name} -U: ${stderr}`);
    }
    assert.deepEqual(
      fs.readdirSync(session.folder).filter((name) => name.startsWith('.')),
      [],
      'nothing is left behind',
    );
    await holder.end();
    assert.equal(session.qemu('check', '-q', '@a.qcow2').code, 0);
  });
});

test('-U is for reading: a writer that asks for it is refused, also when nobody has the image', async () => {
  using session = new ImageSession();
  await session.done('create', '-q', '-f', 'qcow2', '@a.qcow2', '1M');
  for (const words of [
    ['snapshot', '-U', '-c', 'x', '@a.qcow2'],
    ['check', '-U', '-r', 'all', '@a.qcow2'],
  ]) {
    const { code, stderr } = await session.cowbench(...words);
    assert.deepEqual([code, /only a reader can share it/.test(stderr)], [1, true], stderr);
  }
});

test('a raw disk has one writer, too', async () => {
  using session = new ImageSession();
  for (const name of ['a.raw', 'other.raw']) fs.writeFileSync(session.file(name), new Uint8Array(1024 * 1024));
  const holder = await Holder.open('qemu-io', 'write', session.file('a.raw'), 'raw');
  for (const words of [
    ['resize', '-f', 'raw', '@a.raw', '+1M'],
    ['convert', '-n', '-O', 'raw', '@other.raw', '@a.raw'],
    ['convert', '-O', 'raw', '@other.raw', '@a.raw'],
  ]) {
    const { code, stderr } = await session.cowbench(...words);
    assert.deepEqual([code, /a\.raw is in use/.test(stderr)], [1, true], `${words.join(' ')}: ${stderr}`);
  }
  await holder.end();
  await session.done('resize', '-q', '-f', 'raw', '@a.raw', '+1M');
});

test('a killed process leaves no lock', async () => {
  using session = new ImageSession();
  await session.done('create', '-q', '-f', 'qcow2', '-o', 'preallocation=metadata', '@a.qcow2', '1M');
  for (const program of ['cowbench', 'qemu-io', 'qemu-img'] as const) {
    const holder = await Holder.open(program, 'write', session.file('a.qcow2'));
    assert.equal(await succeeds(session, 'cowbench', 'write'), false);
    await holder.kill();
    assert.equal(await succeeds(session, 'cowbench', 'write'), true, program);
    assert.equal(await succeeds(session, 'qemu-img', 'write'), true, program);
  }
});

test('of many writers at once each either does its work or is refused, and the image stays whole', async () => {
  using session = new ImageSession();
  await session.done('create', '-q', '-f', 'qcow2', '@a.qcow2', '1M');
  const names = Array.from({ length: 6 }, (_, index) => `s${index}`);
  const codes = await Promise.all(
    names.map(async (name) => {
      const child = spawn(process.execPath, [CLI, 'image', 'snapshot', '-c', name, session.file('a.qcow2')], {
        stdio: 'ignore',
      });
      const [code] = await once(child, 'exit');
      return code as number;
    }),
  );
  const listed = await session.done('snapshot', '-l', '@a.qcow2');
  for (const [index, name] of names.entries()) assert.equal(listed.includes(` ${name} `), codes[index] === 0, name);
  assert.ok(codes.includes(0) && codes.every((code) => code === 0 || code === 1), codes.join());
  assert.equal(session.qemu('check', '-q', '@a.qcow2').code, 0);
});

test('one process writes to an image through one handle, may read it besides, and locks it again after closing', async () => {
  using session = new ImageSession();
  await session.done('create', '-q', '-f', 'qcow2', '@a.qcow2', '1M');
  const file = session.file('a.qcow2');
  const writer = openImageFile(file);
  assert.throws(() => openImageFile(file), { code: 'IN_USE', message: /this process has it open for writing already/ });
  openImageFile(file, { readOnly: true }).close();
  assert.equal(session.qemu('info', '@a.qcow2').code, 1, 'the reader took no lock of the writer along');
  writer.close();
  const reader = openImageFile(file, { readOnly: true });
  assert.equal(session.qemu('info', '@a.qcow2').code, 0);
  assert.equal(session.qemu('snapshot', '-c', 'x', '@a.qcow2').code, 1);
  openImageFile(file).close();
  assert.equal(session.qemu('info', '@a.qcow2').code, 0, 'the writer took its own locks along');
  reader.close();
  assert.equal(session.qemu('snapshot', '-c', 'x', '@a.qcow2').code, 0);
  assert.throws(() => openImageFile(file, { locks: 'force-share' }), { code: 'INVALID_ARGUMENT' });
  const [one, two] = [openImageFile(file, { locks: 'none' }), openImageFile(file, { locks: 'none', readOnly: true })];
  assert.equal(session.qemu('snapshot', '-c', 'y', '@a.qcow2').code, 0);
  for (const image of [two, one]) image.close();
});

test('where the platform has no such locks, it is said', async () => {
  using session = new ImageSession();
  await session.done('create', '-q', '-f', 'qcow2', '@a.qcow2', '1M');
  // 32-bit programs lay the lock out in another way, which is not supported.
  const other = 'data:text/javascript,Object.defineProperty(process,"arch",{value:"ia32"})';
  const words = ['--import', other, CLI, 'image', 'snapshot', '-c', 'x', session.file('a.qcow2')];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.match(
    stderr,
    /^cowbench: warning: .*a\.qcow2: nothing keeps other programs from using it meanwhile: this platform has no/m,
  );
});
