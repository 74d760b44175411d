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
  const words = smallBench(folder, { rounds: '0', policy: 'writeback', crash: 'quick' }, '--json', '-q', '--no-report');
  const { crash } = recordOf(await cowbench(...words)).cells[0]!;
  assert.equal(crash!.verdict, 'violated');
  assert.ok(crash!.violations.secondPhase! > 0 && crash!.violations.corrupt! > 0);
  assert.ok(crash!.distinctStates > 1000 && crash!.exhaustiveEpochs <= crash!.epochs);
  assert.match(crash!.explored!, /^all sequences of up to 2 operations/);
  assert.match(crash!.story!.at(-1)!, /^after the restart /);
});

test('syncs that do nothing promise nothing: no verdict, and none without the option', async () => {
  const unsafe = smallBench(folder, { rounds: '0', policy: 'writeback', cache: 'unsafe', crash: 'quick' });
  for (const words of [unsafe, smallBench(folder, { rounds: '0', policy: 'writeback' })]) {
    const record = recordOf(await cowbench(...words, '--json', '-q', '--no-report'));
    assert.equal(record.cells[0]!.crash, null);
  }
});

test('--crash takes quick only', async () => {
  const finished = await cowbench(...smallBench(folder, { crash: 'thorough' }));
  assert.equal(finished.code, 2);
  assert.match(finished.stderr, /--crash "thorough": expected quick/);
});

test('--crash short explores this workload as it is run, and has what is known of each operation; counts only do neither', async () => {
  const words = smallBench(folder, { rounds: '0', policy: 'legacy', crash: 'short' }, '--json', '-q', '--no-report');
  const [cell] = recordOf(await cowbench(...words)).cells;
  const { workload, operations } = cell!.safety!;
  assert.equal(workload!.verdict, 'leaks');
  assert.deepEqual([cell!.crash, workload!.violations.corrupt], [null, 0]);
  assert.match(workload!.explored!, /^the first \d+ changes of [\w-]+ on 65536-byte clusters/);
  const applied = operations.find(({ operation, onSnapshot }) => operation === 'snapshot-apply' && onSnapshot);
  assert.deepEqual([applied!.verdict, applied!.violations.corrupt! > 0], ['violated', true]);
  const plain = recordOf(await cowbench(...smallBench(folder, { rounds: '0' }, '--json', '-q', '--no-report')));
  assert.equal(plain.cells[0]!.safety, undefined);
});
