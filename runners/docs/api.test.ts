/** The API reference: nothing that is exported is missing in it, and nothing is without a doc comment. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { temporaryFolder } from '../testing/command.ts';
import { apiPages } from './api-pages.ts';
import { apiSymbols, ENTRY_POINTS } from './api-symbols.ts';

const folder = temporaryFolder();
after(() => fs.rmSync(folder, { recursive: true }));

const symbols = apiSymbols();

/** Read in another way: what can be imported, and the names that the file lists, types among them. */
async function exportedBy(file: string): Promise<string[]> {
  const place = path.join(PROJECT_ROOT, file);
  const lists = fs.readFileSync(place, 'utf8').matchAll(/^export (?:type )?\{([^}]*)\}/gm);
  const names = [...lists].flatMap(([, list]) => list!.split(',').map((name) => name.trim().replace(/^type /, '')));
  return [...new Set([...Object.keys(await import(place)), ...names.filter((name) => name !== '')])];
}

test('every export of every entry point is in the reference, once', async () => {
  const pages = apiPages(symbols);
  const headings = pages.flatMap(({ text }) => [...text.matchAll(/^### (.*)$/gm)].map(([, name]) => name!));
  const exported = (await Promise.all(Object.values(ENTRY_POINTS).map(exportedBy))).flat();
  assert.ok(exported.length > 150);
  assert.deepEqual(headings.sort(), [...new Set(exported)].sort());
  const manifest = JSON.parse(fs.readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8'));
  assert.deepEqual(
    Object.values(manifest.exports),
    Object.values(ENTRY_POINTS).map((file) => `./${file}`),
  );
});

test('every export has a doc comment of its own', () => {
  assert.deepEqual(
    symbols.filter(({ doc }) => doc === '').map(({ file, name }) => `${file}: ${name}`),
    [],
  );
});

test('what has no doc comment is noticed; private members, bodies and initial values are not shown', () => {
  const source = [
    ...['/** About the file. */', '', 'export const plain = compute();', '/** A box. */', 'export class Box {'],
    ...['  readonly size = 3;', '  #secret = 1;', '  private hidden = 2;'],
    ...[
      '  /** Opens it, see {@link plain} and {@link Lid}. */',
      "  open(by: string): boolean { return by === ''; }",
      '}',
    ],
  ].join('\n');
  fs.writeFileSync(path.join(folder, 'index.ts'), source);
  const [box, plain] = apiSymbols(folder, { cowbench: 'index.ts' });
  assert.deepEqual([plain!.doc, plain!.signature], ['', 'const plain']);
  assert.deepEqual([box!.doc, box!.signature], ['A box.', 'class Box']);
  assert.deepEqual(
    box!.members.map(({ signature }) => signature),
    ['readonly size = 3', 'open(by: string): boolean'],
  );
  const [page] = apiPages([box!, plain!]);
  assert.match(page!.text, /Opens it, see \[`plain`\]\(#plain\) and `Lid`\./);
});
