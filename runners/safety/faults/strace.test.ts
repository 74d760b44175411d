/** Calls that the operating system fails, under the program as it is: nothing passes by the layer that the sweep lets fail. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  CLI,
  cowbench,
  type Finished,
  filesBelow,
  smallBench,
  startProgram,
  temporaryFolder,
} from '../../testing/command.ts';

const strace = spawnSync('strace', ['-V']).status === 0;
const skip = strace || process.env.CI ? false : 'NOT TESTED: strace is not installed';

/** In the thread that replays; what the environment is probed with before, in another, are fewer calls. */
const POSITION = 100;

let folder = '';
/** When not null, calls on other files go their way. */
let onlyFile: string | null = null;
beforeEach(() => {
  folder = temporaryFolder();
  onlyFile = null;
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const SCRIPT = path.join(import.meta.dirname, '../../ops/reference/ops/T1.ops');
const MESSAGES = {
  EIO: /cannot sync .*: input\/output error/,
  ENOSPC: /cannot write .*: no space left on device/,
} as const;

/** Runs the program with system calls replaced, as strace's `inject=` says; at least one must have been. */
async function injected(words: readonly string[], ...injections: readonly string[]): Promise<Finished> {
  const trace = path.join(folder, 'trace.txt');
  const inject = injections.flatMap((each) => ['-e', `inject=${each}`]);
  const restrict = onlyFile === null ? [] : ['-P', onlyFile];
  const traced = ['-f', '-o', trace, ...restrict, ...inject, process.execPath, CLI, ...words];
  const finished = await startProgram('strace', traced).finished;
  const lines = fs.readFileSync(trace, 'utf8').split('\n');
  for (const call of injections.map((each) => each.split(':')[0]!))
    assert.ok(
      lines.some((line) => line.includes(call) && line.includes('INJECTED')),
      call,
    );
  return finished;
}

/** `exitCode`: the image tool's is that of qemu-img. */
function requireOneLine({ code, stderr }: Finished, error: keyof typeof MESSAGES, exitCode = 2): void {
  assert.equal(code, exitCode, stderr);
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
  assert.match(stderr, MESSAGES[error]);
}

for (const [call, error] of [
  ['fdatasync', 'EIO'],
  ['pwrite64', 'ENOSPC'],
] as const) {
  test(`ops on a device whose ${call} fails with ${error}: one line, exit code 2`, { skip }, async () => {
    requireOneLine(await injected(['ops', SCRIPT], `${call}:error=${error}:when=9`), error);
  });

  test(`a snapshot on a device whose ${call} fails with ${error} once: refused, and the image is as before`, {
    skip,
  }, async () => {
    const image = path.join(folder, 'disk.qcow2');
    const made = await cowbench('image', 'create', '-q', '-f', 'qcow2', image, '4M');
    assert.equal(made.code, 0, made.stderr);
    const words = ['image', 'snapshot', '-c', 'new', image];
    requireOneLine(await injected(words, `${call}:error=${error}:when=2`), error, 1);
    const { code, stdout } = await cowbench('image', 'check', image);
    assert.equal(code, 0, stdout);
    const list = await cowbench('image', 'snapshot', '-l', image);
    assert.equal(list.stdout.includes('new'), false);
    const again = await cowbench(...words);
    assert.equal(again.code, 0, again.stderr);
  });
}

test('every other call on the image is interrupted: the same counts', { skip }, async () => {
  // Of this file only: Node's own loader does not make an interrupted read again.
  onlyFile = path.join(folder, 'T1.qcow2');
  const words = ['ops', SCRIPT, '--json', '--dir', folder];
  const calls = ['pread64', 'pwrite64', 'fdatasync'].map((call) => `${call}:error=EINTR:when=1+2`);
  const { code, stdout, stderr } = await injected(words, ...calls);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, (await cowbench('ops', SCRIPT, '--json')).stdout);
});

for (const [call, error] of [
  ['fdatasync', 'EIO'],
  ['pwrite64', 'ENOSPC'],
] as const) {
  test(`bench on a device whose ${call} fails with ${error}: one line, exit code 2, no image left`, {
    skip,
  }, async () => {
    const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:error=${error}:when=${POSITION}`];
    const words = smallBench(folder, { policy: 'writeback', data: '1M' }, '--quiet', '--no-report');
    const traced = ['-f', '-o', path.join(folder, 'trace.txt'), ...inject, process.execPath, CLI, ...words];
    const { code, stderr } = await startProgram('strace', traced).finished;
    assert.match(fs.readFileSync(path.join(folder, 'trace.txt'), 'utf8'), /INJECTED/);
    assert.equal(code, 2, stderr);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    assert.match(
      stderr,
      error === 'EIO'
        ? /cannot sync .*\.qcow2: input\/output error/
        : /cannot write .*\.qcow2: no space left on device/,
    );
    // No image; the record of a run that failed is kept on purpose.
    assert.deepEqual(filesBelow(path.join(folder, 'images')), []);
  });
}
