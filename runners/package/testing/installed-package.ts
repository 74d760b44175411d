/** The package as a user has it: packed by npm from a copy of this checkout, and unpacked next to the packages that it needs. */
import { execFileSync, spawnSync } from 'node:child_process';
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
  /** The files of the tarball. */
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
  execFileSync('tar', ['xzf', path.join(folder, filename), '-C', root, '--strip-components=1']);
  return {
    project,
    root,
    files: files.map(({ path: place }) => place),
    commit: checkout.git('rev-parse', 'HEAD'),
    checkout,
  };
}

/** npm prints an array; what scripts print comes before it. */
function firstOf(output: string): { filename: string; files: { path: string }[] } {
  return JSON.parse(output.slice(output.search(/^\[/m)))[0];
}

/** The Node versions to try: the one that runs this, the one that the machine has besides, and those of `COWBENCH_NODES`. */
export function nodePrograms(): Map<string, string> {
  const own = (process.env.PATH ?? '').split(path.delimiter).filter((place) => !place.includes('node_modules'));
  const besides = own.map((place) => path.join(place, 'node')).find((place) => fs.existsSync(place));
  const given = (process.env.COWBENCH_NODES ?? '').split(path.delimiter);
  const programs = new Map<string, string>();
  for (const program of [process.execPath, besides ?? '', ...given].filter((word) => word !== '')) {
    const version = spawnSync(program, ['-p', 'process.versions.node.split(".")[0]'], {
      encoding: 'utf8',
    }).stdout.trim();
    if (!programs.has(version)) programs.set(version, program);
  }
  return programs;
}
