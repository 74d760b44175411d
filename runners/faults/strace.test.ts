/** A sync that the operating system fails, under the program as it is: nothing passes by the layer that the sweep lets fail. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { CLI, filesBelow, smallBench, startProgram, temporaryFolder } from '../testing/command.ts';

const strace = spawnSync('strace', ['-V']).status === 0;
const skip = strace || process.env.CI ? false : 'NOT TESTED: strace is not installed';

/** In the thread that replays; what the environment is probed with before, in another, are fewer calls. */
const POSITION = 100;

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

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
