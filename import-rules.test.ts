import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { breaches, LAYERS, layerOf } from './import-rules.ts';
import { importsOf, isTestCode, sourceFiles, TOP_FOLDERS } from './source-files.ts';

test('the sources keep the import rules', () => {
  const files = sourceFiles();
  for (const folder of TOP_FOLDERS) {
    assert.ok(
      files.some(({ path }) => path.startsWith(`${folder}/`)),
      `no file found in ${folder}`,
    );
  }
  // A reader of imports that finds none would pass everything.
  assert.ok(files.flatMap(importsOf).length > files.length);
  assert.deepEqual(breaches(files), []);
});

test('every folder has a row, every row is a folder, and no row names one that follows it', () => {
  const rows = Object.keys(LAYERS);
  const folders = new Set(sourceFiles().flatMap(({ path }) => (isTestCode(path) ? [] : [layerOf(path)])));
  assert.deepEqual([...folders].sort(), [...rows].sort());
  for (const [folder, places] of Object.entries(LAYERS)) {
    for (const place of places) {
      const row = place.endsWith('.ts') ? layerOf(place) : place;
      assert.ok(rows.indexOf(row) >= 0, `${folder} may import ${place}, which is not there`);
      assert.ok(rows.indexOf(row) < rows.indexOf(folder), `${folder} may import ${place}, which lies above it`);
      assert.ok(fs.existsSync(`${import.meta.dirname}/${place}`), `${folder} may import ${place}, which is not there`);
    }
  }
});

test('every import that a row permits is one that the folder makes', () => {
  const files = sourceFiles().filter(({ path }) => !isTestCode(path));
  const idle = Object.entries(LAYERS).flatMap(([folder, places]) => {
    const imports = files.filter(({ path }) => layerOf(path) === folder).flatMap(importsOf);
    const targets = new Set(imports.flatMap(({ target, isFile }) => (isFile ? [target, layerOf(target)] : [])));
    return places.filter((place) => !targets.has(place)).map((place) => `${folder}: ${place}`);
  });
  assert.deepEqual(idle, []);
});

const read = (file: string) => fs.readFileSync(`${import.meta.dirname}/${file}`, 'utf8');

test('the tables of ARCHITECTURE are the rows of the rules, in their order', () => {
  const cells = [...read('docs/ARCHITECTURE.md').matchAll(/^\| (`[^|]*`) \|/gm)].map(([, cell]) => cell!);
  const places = cells.flatMap((cell) => [...cell.matchAll(/`([^`]*)`/g)].map(([, place]) => place!));
  assert.deepEqual(
    places.map((place) => (place.endsWith('.ts') ? layerOf(place) : place)),
    Object.keys(LAYERS),
  );
});

test('what documents name is there', () => {
  const documents = ['README.md', ...fs.globSync('docs/**/*.md', { cwd: import.meta.dirname })];
  const places = documents.flatMap((document) =>
    [...read(document).matchAll(/`((?:engine|workloads|results|dashboards|runners|docs)\/[\w./-]+)`/g)].map(
      ([, place]) => `${document}: ${place}`,
    ),
  );
  assert.ok(places.length > 50);
  const isMissing = (place: string) => !fs.existsSync(`${import.meta.dirname}/${place.split(': ')[1]}`);
  // Runs are kept there, and never committed.
  const isRun = (place: string) => place.includes(': results/runs');
  const missing = places.filter((place) => !place.includes('NAME') && !isRun(place) && isMissing(place));
  assert.deepEqual(missing, []);
});

test('the documents, the linter and the rules name the same limits', () => {
  const { complexity, style, suspicious } = JSON.parse(read('biome.json')).linter.rules;
  const { maxLines: linesOfFile } = style.noExcessiveLinesPerFile.options;
  const { maxLines: linesOfFunction } = complexity.noExcessiveLinesPerFunction.options;
  assert.match(
    read('docs/HACKING.md'),
    new RegExp(`Files up to ${linesOfFile} lines, functions up to ${linesOfFunction}`),
  );
  assert.deepEqual(suspicious.noImportCycles, { level: 'error', options: { ignoreTypes: false } });
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
  assert.equal(planted('runners/x.ts', "import { openParts } from '../engine/image/open.ts';").length, 1);
  assert.equal(planted('runners/x.ts', `const x = await import(${"'../dashboards/report.ts'"});`).length, 1);
  assert.equal(planted('dashboards/x.ts', 'import {', '  install,', "} from '../workloads/install.ts';").length, 1);
  assert.equal(planted('results/x.ts', "export * from '../engine/index.ts';").length, 1);
  assert.equal(planted('workloads/x.ts', "import { Qcow2Error } from '../engine/index.ts';").length, 1);
  assert.equal(planted('engine/image/x.ts', "import { model } from '../testing/model.ts';").length, 1);
});

test('what the layering permits is no breach', () => {
  assert.deepEqual(planted('engine/image/x.ts', "import { TableCache } from '../cache/table-cache.ts';"), []);
  assert.deepEqual(planted('engine/cache/x.test.ts', "import { openImage } from '../image/qcow2-image.ts';"), []);
  assert.deepEqual(planted('runners/ops/x.ts', "import { openFile } from '../../engine/index.ts';"), []);
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

test('parents, children and neighbours are told apart', () => {
  assert.equal(planted('dashboards/page/x.ts', "import { start } from './browser/main.ts';").length, 1);
  assert.equal(planted('dashboards/history/x.ts', "import { page } from './page/report.ts';").length, 1);
  assert.equal(planted('runners/safety/states/x.ts', "import { judge } from '../judge/state-judge.ts';").length, 1);
  assert.equal(planted('runners/console/x.ts', "import { probe } from '../machine/probe.ts';").length, 1);
  assert.deepEqual(planted('dashboards/page/browser/x.ts', "import { palette } from '../../charts/palette.ts';"), []);
  assert.deepEqual(planted('runners/elsewhere/x.ts', "import { y } from '../console/errors.ts';").length, 1);
});

test('network, threads and processes are reached from their own places only', () => {
  assert.equal(planted('runners/qemu/x.ts', "import net from 'node:net';").length, 1);
  assert.equal(planted('runners/sample/x.ts', "import { Worker } from 'node:worker_threads';").length, 1);
  assert.equal(planted('engine/io/file.ts', "import { spawn } from 'node:child_process';").length, 1);
  const thread = "import { parentPort } from 'node:worker_threads';";
  assert.deepEqual(planted('runners/safety/explore/exploration-worker.ts', thread), []);
});
