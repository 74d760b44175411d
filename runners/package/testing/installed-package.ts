/** The package as a user has it: packed by npm from a copy of this checkout, and unpacked next to the packages that it needs. */
import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import { OwnRepository } from '../../testing/own-repository.ts';
import { linkPackages } from '../linked-project.ts';

const ALSO_PACKED = [
  ...['tsconfig.json', 'tsconfig.package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'],
  path.join('workloads', 'traces'),
];

export interface InstalledPackage {
  /** An empty project that has it. */
  readonly project: string;
  readonly tarball: string;
  /** Its files. */
  readonly files: readonly string[];
  /** Its own folder. */
  readonly root: string;
  /** The commit that it was built from. */
  readonly commit: string;
  /** The copy of the checkout. */
  readonly checkout: OwnRepository;
}

/** Packs below `folder`, which takes a few seconds. Other packages are links to those of this checkout. */
export function installPackage(folder: string): InstalledPackage {
  const checkout = new OwnRepository(folder);
  for (const name of ALSO_PACKED)
    fs.cpSync(path.join(PROJECT_ROOT, name), path.join(checkout.root, name), { recursive: true });
  fs.copyFileSync(path.join(PROJECT_ROOT, '.gitignore'), path.join(checkout.root, '.gitignore'));
  fs.appendFileSync(path.join(checkout.root, '.gitignore'), 'node_modules\n');
  checkout.commit('what a package has besides');
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    ...{ cwd: checkout.root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  });
  const { filename, files } = firstOf(packed);
  const project = path.join(folder, 'project');
  const root = linkPackages(project);
  const tarball = path.join(folder, filename);
  execFileSync('tar', ['xzf', tarball, '-C', root, '--strip-components=1']);
  return {
    project,
    root,
    tarball,
    files: files.map(({ path: place }) => place),
    commit: checkout.git('rev-parse', 'HEAD'),
    checkout,
  };
}

/** npm prints an array; what scripts print comes before it. */
function firstOf(output: string): { filename: string; files: { path: string }[] } {
  return JSON.parse(output.slice(output.search(/^\[/m)))[0];
}

/** The Node of each line that a package promises: the oldest one, where `npm ci --prefix node-versions` brought it, else what is there. */
export function nodePrograms(): Map<string, string | null> {
  const brought = (line: string) => path.join(PROJECT_ROOT, `node-versions/node_modules/node-${line}/bin/node`);
  const besides = systemPath().map((place) => path.join(place, 'node'));
  const candidates = [brought('20'), brought('22'), process.execPath, ...besides].filter((file) => fs.existsSync(file));
  const programs = new Map<string, string | null>(['20', '22', '24'].map((line) => [line, null]));
  for (const program of candidates) {
    const version = spawnSync(program, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' });
    const line = version.stdout.trim();
    if ((programs.get(line) ?? null) === null) programs.set(line, program);
  }
  return programs;
}

/** The folders of programs without those of this checkout, which npm puts first. */
function systemPath(): string[] {
  return (process.env.PATH ?? '').split(path.delimiter).filter((place) => !place.includes('node_modules'));
}

/** Calls programs as a user of that Node does, in `folder`; they have none of what a test run sets. */
export function userOf(
  node: string,
  folder: string,
): (program: string, ...words: string[]) => SpawnSyncReturns<string> {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: _context, ...own } = process.env;
  const variables = Object.entries(own).filter(([name]) => !name.toLowerCase().startsWith('npm_'));
  const searched = [path.dirname(node), ...systemPath()].join(path.delimiter);
  const env = { ...Object.fromEntries(variables), PATH: searched };
  return (program, ...words) => spawnSync(program, words, { cwd: folder, encoding: 'utf8', env });
}
