import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { cowbench, type Finished, startCowbench, temporaryFolder } from '../testing/command.ts';
import { runCommand } from './command-line.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const page = () => path.join(folder, 'safety.md');
const parts = () => `${page()}.parts.tmp`;

function finishedParts(): string[] {
  return fs.existsSync(parts()) ? fs.readFileSync(parts(), 'utf8').trimEnd().split('\n').slice(1) : [];
}

/** Interrupts the work of minutes when `isTime`. */
async function interruptedWhen(isTime: () => boolean, length = '1'): Promise<Finished> {
  const words = ['safety', '--length', length, '--cluster-size', '512', '--mutants', 'none', '--no-qemu-peer'];
  const { process: child, finished } = startCowbench([...words, '--out', page()]);
  let ended = false;
  finished.finally(() => {
    ended = true;
  });
  while (!ended && !isTime()) await setTimeout(10);
  child.kill('SIGINT');
  return finished;
}

test('Ctrl-C keeps finished parts; the same work resumes from there, other work starts over', async () => {
  const first = await interruptedWhen(() => finishedParts().length >= 4);
  assert.equal(first.code, 130, first.stderr);
  const kept = finishedParts();
  assert.ok(kept.length >= 4);
  const [cost, ...rest] = first.stderr.split('\n');
  assert.match(cost!, /^expected: about \d+ (?:s|min) \(\d+ parts, .*\); up to \d+ MiB in /);
  assert.equal(rest.join('\n'), `interrupted; ${kept.length} parts are kept; the same command resumes from there\n`);

  const second = await interruptedWhen(() => finishedParts().length >= kept.length + 4);
  assert.match(second.stderr, new RegExp(`^resuming: ${kept.length} parts are finished\n`));
  const more = finishedParts();
  assert.ok(more.length >= kept.length + 4);
  assert.deepEqual(more.slice(0, kept.length), kept);
  const names = more.map((line) => JSON.parse(line)[0]);
  assert.equal(new Set(names).size, names.length, 'nothing is done twice');

  const other = await interruptedWhen(() => [1, 2, 3].includes(finishedParts().length), '2');
  assert.match(other.stderr, /^interrupted; \d+ parts are kept/m);
  assert.equal(fs.existsSync(page()), false, 'no page of a part of the work');
});

test('a page that cannot be written is refused before the work', async () => {
  const missing = path.join(folder, 'missing/safety.md');
  const { code, stderr } = await cowbench('safety', '--out', missing);
  assert.deepEqual([code, stderr], [2, `cowbench: --out ${missing}: cannot be written\n`]);
});

test('a word that is none of the choices is refused', async () => {
  const { code, stderr } = await cowbench('safety', '--mutants', 'nmaed', '--out', page());
  assert.deepEqual([code, stderr], [2, 'cowbench: --mutants "nmaed": expected none, named or all\n']);
});

/** The one line that `safety WORDS` is refused with, without the folder. */
async function refusal(...words: string[]): Promise<string> {
  const error = await runCommand(['safety', '--out', path.join(folder, 'out'), ...words]).then(
    () => null,
    (reason: Error) => reason,
  );
  return error?.message.replaceAll(`${folder}/`, '') ?? '';
}

test('shards that make no sense are refused; one part of many is no page', async () => {
  const part = path.join(folder, 'part.json');
  assert.equal(await refusal('--shard', '3/2'), '--shard "3/2": shards of 2 are numbered from 1/2 to 2/2');
  assert.equal(await refusal('--shard', '1/2', '--merge', part), '--shard and --merge cannot be combined');
  assert.equal(
    await refusal('--merge', part, '--length', '3'),
    '--merge takes the plan from its files: leave out --length',
  );
  assert.equal(await refusal('--merge', part), 'cannot read part.json: no such file or directory');
  await assert.rejects(runCommand(['safety', '--shard', '1/2']), {
    message: '--shard needs --out: the file that takes the result',
  });
  const plan = ['--policy', 'ordered', '--length', '1', '--cluster-size', '512', '--mutants', 'none'];
  const words = [...plan, '--states', '2', '--qemu-states', '0', '--no-qemu-peer', '--quiet'];
  await runCommand(['safety', ...words, '--shard', '5/60', '--out', part]);
  assert.equal(fs.existsSync(`${part}.parts.tmp`), false);
  assert.match(await refusal('--merge', part), /^--merge: shards 1, 2, 3, 4, 6, .*… of 60 are missing$/);
});
