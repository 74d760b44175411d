/** What `npm pack` gives works as installed: what is in it, its entry points with types, its commands, and the same counts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { RunRecord } from '../../results/record.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { CLI, temporaryFolder } from '../testing/command.ts';
import { type InstalledPackage, installPackage, nodePrograms } from './testing/installed-package.ts';

let folder = '';
let installed: InstalledPackage;
let cli = '';
let checkout: ReturnType<typeof counts> | null = null;
before(() => {
  folder = temporaryFolder();
  installed = installPackage(folder);
  cli = path.join(installed.root, 'dist/runners/cli.js');
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const NODES = nodePrograms();

/** Without what a test run sets: the user has none of it. */
function run(node: string, ...words: string[]) {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: _context, ...env } = process.env;
  return spawnSync(node, words, { cwd: installed.project, encoding: 'utf8', env });
}

/** The exact counters of a small run, by policy; nothing may be said besides. */
function counts(node: string, cli: string, out: string) {
  const words =
    'bench -w install-burst --data 1M --policy writeback,ordered --no-report --device model:nvme-plp --json --quiet';
  const { status, stdout, stderr } = run(
    node,
    cli,
    ...words.split(' '),
    '--dir',
    folder,
    '--out',
    path.join(folder, out),
  );
  assert.deepEqual([status, stderr], [0, '']);
  const { cells, source } = RunRecord.parse(JSON.parse(stdout));
  return { exact: cells.map(({ id, exact }) => [id, exact]), source };
}

test('the package has what is needed and nothing else; the checkout is as it was before', () => {
  const { files, root, checkout: source } = installed;
  for (const file of [
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'dist/runners/cli.js',
    'dist/engine/index.d.ts',
  ])
    assert.ok(files.includes(file), file);
  for (const file of files) assert.doesNotMatch(file, /\.test\.|\/testing\/|(?<!\.d)\.ts$|\.html$/);
  const sources = files.filter((file) => file.endsWith('.js') && !file.includes('page-script'));
  assert.deepEqual(
    sources.filter((file) => !files.includes(`${file}.map`)),
    [],
  );
  assert.ok(fs.readdirSync(path.join(root, 'dist/workloads/traces')).some((file) => file.endsWith('.iolog.gz')));
  const bytes = files.reduce((sum, file) => sum + fs.statSync(path.join(root, file)).size, 0);
  assert.ok(bytes < 10 * 2 ** 20, `${bytes} bytes`);
  assert.equal(source.git('status', '--porcelain'), '');
});

test('every dependency is one that what is built imports, and the other way round', () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(installed.root, 'package.json'), 'utf8'));
  const dist = path.join(installed.root, 'dist');
  const texts = fs.globSync('**/*.js', { cwd: dist }).map((file) => fs.readFileSync(path.join(dist, file), 'utf8'));
  const found = texts.flatMap((text) =>
    [...text.matchAll(/^(?:import|export) (?:.* from )?'([^.'#][^']*)'/gm)].map(([, name]) => name!),
  );
  const packages = [
    ...new Set(found.filter((name) => !name.startsWith('node:')).map((name) => name.replace('/helpers', ''))),
  ];
  const declared = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)];
  // The script of the pages has these two in it; the queue is found where it is installed.
  const unseen = ['vega-interpreter', 'vega-tooltip', 'pg-boss'];
  assert.deepEqual(packages.sort(), declared.filter((name) => !unseen.includes(name)).sort());
});

const USE = `const file = openFile('disk.qcow2', { create: true });
createImage(file, { sizeBytes: 2 ** 30 }); file.close();
const image = openImageFile('disk.qcow2', { onUnlocked: (why) => console.log(why) });
image.write(4096, new Uint8Array(512).fill(7)); image.discard(0, 4096); image.close();`;
const NAMES = "['cowbench', 'cowbench/instruments', 'cowbench/workloads', 'cowbench/results']";

for (const [version, node] of NODES) {
  test(`Node ${version}: import, require, and the same counts as the checkout, without a word besides`, () => {
    const { project, commit } = installed;
    fs.writeFileSync(
      path.join(project, 'use.mjs'),
      `import { createImage, openFile, openImageFile } from 'cowbench';
       ${USE}
       const all = await Promise.all(${NAMES}.map((name) => import(name)));
       console.log(all.map((one) => Object.keys(one).length > 5).join());`,
    );
    fs.writeFileSync(
      path.join(project, 'use.cjs'),
      `const { createImage, openFile, openImageFile } = require('cowbench');
       ${USE}
       console.log(${NAMES}.map((name) => Object.keys(require(name)).length > 5).join());`,
    );
    for (const file of ['use.mjs', 'use.cjs']) {
      const { status, stdout, stderr } = run(node, file);
      assert.deepEqual([status, stdout, stderr], [0, 'true,true,true,true\n', ''], file);
      fs.rmSync(path.join(project, 'disk.qcow2'));
    }
    checkout ??= counts(process.execPath, CLI, 'checkout');
    const there = counts(node, cli, `package-${version}`);
    assert.deepEqual(there.exact, checkout.exact);
    assert.equal(there.source.commit, commit);
  });
}

const [OLDEST, OLDEST_NODE] = [...NODES].sort(([a], [b]) => Number(a) - Number(b))[0]!;

test(`Node ${OLDEST}: threads, processes and pages of the package`, () => {
  const crash = run(OLDEST_NODE, cli, ...'crash --policy writeback --workload allocate --json'.split(' '));
  assert.equal(crash.status, 0, crash.stderr);
  assert.ok(JSON.parse(crash.stdout));
  const fuzz = run(OLDEST_NODE, cli, ...'fuzz --images 20 --seed 1'.split(' '));
  assert.equal(fuzz.status, 0, fuzz.stderr);
  const [record] = fs.globSync(path.join(folder, `package-${OLDEST}/*/*/*.json`));
  const report = run(OLDEST_NODE, cli, 'report', record!, '--out', 'report.html');
  assert.deepEqual([report.status, report.stderr], [0, '']);
  assert.ok(fs.statSync(path.join(installed.project, 'report.html')).size > 300_000);
});

test('what needs a checkout, or a package that is left out, is refused in one line', () => {
  for (const [words, line] of [
    ['compare HEAD~1 HEAD', /^cowbench: commits of cowbench are measured in a checkout .*\n$/],
    ['trend HEAD~1..HEAD', /^cowbench: commits of cowbench are measured in a checkout .*\n$/],
    ['gate', /^cowbench: no baseline: .*results\/baseline\.json" is neither a file nor .*\n$/],
    [
      'doctor -w install-burst',
      /^cowbench: doctor needs the package @clinic\/doctor; npm install @clinic\/doctor brings it\n$/,
    ],
    [
      'fleet --store postgres:///none',
      /^cowbench: a queue of jobs needs the package pg-boss \(Node 22\.12 or newer\); npm install pg-boss brings it\n$/,
    ],
  ] as const) {
    const { status, stderr } = run(process.execPath, cli, ...words.split(' '));
    assert.match(stderr, line);
    assert.ok(status === 2 || status === 3, words);
  }
});

test('types: a strict TypeScript program uses every entry point; a wrong call does not compile', () => {
  const file = path.join(installed.project, 'use.ts');
  fs.writeFileSync(
    file,
    `import { openImageFile, type PolicyPreset, type Qcow2Image } from 'cowbench';
     import { CountingFile } from 'cowbench/instruments';
     import { readRecord, type RunRecord } from 'cowbench/results';
     import { countParameter, defineWorkload, type Workload } from 'cowbench/workloads';
     const image: Qcow2Image = openImageFile('disk.qcow2', { policy: 'writeback' });
     // @ts-expect-error: an offset is a number
     image.write('4096', new Uint8Array(1));
     const record: RunRecord = readRecord('run.json');
     export const syncs: number = record.cells[0]!.exact!.fsyncs;
     export { CountingFile, countParameter, defineWorkload, type PolicyPreset, type Workload };`,
  );
  const words = [
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    'node',
    '--noEmit',
    '--ignoreConfig',
    file,
  ];
  const { status, stdout } = run(
    process.execPath,
    path.join(PROJECT_ROOT, 'node_modules/typescript/bin/tsc'),
    ...words,
  );
  assert.deepEqual([status, stdout], [0, '']);
});
