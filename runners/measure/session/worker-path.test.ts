import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import { workerPath } from './worker-path.ts';

const FIRST_PLACE = 'runners/sample/worker.ts';

test('the worker of this program is where its package.json says', () => {
  const text = fs.readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8');
  assert.equal(JSON.parse(text).cowbench.worker, workerPath(text));
  assert.ok(fs.existsSync(path.join(PROJECT_ROOT, workerPath(text))));
});

test('a commit may keep its worker elsewhere, but not outside of itself', () => {
  const said = (worker: unknown) => workerPath(JSON.stringify({ cowbench: { worker } }));
  assert.equal(said('runners/measure/sample-worker.ts'), 'runners/measure/sample-worker.ts');
  assert.equal(said('runners/sample/worker.js'), 'runners/sample/worker.js');
  for (const place of ['../worker.ts', '/tmp/worker.ts', 'runners/../../worker.ts', 'worker.sh', '', 7]) {
    assert.equal(said(place), FIRST_PLACE, String(place));
  }
});

test('a package.json that does not say, cannot be read or is not there: where the worker was at first', () => {
  for (const text of ['{"name": "cowbench"}', '{"cowb', '', null]) assert.equal(workerPath(text), FIRST_PLACE);
});
