/** Recordings: what is kept of requests, and a file that cannot be written. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../testing/command.ts';
import { Recorder } from './recorder.ts';

test('requests that a disk carries out are lines, in order; hints, questions and empty requests are none', async () => {
  const folder = temporaryFolder();
  try {
    const file = path.join(folder, 'guest.iolog');
    const recorder = new Recorder(file, assert.fail);
    const range = { offset: 4096, length: 512 };
    recorder.take({ op: 'write', ...range, durable: true });
    recorder.take({ op: 'cache', ...range });
    recorder.take({ op: 'block-status', ...range, extentsMax: 1 });
    recorder.take({ op: 'read', offset: 0, length: 0 });
    recorder.take({ op: 'discard', ...range });
    await recorder.end();
    assert.equal(recorder.requests, 2);
    const actions = fs.readFileSync(file, 'utf8').trim().split('\n').slice(1);
    assert.deepEqual(
      actions.map((line) => line.replace(/^\d+ /, '')),
      ['disk add', 'disk open', 'disk write 4096 512', 'disk datasync 0 0', 'disk trim 4096 512', 'disk close'],
    );
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test('a recording that cannot be written is reported at once and at the end, and takes no memory', {
  skip: process.platform !== 'linux',
}, async () => {
  const failures: Error[] = [];
  const recorder = new Recorder('/dev/full', (failure) => failures.push(failure));
  while (failures.length === 0) {
    recorder.take({ op: 'flush' });
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const kept = recorder.requests;
  recorder.take({ op: 'flush' });
  assert.equal(recorder.requests, kept);
  assert.match(failures[0]!.message, /^--record \/dev\/full: the recording is not whole: .*ENOSPC/);
  await assert.rejects(recorder.end(), failures[0]);
  assert.equal(failures.length, 1);
});
