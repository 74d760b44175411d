/** Long work begun again finds what it had finished, and nothing of other work. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { FinishedParts } from './finished-parts.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  file = path.join(folder, 'parts.tmp');
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

test('the same work finds its parts again, other work none', () => {
  const parts = new FinishedParts(file, { commit: 'a' });
  parts.keep('one', { states: 1 });
  parts.keep('two', [2, null]);
  const again = new FinishedParts(file, { commit: 'a' });
  assert.equal(again.count, 2);
  assert.deepEqual(again.get('one'), { states: 1 });
  assert.deepEqual(again.get('two'), [2, null]);
  assert.equal(again.has('three'), false);
  assert.equal(new FinishedParts(file, { commit: 'b' }).count, 0);
  assert.equal(new FinishedParts(file, { commit: 'a' }).count, 0, 'thrown away by other work');
});

test('a last line that was cut off counts as not done, and what follows it is whole', () => {
  const parts = new FinishedParts(file, 'k');
  parts.keep('one', 1);
  parts.keep('two', 2);
  fs.truncateSync(file, fs.statSync(file).size - 3);
  const again = new FinishedParts(file, 'k');
  assert.equal(again.get('one'), 1);
  assert.equal(again.has('two'), false);
  again.keep('two', 22);
  assert.equal(new FinishedParts(file, 'k').get('two'), 22);
});

test('work that is done leaves nothing behind', () => {
  new FinishedParts(file, 'k').remove();
  assert.deepEqual(fs.readdirSync(folder), []);
});
