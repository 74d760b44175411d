/** The files of `examples/`, run as their first lines and `docs/HACKING.md` say. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PROJECT_ROOT } from './console/project-root.ts';
import { CLI, type Finished, recordOf, startProgram, temporaryFolder } from './testing/command.ts';

const EXAMPLES = path.join(PROJECT_ROOT, 'examples');
const example = (name: string) => path.join(EXAMPLES, name);

let folder = '';
before(() => (folder = temporaryFolder()));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function node(...words: string[]): Promise<Finished> {
  return startProgram(process.execPath, words).finished;
}

let record = '';

test('every example says how it is run', () => {
  for (const file of fs.readdirSync(EXAMPLES)) {
    const [head] = fs.readFileSync(example(file), 'utf8').split('*/');
    assert.match(head!, new RegExp(`^ \\*     (?:node|cowbench) .*examples/${file}`, 'm'), file);
  }
});

test('the policy is short enough to be read at once', () => {
  const lines = fs.readFileSync(example('eager-policy.ts'), 'utf8').trimEnd().split('\n');
  assert.ok(lines.length <= 40, `${lines.length} lines`);
});

test('HACKING runs the policy in the explorer and in a bench, by paths that are there', () => {
  const page = fs.readFileSync(path.join(PROJECT_ROOT, 'docs/HACKING.md'), 'utf8');
  const lines = [...page.matchAll(/^ +node runners\/cli\.ts (.*)$/gm)].map(([, words]) => words!);
  assert.deepEqual(
    lines.map((words) => words.split(' ').slice(0, 3).join(' ')),
    ['crash --policy ./examples/eager-policy.ts', 'bench --policy ./examples/eager-policy.ts,writeback'],
  );
});

test('the crash explorer examines the policy, in its threads too, and finds nothing', async () => {
  const words = ['crash', '--policy', example('eager-policy.ts'), '--workload', 'allocate', '--json'];
  const { code, stdout, stderr } = await node(CLI, ...words);
  assert.equal(code, 0, stderr);
  const [{ name, tally }] = JSON.parse(stdout);
  assert.equal(name, 'eager');
  assert.ok(tally.states > 10 && tally.exhaustivePoints === tally.points);
  assert.equal(tally.findings.corrupt + tally.findings.lost + tally.findings.foreign, 0);
});

test('policy and workload are measured by workers of their own, and the record has their digests', async () => {
  const what = ['--policy', `${example('eager-policy.ts')},ordered`, `--workload=${example('log-workload.ts')}`];
  const how = ['--records', '40', '--device', 'model:nvme-plp', '--dir', folder, '--out', path.join(folder, 'runs')];
  const finished = await node(CLI, 'bench', ...what, ...how, '--json', '--quiet', '--no-report');
  assert.equal(finished.code, 0, finished.stderr);
  const { cells, workload, plugins } = recordOf(finished);
  assert.deepEqual(
    cells.map(({ policy, exact }) => [policy.name, exact!.guest.writes, exact!.guest.flushes]),
    [
      ['eager', 40, 40],
      ['ordered', 40, 40],
    ],
  );
  assert.equal(workload.name, 'log');
  assert.deepEqual(
    plugins!.map(({ kind, name, file }) => [kind, name, path.basename(file)]),
    [
      ['policy', 'eager', 'eager-policy.ts'],
      ['workload', 'log', 'log-workload.ts'],
    ],
  );
  for (const { sha256 } of plugins!) assert.match(sha256, /^[\da-f]{64}$/);
  record = path.join(folder, 'run.json');
  fs.writeFileSync(record, finished.stdout);
});

test('the program that draws has a bar for each policy', async () => {
  const { code, stdout, stderr } = await node(example('draw-records.ts'), record);
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(stdout.match(/<rect /g)?.length, 2);
  assert.match(stdout, />eager.*: \d+<\/text>/);
});

test('the gate keeps what it found, and fails when a limit is exceeded', async () => {
  const limits = path.join(folder, 'syncs.json');
  const gate = () => node(example('ci-gate.ts'), record, limits);
  assert.equal((await gate()).code, 0);
  const found = JSON.parse(fs.readFileSync(limits, 'utf8'));
  const [first] = Object.keys(found);
  fs.writeFileSync(limits, JSON.stringify({ ...found, [first!]: found[first!] - 1 }));
  const { code, stderr } = await gate();
  assert.equal(code, 1);
  assert.equal(stderr, `${first}: ${found[first!]} syncs, the limit is ${found[first!] - 1}\n`);
});

test('the wrapper counts', async () => {
  const { code, stdout } = await node(example('seek-counter.ts'));
  assert.equal(code, 0);
  assert.match(stdout, /^writeback: \d+ seeks\nordered: \d+ seeks\n$/);
});
