/** What `npm pack` gives works as installed: what is in it, its entry points with types, its commands, and the same counts. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { transformSync } from 'esbuild';
import { RunRecord } from '../../results/record.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { CLI, temporaryFolder } from '../testing/command.ts';
import { type InstalledPackage, installPackage, nodePrograms, userOf } from './testing/installed-package.ts';

let folder = '';
let installed: InstalledPackage;
let cli = '';
let checkout: ReturnType<typeof countsIn> | null = null;
before(() => {
  folder = temporaryFolder();
  installed = installPackage(folder);
  cli = path.join(installed.root, 'dist/runners/cli.js');
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const NODES = nodePrograms();

const [OLDEST, OLDEST_NODE] = [...NODES].find((pair): pair is [string, string] => pair[1] !== null)!;

/** What npm and Node say where something is wrong, and nothing else does. */
const WARNING = /warn|deprecat|EBADENGINE|experimental|npm (?:err|error)/i;
const SMALL_BENCH = 'bench -w install-burst --data 1M --policy writeback,ordered --no-report --device model:nvme-plp';

/** The exact counters of a small run, by policy. */
function countsIn(json: string) {
  const { cells, source } = RunRecord.parse(JSON.parse(json));
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
const USES = {
  'use.mjs': `import { createImage, openFile, openImageFile } from 'cowbench';
    ${USE}
    const all = await Promise.all(${NAMES}.map((name) => import(name)));
    console.log(all.map((one) => Object.keys(one).length > 5).join());`,
  'use.cjs': `const { createImage, openFile, openImageFile } = require('cowbench');
    ${USE}
    console.log(${NAMES}.map((name) => Object.keys(require(name)).length > 5).join());`,
};

const STRICT_PROGRAM = `import { openImageFile, type PolicyPreset, type Qcow2Image } from 'cowbench';
  import { CountingFile } from 'cowbench/instruments';
  import { readRecord, type RunRecord } from 'cowbench/results';
  import { countParameter, defineWorkload, type Workload } from 'cowbench/workloads';
  const image: Qcow2Image = openImageFile('disk.qcow2', { policy: 'writeback' });
  // @ts-expect-error: an offset is a number
  image.write('4096', new Uint8Array(1));
  const record: RunRecord = readRecord('run.json');
  export const syncs: number = record.cells[0]!.exact!.fsyncs;
  export { CountingFile, countParameter, defineWorkload, type PolicyPreset, type Workload };`;
/** The declarations of Node are a user's, too. */
const COMPILE = [
  path.join(PROJECT_ROOT, 'node_modules/typescript/bin/tsc'),
  ...'--strict --module nodenext --target es2022 --types node --noEmit --ignoreConfig --typeRoots'.split(' '),
  path.join(PROJECT_ROOT, 'node_modules/@types'),
];

/** A policy in plain JavaScript, with no package.json that says what it is, and in TypeScript: loaded, or one line that says why not. */
function usePlugins(line: string, project: string, call: ReturnType<typeof userOf>): void {
  const text = fs.readFileSync(path.join(PROJECT_ROOT, 'examples/eager-policy.ts'), 'utf8');
  fs.writeFileSync(path.join(project, 'eager.js'), transformSync(text, { loader: 'ts' }).code);
  fs.writeFileSync(path.join(project, 'eager.ts'), text);
  const inCheckout = /^cowbench: commits of cowbench are measured in a checkout .*\n$/;
  const tooOld = /^cowbench: --policy .*eager\.ts: TypeScript needs Node 22\.18 or newer, .*: compile it to \.mjs\n$/;
  const use = (words: string, file: string) =>
    call('node', 'node_modules/.bin/cowbench', ...words.split(' '), '--policy', file);
  for (const [file, isLoaded] of [
    ['./eager.js', true],
    ['./eager.ts', line === '24'],
  ] as const) {
    const crash = use('crash --workload allocate --json', file);
    if (isLoaded) assert.equal(JSON.parse(crash.stdout)[0].name, 'eager', crash.stderr);
    assert.match(crash.stderr, isLoaded ? /^(?![\s\S]*warn)/i : tooOld);
    if (line !== OLDEST) continue;
    for (const words of ['compare HEAD~1 HEAD', 'trend HEAD~1..HEAD']) {
      const { status, stderr } = use(words, file);
      assert.equal(status, 2);
      assert.match(stderr, isLoaded ? inCheckout : tooOld);
    }
  }
}

for (const [line, node] of NODES) {
  const skip =
    node === null && !process.env.CI && `NOT TESTED: needs Node ${line}; npm ci --prefix node-versions brings it`;
  test(`Node ${line}: npm i in an empty folder, npx, import, require and strict types, without a warning; counts as in the checkout`, {
    skip,
  }, () => {
    assert.ok(node, `there is no Node ${line}: npm ci --prefix node-versions`);
    const project = path.join(folder, `empty-${line}`);
    fs.mkdirSync(project);
    const call = userOf(node, project);
    const quietly = (program: string, ...words: string[]) => {
      const { status, stdout, stderr } = call(program, ...words);
      assert.equal(status, 0, stdout + stderr);
      assert.doesNotMatch(stderr, WARNING);
      return stdout;
    };
    assert.match(quietly('node', '--version'), new RegExp(`^v${line}\\.`));
    assert.doesNotMatch(quietly('npm', 'i', '--prefer-offline', installed.tarball), WARNING);
    const dirs = ['--dir', project, '--out', path.join(folder, `package-${line}`)];
    const there = countsIn(quietly('npx', 'cowbench', ...SMALL_BENCH.split(' '), ...dirs, '--json'));
    checkout ??= countsIn(
      userOf(process.execPath, folder)('node', CLI, ...SMALL_BENCH.split(' '), ...dirs.slice(0, 3), folder, '--json')
        .stdout,
    );
    assert.deepEqual(there.exact, checkout.exact);
    assert.equal(there.source.commit, installed.commit);
    for (const [file, text] of Object.entries(USES)) {
      fs.writeFileSync(path.join(project, file), text);
      assert.equal(quietly('node', file), 'true,true,true,true\n', file);
      fs.rmSync(path.join(project, 'disk.qcow2'));
    }
    fs.writeFileSync(path.join(project, 'use.ts'), STRICT_PROGRAM);
    assert.equal(quietly('node', ...COMPILE, 'use.ts'), '');
    usePlugins(line, project, call);
  });
}

const run = (node: string, ...words: string[]) => userOf(node, installed.project)(node, ...words);

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
