import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openFile, openImage } from '../../../engine/index.ts';
import { filesBelow, startProgram, temporaryFolder } from '../../testing/command.ts';
import { killLoop, SoakFinding } from './kill-loop.ts';

const SOAK = path.join(import.meta.dirname, 'soak.ts');

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function soak(...words: string[]) {
  return startProgram(process.execPath, [SOAK, '--dir', folder, ...words]);
}

/** Overwrites the first twenty data clusters: more than the next writer can have written anew by chance. */
function damageData(imagePath: string): void {
  const image = openImage(openFile(imagePath, { readOnly: true }));
  const places: number[] = [];
  for (let offset = 0; offset < image.sizeBytes && places.length < 20; offset += image.clusterSizeBytes) {
    const { hostOffset } = image.map(offset, image.clusterSizeBytes);
    if (hostOffset !== null) places.push(hostOffset);
  }
  image.close();
  const file = openFile(imagePath);
  for (const place of places) file.write(place, new Uint8Array(512).fill(0xee), 'data');
  file.close();
}

test('a writer killed five times leaves a good image, and the run leaves nothing', async () => {
  const { code, stdout, stderr } = await soak('--kills', '5', '--seed', '7').finished;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^expected: about 2 s \(5 kills at 450 ms, and the syncs of the disk\); up to 32 MiB in .*\n$/);
  assert.match(stdout, /^writeback, seed 7: 5 kills, \d+ requests, \d+ flushes; nothing flushed was lost/);
  assert.deepEqual(fs.readdirSync(folder), []);
});

test('a server killed three times under four clients has lost nothing that it acknowledged as flushed', async () => {
  const { code, stdout, stderr } = await soak('--kills', '3', '--seed', '3', '--clients', '4', '-q').finished;
  assert.deepEqual([code, stderr], [0, ''], stdout);
  assert.match(stdout, /^writeback, seed 3: 3 kills, \d+ requests, \d+ flushes; nothing flushed was lost/);
  assert.deepEqual(fs.readdirSync(folder), []);
});

/** Processes that `pid` has started and that still run. */
function childrenOf(pid: number): string[] {
  return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
}

/** Processes with `word` on their command line. */
function processesNaming(word: string): string[] {
  return fs.readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word);
    } catch {
      return false;
    }
  });
}

test('Ctrl-C: the tally so far, exit code 130, no image and no writer left', {
  skip: process.platform !== 'linux',
}, async () => {
  const run = soak('--kills', '100000', '--seed', '5');
  const { pid } = run.process;
  let ended = false;
  run.finished.finally(() => {
    ended = true;
  });
  do await setTimeout(20);
  while (!ended && childrenOf(pid!).length === 0);
  run.process.kill('SIGINT');
  const { code, stdout, stderr } = await run.finished;
  assert.equal(code, 130, stderr);
  assert.match(stdout, /^writeback, seed 5: \d+ kills, \d+ requests, \d+ flushes; nothing flushed was lost/);
  assert.deepEqual(fs.readdirSync(folder), []);
  assert.deepEqual(processesNaming(folder), []);
});

test('what a kill must not leave is found: a block that changes behind the writer', async () => {
  const imagePath = path.join(folder, 'soak.qcow2');
  let damaged = false;
  const run = killLoop({
    imagePath,
    policy: 'writethrough',
    kills: 3,
    seed: 3,
    clients: 0,
    signal: new AbortController().signal,
    onKill: () => {
      if (damaged) return;
      damaged = true;
      damageData(imagePath);
    },
  });
  await assert.rejects(run, SoakFinding);
});

test('wrong use is one line and exit code 2', async () => {
  for (const words of [
    ['--kills', '0'],
    ['--policy', 'none'],
    ['--dir', '/nowhere'],
    ['--clients', '-1'],
    ['--kill', '3'],
  ]) {
    const { code, stderr } = await soak(...words).finished;
    assert.equal(code, 2);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
  assert.deepEqual(filesBelow(folder), []);
});
