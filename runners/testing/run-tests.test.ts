/** Tests without the programs that they need: left out aloud, with numbers; nothing else is; a failure where CI is set. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { temporaryFolder } from './command.ts';
import { inOrder, STARTED_FIRST, slowLines } from './slow-files.ts';
import { summaryLines } from './summary-reporter.ts';
import { installCommand, testTools } from './tools.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
  // A PATH with node and nothing else.
  fs.symlinkSync(process.execPath, path.join(folder, 'node'));
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function node(words: readonly string[], CI: string | undefined) {
  const { NODE_TEST_CONTEXT: _, CI: _ci, ...env } = process.env;
  const variables = { ...env, PATH: folder, ...(CI !== undefined && { CI }) };
  return spawnSync(process.execPath, words, { cwd: PROJECT_ROOT, encoding: 'utf8', env: variables });
}

const RUN_TESTS = 'runners/testing/run-tests.ts';
const SELECTION = ['engine/image/describe', 'workloads/iolog-writer', 'dashboards/page/many-runs', 'serve/clients'];

test('a selection of the suite with a PATH that hides the programs: no failure, and what is left out is counted by program', () => {
  const { status, stdout, stderr } = node([RUN_TESTS, ...SELECTION], undefined);
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /^ℹ fail 0$/m);
  const skipped = Number(/^ℹ skipped (\d+)$/m.exec(stdout)![1]);
  const [, total] = /^NOT TESTED, (\d+) tests left out for the lack of:$/m.exec(stderr)!;
  const counts = new Map(
    [...stderr.matchAll(/^ {2}([\w-]+): (\d+) tests?$/gm)].map(([, tool, count]) => [tool, Number(count)]),
  );
  assert.deepEqual([...counts.keys()], ['chromium', 'fio', 'nbdcopy', 'nbdinfo', 'qemu-img', 'qemu-io']);
  assert.deepEqual([Number(total), [...counts.values()].reduce((sum, count) => sum + count)], [skipped, skipped]);
  assert.match(stderr, /^What brings them: sudo apt-get install .*chromium fio libnbd-bin qemu-utils$/m);
  assert.ok(Number(/^ℹ pass (\d+)$/m.exec(stdout)![1]) > 5, 'what needs no program is tested');
});

test('where CI is set a missing program is a failure', () => {
  const { status, stderr } = node([RUN_TESTS, 'workloads/iolog-writer'], '1');
  assert.equal(status, 1);
  assert.match(stderr, /^not installed: .*qemu-img.*\nCI is set, so that nothing may be left out$/m);
});

test('left out is what fails for the lack of a program; what fails by itself fails', () => {
  const file = path.join(folder, 'some.test.ts');
  fs.writeFileSync(
    file,
    `import assert from 'node:assert/strict';
     import { execFileSync, spawnSync } from 'node:child_process';
     import { describe, test } from 'node:test';
     test('passes', () => {});
     test('fails', () => assert.fail('by itself'));
     test('needs a program', () => void execFileSync('qemu-img', ['--version']));
     test('does without', () => void spawnSync('qemu-img', ['--version']));
     describe('a suite', () => test('needs one, too', async (t) => t.test('inside', () => assert.equal(spawnSync('strace', ['-V']).status, 0))));`,
  );
  const leaveOut = path.join(PROJECT_ROOT, 'runners/testing/leave-out.ts');
  const { status, stdout } = node(['--test', '--test-reporter=tap', `--import=${leaveOut}`, file], undefined);
  assert.equal(status, 1);
  const results = [...stdout.matchAll(/^ *(ok|not ok) \d+ - (.*?)(?: # SKIP (.*))?$/gm)].map(([, ok, name, why]) => [
    name,
    ok,
    why,
  ]);
  const named = new Map(results.map(([name, ok, why]) => [name, [ok, why]]));
  assert.deepEqual(named.get('passes'), ['ok', undefined]);
  assert.deepEqual(named.get('fails'), ['not ok', undefined]);
  assert.deepEqual(named.get('needs a program'), ['ok', 'NOT TESTED: needs qemu-img']);
  assert.deepEqual(named.get('does without'), ['ok', undefined]);
  assert.deepEqual(named.get('inside'), ['ok', 'NOT TESTED: needs strace']);
});

test('the summary: numbers, the command, and other reasons apart; nothing when nothing was left out', () => {
  assert.deepEqual(summaryLines(new Map(), 0), []);
  assert.deepEqual(summaryLines(new Map([['fio', 1]]), 2), [
    ...['', 'NOT TESTED, 1 test left out for the lack of:', '  fio: 1 test'],
    `What brings them: ${installCommand(['fio'], testTools())}`,
    ...['', '2 tests left out for other reasons, named above.'],
  ]);
});

test('files that take long are started first, and are there; a run of a minute names its own', () => {
  const [first, second] = STARTED_FIRST;
  assert.deepEqual(inOrder(['b', second!, 'a', first!]), [first, second, 'a', 'b']);
  assert.deepEqual(
    STARTED_FIRST.filter((file) => !fs.existsSync(path.join(PROJECT_ROOT, file))),
    [],
  );
  const file = (name: string) => path.join(PROJECT_ROOT, name);
  assert.deepEqual(slowLines(new Map([[file('a'), 59_000]])), []);
  assert.deepEqual(
    slowLines(
      new Map([
        [file('a'), 1_000],
        [file('b/c'), 100_000],
      ]),
    ),
    [...['', '2 test files took 101.0 s together; the longest:', '  100.0 s  b/c', '    1.0 s  a']],
  );
});
