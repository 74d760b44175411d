/** Files of shards: any of them may be missing, double, of other work, cut off or hostile. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { z } from 'zod';
import { checkedValue, type MergeRules, mergePartFiles, requireKnownProgram, writePartFile } from './part-file.ts';
import { shareOf } from './shard.ts';

const program = { version: '1.0.0', commit: 'a'.repeat(40), dirty: false };
const Plan = z.strictObject({ length: z.int(), words: z.array(z.string()) });
const plan = { length: 2, words: ['x'] };
const NAMES = ['one', 'two', 'three', 'four', 'five'];
const RULES: MergeRules<z.infer<typeof Plan>> = {
  kind: 'safety',
  program,
  plan: Plan,
  shareOf: (_, shard) => shareOf(NAMES, shard),
};

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

interface Changes {
  readonly kind?: string;
  readonly program?: Parameters<typeof requireKnownProgram>[0];
  readonly plan?: unknown;
  readonly count?: number;
  readonly names?: readonly string[];
}

/** The file of shard `index` of 3, called `name`. */
function part(index: number, name = `${index}.json`, changes: Changes = {}): string {
  const file = path.join(folder, name);
  const shard = { index, count: changes.count ?? 3 };
  const names = changes.names ?? [...shareOf(NAMES, shard)];
  const head = { kind: 'safety', program, plan, ...changes };
  writePartFile(file, shard, head, new Map(names.map((one) => [one, { of: one }])));
  return file;
}

/** The one line that merging `files` is refused with, without the folder. */
function refusal(files: readonly string[], rules = RULES): string {
  let message = '';
  const isLine = (error: Error) => {
    message = error.message.replaceAll(`${folder}/`, '');
    return ['UsageError', 'RecordError'].includes(error.name) && !message.includes('\n');
  };
  assert.throws(() => mergePartFiles(files, rules), isLine);
  return message;
}

test('all shards, in any order, give all parts', () => {
  const merged = mergePartFiles([part(3), part(1), part(2)], RULES);
  assert.deepEqual(merged.plan, plan);
  assert.deepEqual([...merged.parts.keys()].sort(), NAMES.toSorted());
  assert.deepEqual(merged.parts.get('four'), { of: 'four' });
});

test('what is missing or double is named', () => {
  assert.equal(refusal([]), '--merge: name the files of all shards');
  assert.equal(refusal([part(1), part(3)]), '--merge: shard 2 of 3 is missing');
  assert.equal(refusal([part(2)]), '--merge: shards 1, 3 of 3 are missing');
  assert.equal(refusal([part(1), part(2), part(1, 'again.json'), part(3)]), 'again.json and 1.json are both shard 1/3');
  const [first, ...others] = [...shareOf(NAMES, { index: 1, count: 3 })];
  const less = part(1, 'less.json', { names: others });
  assert.equal(refusal([less, part(2), part(3)]), `less.json: part "${first}" is missing`);
  const foreign = part(1, 'more.json', { names: [first!, ...others, 'six\u001b[31m'] });
  assert.equal(refusal([foreign, part(2), part(3)]), 'more.json: "six [31m" is not a part of it, or is there twice');
  const twice = part(1, 'twice.json', { names: [first!, ...others, first!] });
  fs.writeFileSync(twice, fs.readFileSync(part(1), 'utf8').replace('"parts":[', `"parts":[["${first}",1],`));
  assert.equal(refusal([twice, part(2), part(3)]), `twice.json: "${first}" is not a part of it, or is there twice`);
});

test('parts of other plans, splits, commits and commands are refused, each with both sides', () => {
  const other = part(2, 'other.json', { plan: { ...plan, length: 3 } });
  assert.equal(refusal([part(1), other, part(3)]), 'other.json and 1.json are of different plans: length is 3 and 2');
  const split = part(2, 'split.json', { count: 4 });
  assert.equal(refusal([part(1), split]), 'split.json and 1.json are of different splits: 4 and 3 shards');
  const commit = part(2, 'commit.json', { program: { ...program, commit: 'b'.repeat(40) } });
  assert.equal(
    refusal([part(1), commit]),
    'commit.json and 1.json were made by different programs: commit bbbbbbbbbbbb and commit aaaaaaaaaaaa',
  );
  const changed = { ...program, dirty: true, changes: '0123' };
  assert.equal(
    refusal([part(1), part(2), part(3)], { ...RULES, program: changed }),
    '1.json was made by commit aaaaaaaaaaaa, and this is commit aaaaaaaaaaaa with changes 0123: merge with the same',
  );
  assert.equal(refusal([part(1, 'fuzz.json', { kind: 'fuzz' })]), 'fuzz.json: a part of fuzz, not of safety');
  const bad = [1, 2, 3].map((index) => part(index, `bad-${index}.json`, { plan: { length: 'x' } }));
  assert.match(refusal(bad), /^bad-1\.json: plan: length: /);
});

test('what is no part file is refused, whatever it is', () => {
  assert.equal(refusal([path.join(folder, 'none.json')]), 'cannot read none.json: no such file or directory');
  assert.equal(refusal([folder]), `${folder}: not a regular file`);
  const file = part(1);
  const text = fs.readFileSync(file, 'utf8');
  for (let end = 0; end < text.length - 1; end += 7) {
    fs.writeFileSync(file, text.slice(0, end));
    assert.equal(refusal([file]), '1.json: not the file of a shard: not a JSON document');
  }
  for (const document of ['null', '[]', '{}', '"x"', text.replace('"index":1', '"index":0')]) {
    fs.writeFileSync(file, document);
    assert.match(refusal([file]), /^1\.json: not the file of a shard: \S/);
  }
});

test('a value is what its schema says, or its part is named', () => {
  assert.equal(checkedValue('one', 3, z.int()), 3);
  const message = /^--merge: part "one": states: /;
  assert.throws(() => checkedValue('one', { states: '3' }, z.object({ states: z.int() })), {
    name: 'UsageError',
    message,
  });
});

test('a program that is not known makes no part', () => {
  assert.doesNotThrow(() => requireKnownProgram(program));
  const unknown = { ...program, commit: null, problem: 'git says: dubious ownership' };
  assert.throws(() => requireKnownProgram(unknown), { name: 'UsageError', message: /git says: dubious ownership$/ });
});
