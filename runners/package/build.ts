/**
 * Builds the installed form of the program in `dist`: the same modules as JavaScript, with types and source maps, in the same
 * folders, and the files that they read. What is built is what the entry points of `tsconfig.package.json` reach, nothing else.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BUILT_SCRIPT, pageScript } from '../../dashboards/page/bundle.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { describeSource } from '../machine/source.ts';
import { builtManifest, KOFFI_LOADER } from './manifest.ts';

/** Files that modules read at run time, by patterns from the root. */
const DATA = [
  'workloads/traces/*.gz',
  'workloads/traces/*.json',
  'dashboards/page/*.css',
  'dashboards/history/page/*.css',
];
/** Not a module of the package: bundled into the pages' script. */
const PAGE_SCRIPT = 'dashboards/page/browser/main';
const FILL_NODE_20 = 'runners/package/fill-node-20.js';
const NOT_IN_NODE_20 = /\b(?:Map\.groupBy|Promise\.withResolvers|process\.threadCpuUsage)\b/;
/** The package that calls the C library; its licence asks that it be named where it is copied. */
export const KOFFI = path.join(PROJECT_ROOT, 'node_modules/koffi');
const ENTRY_TYPES = ['engine', 'engine/instruments', 'workloads', 'results'].map((folder) => `${folder}/index.d.ts`);

/** What is built. */
export const DIST = path.join(PROJECT_ROOT, 'dist');

export async function buildPackage(): Promise<void> {
  fs.rmSync(DIST, { recursive: true, force: true });
  execFileSync(process.execPath, [compiler(), '-p', 'tsconfig.package.json'], { cwd: PROJECT_ROOT, stdio: 'inherit' });
  for (const file of filesOf('.js')) finishModule(file);
  const needed = typesReached();
  for (const file of filesOf('.d.ts')) if (!needed.has(file)) fs.rmSync(path.join(DIST, file));
  for (const file of DATA.flatMap((pattern) => fs.globSync(pattern, { cwd: PROJECT_ROOT }))) {
    fs.mkdirSync(path.dirname(path.join(DIST, file)), { recursive: true });
    fs.copyFileSync(path.join(PROJECT_ROOT, file), path.join(DIST, file));
  }
  const loader = path.join(DIST, KOFFI_LOADER);
  fs.mkdirSync(path.dirname(loader), { recursive: true });
  fs.copyFileSync(path.join(KOFFI, 'src/koffi/indirect.cjs'), loader);
  fs.copyFileSync(path.join(KOFFI, 'LICENSE.txt'), path.join(path.dirname(loader), 'LICENSE.txt'));
  fs.writeFileSync(path.join(DIST, 'dashboards/page', BUILT_SCRIPT), await pageScript());
  const manifest = builtManifest(fs.readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8'), describeSource());
  fs.writeFileSync(path.join(DIST, 'package.json'), manifest);
}

function compiler(): string {
  const place = path.join(PROJECT_ROOT, 'node_modules/typescript/bin/tsc');
  if (!fs.existsSync(place)) throw new Error('typescript is not installed: run npm ci first');
  return place;
}

function filesOf(ending: string): string[] {
  return fs.globSync(`**/*${ending}`, { cwd: DIST });
}

/** Threads and processes are started by names of files, which the compiler leaves as they are; the lengths stay, and so do source maps. */
function finishModule(file: string): void {
  const place = path.join(DIST, file);
  const text = fs.readFileSync(place, 'utf8').replaceAll(/(['"])([\w./-]+)\.ts\1/g, (whole, quote, name) => {
    const places = [path.join(path.dirname(file), name), name].filter((at) =>
      fs.existsSync(path.join(PROJECT_ROOT, `${at}.ts`)),
    );
    if (places.length === 0) return whole;
    if (places.includes(PAGE_SCRIPT)) return whole;
    const isBuilt = places.some((at) => fs.existsSync(path.join(DIST, `${at}.js`)));
    if (isBuilt) return `${quote}${name}.js${quote}`;
    throw new Error(`${file} starts ${name}.ts, which tsconfig.package.json does not list`);
  });
  fs.writeFileSync(place, withWhatNode20Lacks(file, text));
}

function withWhatNode20Lacks(file: string, text: string): string {
  if (file === FILL_NODE_20 || !NOT_IN_NODE_20.test(text)) return text;
  const way = path.posix.relative(path.posix.dirname(file), FILL_NODE_20);
  const specifier = way.startsWith('.') ? way : `./${way}`;
  // At the end, so that no line moves: imports come first wherever they stand.
  return text.replace(/\n*(\/\/# sourceMappingURL=.*\n?)$/, `\nimport '${specifier}';\n$1`);
}

/** The declarations that the public ones lead to. */
function typesReached(): Set<string> {
  const reached = new Set(ENTRY_TYPES);
  for (const file of reached) {
    const text = fs.readFileSync(path.join(DIST, file), 'utf8');
    for (const [, specifier] of text.matchAll(/(?:from\s|import\()\s*['"](\.[^'"]+)['"]/g)) {
      reached.add(path.posix.join(path.posix.dirname(file), specifier!.replace(/\.[jt]s$/, '.d.ts')));
    }
  }
  return reached;
}
