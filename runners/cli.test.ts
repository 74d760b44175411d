import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { policyNames } from '../engine/index.ts';
import { cowbench, temporaryFolder } from './testing/command.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** The command is refused: exit code 2, nothing on stdout, one line on stderr, which is returned. */
async function refusal(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await cowbench(...words);
  assert.equal(code, 2, stderr);
  assert.equal(stdout, '');
  const lines = stderr.trimEnd().split('\n');
  assert.equal(lines.length, 1, `one line expected:\n${stderr}`);
  return lines[0]!;
}

test('--help lists the commands; no words at all do so on stderr; a command has its own', async () => {
  const [own, bare, bench] = await Promise.all([cowbench('--help'), cowbench(), cowbench('bench', '--help')]);
  assert.equal(own.code, 0);
  for (const command of ['bench', 'demo', 'ops FILE', 'policies'])
    assert.match(own.stdout, new RegExp(`^  ${command}\\b`, 'm'));
  assert.deepEqual({ ...bare, stderr: '' }, { code: 2, stdout: '', stderr: '' });
  assert.equal(bare.stderr, `cowbench: no command given\n\n${own.stdout}`);
  assert.equal(bench.code, 0);
  assert.match(bench.stdout, /^cowbench bench \[OPTIONS\]\n/);
});

test('--version is the version of the package', async () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, '../package.json'), 'utf8'));
  assert.deepEqual(await cowbench('--version'), { code: 0, stdout: `${manifest.version}\n`, stderr: '' });
});

test('lists of policies and workloads, as text and as JSON', async () => {
  const [policies, policiesJson, workloads, workloadsJson] = await Promise.all([
    cowbench('policies'),
    cowbench('policies', '--json'),
    cowbench('workloads'),
    cowbench('workloads', '--json'),
  ]);
  for (const word of ['legacy', 'writethrough', 'writeback', 'S0', 'S4b']) assert.ok(policies.stdout.includes(word));
  assert.deepEqual(
    JSON.parse(policiesJson.stdout).policies.map(({ name }: { name: string }) => name),
    policyNames(),
  );
  assert.match(workloads.stdout, /^install {2}/m);
  assert.match(workloads.stdout, /^trace:FILE {2}/m);
  assert.ok(JSON.parse(workloadsJson.stdout).workloads.some((entry: { name: string }) => entry.name === 'install'));
});

test('misspelt words are refused with a suggestion', async () => {
  const [command, option, surplus, policy, workload] = await Promise.all([
    refusal('bnech'),
    refusal('bench', '--polcy', 'legacy'),
    refusal('bench', 'legacy'),
    refusal('bench', '--policy', 'legacy,writeback,writetrough'),
    refusal('bench', '--workload', 'instal'),
  ]);
  assert.equal(command, 'cowbench: unknown command "bnech"; did you mean bench?');
  assert.equal(option, 'cowbench: unknown option --polcy; did you mean --policy?');
  assert.equal(surplus, 'cowbench: unknown word legacy; cowbench bench --help lists the options');
  assert.equal(policy, 'cowbench: --policy: unknown policy "writetrough"; did you mean writethrough?');
  assert.match(workload, /^cowbench: no workload "instal" \(did you mean install\?\)$/);
});

test('values that make no sense are refused with the option named', async () => {
  const [text, missing, twice] = await Promise.all([
    refusal('bench', '--rounds', 'many'),
    refusal('bench', '--rounds'),
    refusal('bench', '--seed', '1', '--seed', '2'),
  ]);
  assert.equal(text, 'cowbench: --rounds "many": expected an integer from 0 to 1000000000');
  assert.equal(missing, 'cowbench: --rounds needs a value (N)');
  assert.equal(twice, 'cowbench: --seed is given more than once');
});

test('env probes a directory and refuses one that is not there, is none, or takes no file', async () => {
  const { code, stdout } = await cowbench('env', '--dir', folder, '--json');
  assert.equal(code, 0);
  const environment = JSON.parse(stdout);
  assert.ok(environment.syncProbe.samples > 0 && environment.fileSystem.type !== '');
  assert.deepEqual(fs.readdirSync(folder), []);
  assert.match(await refusal('env', '--dir', path.join(folder, 'none')), /none: no such directory$/);
  assert.match(await refusal('env', '--dir', import.meta.filename), /cli\.test\.ts: not a directory$/);
  assert.equal(await refusal('env', '--dir', '/proc'), 'cowbench: cannot write in /proc: nothing can be created in it');
});

test('report refuses what is no record, naming file and place', async () => {
  const file = path.join(folder, 'record.json');
  fs.writeFileSync(file, '{"schemaVersion": 99}');
  assert.match(await refusal('report', file), /record\.json: \$\.schemaVersion is 99, newer than 1/);
  assert.match(await refusal('report', path.join(folder, 'none.json')), /none\.json: no such file or directory$/);
  fs.rmSync(file);
});

test('schema prints the published schema', async () => {
  const published = fs.readFileSync(path.join(import.meta.dirname, '../results/schema/run-record.schema.json'), 'utf8');
  assert.equal((await cowbench('schema')).stdout, published);
});
