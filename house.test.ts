import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { breaches, importSpecifiers, LAYERS, MAX_LINES, type SourceFile } from './house-rules.ts';

const FOLDERS = ['engine', 'workloads', 'runners', 'results', 'dashboards'];

function sourceFiles(): SourceFile[] {
  const paths = [...FOLDERS.map((folder) => `${folder}/**/*.ts`), '*.ts'].flatMap((pattern) =>
    fs.globSync(pattern, { cwd: import.meta.dirname }),
  );
  return paths.map((path) => ({ path, text: fs.readFileSync(`${import.meta.dirname}/${path}`, 'utf8') }));
}

test('the sources keep the rules of the house', () => {
  const files = sourceFiles();
  for (const folder of FOLDERS) {
    assert.ok(
      files.some(({ path }) => path.startsWith(`${folder}/`)),
      `no file found in ${folder}`,
    );
  }
  // A reader of imports that finds none would pass everything.
  assert.ok(files.flatMap(({ text }) => importSpecifiers(text)).length > files.length);
  assert.deepEqual(breaches(files), []);
});

test('every folder of the engine has its place in the layers', () => {
  const folders = fs
    .readdirSync(`${import.meta.dirname}/engine`, { withFileTypes: true })
    .filter((e) => e.isDirectory());
  for (const { name } of folders) assert.ok(`engine/${name}` in LAYERS, `engine/${name} is in no layer`);
});

/** The breaches of one file with these contents. */
function planted(path: string, ...lines: string[]): string[] {
  return breaches([{ path, text: `${lines.join('\n')}\n` }]);
}

test('a planted import against the layering is found', () => {
  const upwards = "import { openImage } from '../image/qcow2-image.ts';";
  assert.deepEqual(planted('engine/io/x.ts', upwards), ['engine/io/x.ts: may not import engine/image/qcow2-image.ts']);
  assert.equal(planted('engine/cache/x.ts', "import type { Header } from '../format/header.ts';").length, 1);
  assert.equal(planted('engine/check/x.ts', "import { decode } from '../format/l2-entry.ts';").length, 1);
  for (const folder of ['image', 'cache', 'check', 'io', 'format']) {
    const watched = "import { CountingFile } from '../instruments/counting-file.ts';";
    assert.equal(planted(`engine/${folder}/x.ts`, watched).length, 1);
  }
  assert.equal(planted('engine/image/x.ts', "import { run } from '../../runners/run.ts';").length, 1);
  assert.equal(planted('runners/x.ts', "import { openState } from '../engine/image/open.ts';").length, 1);
  assert.equal(planted('runners/x.ts', `const x = await import(${"'../dashboards/report.ts'"});`).length, 1);
  assert.equal(planted('dashboards/x.ts', 'import {', '  install,', "} from '../workloads/install.ts';").length, 1);
  assert.equal(planted('results/x.ts', "export * from '../engine/index.ts';").length, 1);
  assert.equal(planted('workloads/x.ts', "import { Qcow2Error } from '../engine/index.ts';").length, 1);
  assert.equal(planted('engine/image/x.ts', "import { model } from '../testing/model.ts';").length, 1);
});

test('what the layering permits is no breach', () => {
  assert.deepEqual(planted('engine/image/x.ts', "import { TableCache } from '../cache/table-cache.ts';"), []);
  assert.deepEqual(planted('engine/cache/x.test.ts', "import { openImage } from '../image/qcow2-image.ts';"), []);
  assert.deepEqual(planted('runners/bench/x.ts', "import { openFile } from '../../engine/index.ts';"), []);
  assert.deepEqual(planted('workloads/x.ts', "import { KiB } from '../engine/base/units.ts';"), []);
  assert.deepEqual(
    planted('engine/base/x.ts', "// import { x } from '../image/open.ts';", "const a = 'from ../x';"),
    [],
  );
});

test('the file system is reached from its own places only', () => {
  assert.deepEqual(planted('engine/image/x.ts', "import fs from 'node:fs';"), [
    'engine/image/x.ts: may not use node:fs',
  ]);
  assert.equal(planted('engine/io/memory-file.ts', "import { open } from 'fs/promises';").length, 1);
  assert.deepEqual(planted('engine/io/file.ts', "import fs from 'node:fs';"), []);
  assert.deepEqual(planted('engine/image/x.test.ts', "import fs from 'node:fs';"), []);
});

test('folders that import each other, and files that grow too long, are found', () => {
  const ring = breaches([
    { path: 'runners/a/x.ts', text: "import { y } from '../b/y.ts';\n" },
    { path: 'runners/b/y.ts', text: "import { z } from '../c/z.ts';\n" },
    { path: 'runners/c/z.ts', text: "import { x } from '../a/x.ts';\n" },
  ]);
  assert.deepEqual(ring, ['folders import each other in a ring: runners/a -> runners/b -> runners/c -> runners/a']);
  assert.deepEqual(planted('results/x.ts', ...Array(MAX_LINES).fill('//')), []);
  assert.equal(planted('results/x.ts', ...Array(MAX_LINES + 1).fill('//')).length, 1);
});
