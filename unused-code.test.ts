import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { sourceFiles } from './source-files.ts';
import { unusedExports, unusedFiles } from './unused-code.ts';

const COMMANDS = ['package.json', 'tsconfig.package.json', ...fs.globSync('docs/*.md', { cwd: import.meta.dirname })];

test('the program uses every file and every export', () => {
  const commands = COMMANDS.map((file) => fs.readFileSync(`${import.meta.dirname}/${file}`, 'utf8'));
  const unused = [...unusedFiles(sourceFiles(), commands), ...unusedExports(sourceFiles())];
  assert.deepEqual(unused, []);
});

const file = (path: string, ...lines: string[]) => ({ path, text: `${lines.join('\n')}\n` });

test('a file that only a test imports, or nothing, is found; a command and a thread are users', () => {
  const files = [
    file('results/used.ts', "import { a } from './leaf.ts';"),
    file('results/leaf.ts', 'export const a = 1;'),
    file('results/idle.ts', 'export const b = 1;'),
    file('results/idle.test.ts', "import { b } from './idle.ts';"),
    file('results/pool.ts', "new Worker(new URL('./thread.ts', import.meta.url));"),
    file('results/thread.ts', ''),
    file('results/testing/helper.ts', 'export const c = 1;'),
    file('results/testing/forgotten.ts', 'export const d = 1;'),
    file('results/x.test.ts', "import { c } from './testing/helper.ts';"),
  ];
  const commands = ['{ "start": "node results/used.ts", "exports": "./results/pool.ts" }'];
  assert.deepEqual(unusedFiles(files, commands), ['results/idle.ts', 'results/testing/forgotten.ts']);
});

test('an export that only a test uses, nobody uses, or its own file alone, is found', () => {
  const files = [
    file(
      'results/a.ts',
      ...['export const taken = 1;', 'export function testedOnly() {}', 'export class Idle {}'],
      ...['export const own = 1;', '// own', 'export const innerTested = own;', 'export const outer = innerTested;'],
      ...['export interface Shape {}', 'export const shaped: Shape = {};', 'export type Alone = 1; // Alone'],
      ...['export const named = { join };', 'export function join() {}', "[].join('');"],
    ),
    file('results/a.test.ts', "import { innerTested, testedOnly } from './a.ts';"),
    file('results/b.ts', "import { type shaped, taken as mine } from './a.ts';"),
    file('results/c.ts', "const { outer: theirs } = await import('./a.ts');"),
    file('results/d.ts', "export { join } from './a.ts';"),
    file('results/testing/e.ts', 'export const f = 1;', 'export const g = 1;'),
    file('results/e.test.ts', "import { f } from './testing/e.ts';"),
  ];
  const names = ['a.ts: testedOnly', 'a.ts: Idle', 'a.ts: own', 'a.ts: Alone', 'a.ts: named', 'testing/e.ts: g'];
  assert.deepEqual(
    unusedExports(files),
    names.map((name) => `results/${name}`),
  );
  assert.deepEqual(unusedExports([...files, file('results/all.ts', "export * from './a.ts';")]), [
    'results/testing/e.ts: g',
  ]);
});
