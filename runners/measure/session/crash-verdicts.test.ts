import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { cowbench, recordOf, smallBench, temporaryFolder } from '../../testing/command.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test('--crash quick gives each policy a verdict with its story, and says what was explored', async () => {
  const words = smallBench(folder, { rounds: '1', policy: 'writeback', crash: 'quick' }, '--json', '-q', '--no-report');
  const { crash } = recordOf(await cowbench(...words)).cells[0]!;
  assert.equal(crash!.verdict, 'violated');
  assert.ok(crash!.violations.secondPhase! > 0 && crash!.violations.corrupt! > 0);
  assert.ok(crash!.distinctStates > 1000 && crash!.exhaustiveEpochs <= crash!.epochs);
  assert.match(crash!.explored!, /^all sequences of up to 2 operations/);
  assert.match(crash!.story!.at(-1)!, /^after the restart /);
});

test('syncs that do nothing promise nothing: no verdict, and none without the option', async () => {
  const unsafe = smallBench(folder, { rounds: '1', policy: 'writeback', cache: 'unsafe', crash: 'quick' });
  for (const words of [unsafe, smallBench(folder, { rounds: '1', policy: 'writeback' })]) {
    const record = recordOf(await cowbench(...words, '--json', '-q', '--no-report'));
    assert.equal(record.cells[0]!.crash, null);
  }
});

test('--crash takes quick only', async () => {
  const finished = await cowbench(...smallBench(folder, { crash: 'thorough' }));
  assert.equal(finished.code, 2);
  assert.match(finished.stderr, /--crash "thorough": expected quick/);
});
