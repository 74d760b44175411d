/** `docs/HACKING.md`, "Add a policy", followed word for word: its file is saved, and its commands are run. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PROJECT_ROOT } from './console/project-root.ts';
import { type Finished, startProgram, temporaryFolder } from './testing/command.ts';

const PAGE = path.join(PROJECT_ROOT, 'docs/HACKING.md');
const SAVED_AS = './eager.ts';

/** The first block of `language` in the section, without the indentation of a list. */
function block(section: string, language: string): string {
  const found = new RegExp(`^( *)\`\`\`${language}\\n([^]*?)^ *\`\`\`$`, 'm').exec(section);
  assert.ok(found !== null, `no block of ${language}`);
  return found[2]!.replaceAll(new RegExp(`^${found[1]}`, 'gm'), '');
}

const section = fs
  .readFileSync(PAGE, 'utf8')
  .split(/^## /m)
  .find((text) => text.startsWith('Add a policy'))!;

let folder = '';
before(() => {
  folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, 'node_modules'));
  // Not in the root of the repository, where other tests would find it; the package is itself there, and here.
  fs.symlinkSync(PROJECT_ROOT, path.join(folder, 'node_modules/cowbench'), 'dir');
  fs.writeFileSync(path.join(folder, SAVED_AS), block(section, 'ts'));
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const commands = block(section, 'sh').trim().split('\n');

/** Runs a line of the page; `more` says where images and records go. */
function follow(command: string, ...more: string[]): Promise<Finished> {
  const [program, ...words] = command.split(' ');
  assert.equal(program, 'node');
  const placed = words.map((word) => {
    if (word === SAVED_AS) return path.join(folder, SAVED_AS);
    return word === 'runners/cli.ts' ? path.join(PROJECT_ROOT, word) : word;
  });
  return startProgram(process.execPath, [...placed, ...more]).finished;
}

test('the page shows three commands, each with the file that it has saved', () => {
  assert.equal(commands.length, 3);
  for (const command of commands) assert.ok(command.startsWith(`node --import ${SAVED_AS} runners/cli.ts `), command);
});

test('the policy is listed', async () => {
  const { code, stdout, stderr } = await follow(commands[0]!);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^ {2}eager +writes and syncs what must come first .*; host cache mode writeback$/m);
});

test('the crash explorer examines it, in its threads too, and finds nothing', async () => {
  const { code, stdout, stderr } = await follow(commands[1]!, '--json');
  assert.equal(code, 0, stderr);
  const [{ name, tally }] = JSON.parse(stdout);
  assert.equal(name, 'eager');
  assert.ok(tally.states > 10 && tally.exhaustivePoints === tally.points);
  assert.equal(tally.findings.corrupt + tally.findings.lost + tally.findings.foreign, 0);
});

test('it is measured beside another, by workers of their own', async () => {
  const places = ['--dir', folder, '--out', path.join(folder, 'out'), '--rounds', '1', '--device', 'model:nvme-plp'];
  const { code, stdout, stderr } = await follow(commands[2]!, ...places);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^eager .* yes$/m);
  assert.match(stdout, /^writeback .* yes$/m);
});
