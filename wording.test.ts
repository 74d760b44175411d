import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { isTestCode, sourceFiles } from './source-files.ts';
import { passagesOf } from './source-text.ts';
import { stumblesIn, stumblesInPage, stumblesInSource, UNWANTED } from './wording.ts';

const PAGES = ['README.md', 'docs/*.md', 'docs/decisions/*.md', 'workloads/traces/README.md'];

test('pages, help, messages, charts and comments use the words of the field', () => {
  const root = import.meta.dirname;
  const pages = PAGES.flatMap((pattern) => fs.globSync(pattern, { cwd: root }));
  assert.ok(pages.length > 15);
  assert.deepEqual(
    pages.flatMap((path) => stumblesInPage(path, fs.readFileSync(`${root}/${path}`, 'utf8'))),
    [],
  );
  const sources = sourceFiles().filter(({ path }) => !isTestCode(path));
  assert.ok(sources.length > 300);
  assert.deepEqual(
    sources.flatMap(({ path, text }) => stumblesInSource(path, text, ['text', 'comment'])),
    [],
  );
});

test('each unwanted word is found, and what resembles one is not', () => {
  const said = [
    'behind the end',
    'middle of 3 rounds',
    'mended',
    'gone for good',
    'made again',
    'so many times',
    'goes on',
  ];
  said.push('let go of', 'struck', 'hunted', 'a patient', 'the only door', 'as told', 'dearer', 'beyond doubt');
  said.push('made ready', 'a taste of it', 'turn the picture around');
  for (const words of said) assert.equal(stumblesIn('x', words).length, 1, words);
  assert.equal(said.length, UNWANTED.length);
  for (const words of [
    'nothing is left behind',
    'amended',
    'in the middle of a write',
    'so long as',
    'the noise floor',
  ])
    assert.deepEqual(stumblesIn('x', words), [], words);
});

test('texts, comments and code are distinguished', () => {
  const source = [
    "const a = 'it\\'s told'; // one told",
    '/* two */ const b = `x $' + '{c / 2 + `in $' + '{d}`} y`;',
    "const r = /['\"`]/.test('z z'); /** three */",
  ].join('\n');
  const shown = passagesOf(source).map(({ kind, line, words }) => `${line} ${kind} ${words.trim()}`);
  assert.deepEqual(shown.sort(), [
    '1 comment one told',
    "1 text it\\'s told",
    '2 comment two',
    '2 text ',
    '2 text in',
    '2 text x',
    '2 text y',
    '3 comment * three',
    '3 text z z',
  ]);
  assert.equal(stumblesInSource('x.ts', source, ['text', 'comment']).length, 2);
  assert.equal(stumblesInSource('x.ts', source, ['text']).length, 1);
});
