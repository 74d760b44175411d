import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { readRecord } from '../../../results/store.ts';
import { cowbench, filesBelow, smallBench, startCowbench, temporaryFolder } from '../../testing/command.ts';
import { NO_MOUNT, onSmallTmpfs } from '../../testing/small-tmpfs.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const images = () => path.join(folder, 'images');
const runs = () => path.join(folder, 'runs');

/** The bench is refused: exit code 2, one line that is returned, no image and no record. */
async function refusal(own: Record<string, string | null>): Promise<string> {
  const { code, stdout, stderr } = await cowbench(...smallBench(folder, own, '--quiet'));
  assert.equal(code, 2, stderr);
  assert.equal(stdout, '');
  assert.equal(stderr.trimEnd().split('\n').length, 1, `one line expected:\n${stderr}`);
  assert.equal(fs.existsSync(runs()), false, 'a record was left');
  assert.deepEqual(fs.readdirSync(images()), []);
  return stderr.trimEnd();
}

const HEADER = 'fio version 3 iolog\n0 disk add\n0 disk open\n';

function traceRefusal(name: string, content: string | Uint8Array, own: Record<string, string> = {}): Promise<string> {
  const file = path.join(folder, name);
  fs.writeFileSync(file, content);
  return refusal({ workload: `trace:${file}`, data: null, ...own });
}

test('a bad trace ends the run before it begins, naming file and line', async () => {
  const whole = gzipSync(`${HEADER}${'1 disk write 0 4096\n2 disk datasync 0 0\n'.repeat(2000)}`);
  assert.match(await traceRefusal('cut.iolog.gz', whole.subarray(0, whole.length - 20)), /cut\.iolog\.gz.*truncated/);
  assert.match(await traceRefusal('op.iolog', `${HEADER}1 disk scribble 0 4096\n`), /op\.iolog:4: .*"scribble"/);
  assert.match(
    await traceRefusal('far.iolog', `${HEADER}1 disk write 1048576 4096\n`, { 'disk-size': '1M' }),
    /far\.iolog:4: .*1048576/,
  );
  assert.match(await traceRefusal('empty.iolog', ''), /empty\.iolog: empty file/);
});

test('a directory that is none, or that cannot be written, is refused by name', async () => {
  const file = path.join(folder, 'plain');
  fs.writeFileSync(file, '');
  assert.match(await refusal({ dir: path.join(folder, 'none') }), /^cowbench: --dir .*none: no such directory$/);
  assert.match(await refusal({ dir: file }), /^cowbench: --dir .*plain: not a directory$/);
  assert.equal(await refusal({ dir: '/proc' }), 'cowbench: --dir /proc: nothing can be created in it');
  assert.match(
    await refusal({ out: file }),
    /^cowbench: cannot write .*plain.*: a part of the path is not a directory$/,
  );
});

test('parameters that the workload does not have are refused', async () => {
  assert.match(await refusal({ param: 'colour=red' }), /install-burst has no parameter --colour/);
  assert.match(await refusal({ span: '1G' }), /install-burst has no parameter --span/);
});

/** Ends a bench by `signal` while it measures; gives exit code and the record. */
async function interrupted(signal: NodeJS.Signals) {
  const { process: child, finished } = startCowbench(smallBench(folder, { rounds: '500' }, '--no-report'));
  const measured = () =>
    fs.existsSync(runs()) &&
    filesBelow(runs())
      .filter((file) => file.endsWith('.json') && !path.basename(file).startsWith('.'))
      .some((file) => readRecord(path.join(runs(), file)).cells[0]!.rounds.length >= 1);
  while (!measured() && child.exitCode === null) await setTimeout(20);
  child.kill(signal);
  const { code, stderr } = await finished;
  const [file] = filesBelow(runs());
  return { code, stderr, record: readRecord(path.join(runs(), file!)) };
}

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} in the middle keeps what was measured and leaves no image`, async () => {
    const { code, stderr, record } = await interrupted(signal);
    assert.equal(code, exitCode, stderr);
    assert.equal(record.status, 'interrupted');
    assert.ok(record.cells.some((cell) => cell.exact !== null));
    assert.ok(record.finishedAt !== null);
    assert.deepEqual(fs.readdirSync(images()), []);
    assert.match(stderr, /Interrupted. Results so far are saved/);
  });
}

test('a runner that is killed takes its worker and the image with it', async () => {
  const { process: child, finished } = startCowbench(smallBench(folder, { data: '512M' }));
  const imageThere = () => filesBelow(images()).some((file) => file.endsWith('.qcow2'));
  while (!imageThere() && child.exitCode === null) await setTimeout(20);
  child.kill('SIGKILL');
  await finished;
  const left = () => fs.readdirSync(images());
  for (let waits = 0; left().length > 0 && waits < 1500; waits++) await setTimeout(20);
  assert.deepEqual(left(), []);
});

test('a full disk: one line, the record says failed, no image stays', async (context) => {
  const outcome = await onSmallTmpfs(folder, 'size=1m', async (mountPoint) => {
    const finished = await cowbench(...smallBench(folder, { dir: mountPoint }));
    return { ...finished, left: fs.readdirSync(mountPoint) };
  });
  if (outcome === null) return context.skip(NO_MOUNT);
  assert.equal(outcome.code, 2, outcome.stderr);
  assert.match(
    outcome.stderr,
    /^images in .*small\/cowbench-\w+ \(tmpfs.*\n.*; one image at a time, at most about .*\nwarning: .* on tmpfs.*sync times mean nothing/m,
  );
  const errors = outcome.stderr.split('\n').filter((line) => line.startsWith('cowbench: '));
  assert.equal(errors.length, 1, outcome.stderr);
  assert.match(errors[0]!, /no space left on device$/);
  assert.doesNotMatch(outcome.stderr, /^\s+at /m);
  assert.deepEqual(outcome.left, []);
  const [file] = filesBelow(runs());
  const record = readRecord(path.join(runs(), file!));
  assert.equal(record.status, 'failed');
  assert.match(record.failure!, /no space left on device/);
});

test('a read-only directory is refused by name', async (context) => {
  const outcome = await onSmallTmpfs(folder, 'ro,size=1m', (mountPoint) =>
    cowbench(...smallBench(folder, { dir: mountPoint }, '--quiet')),
  );
  if (outcome === null) return context.skip(NO_MOUNT);
  assert.equal(outcome.code, 2);
  assert.match(outcome.stderr, /^cowbench: .*small: read-only file system\n$/);
});
