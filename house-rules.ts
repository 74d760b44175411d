/**
 * The rules of the house as code: who may import whom, who may touch the file system, how long a file may be.
 * `docs/ARCHITECTURE.md` says why.
 */

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export const MAX_LINES = 350;

/**
 * Folder → what its files may import: folders (all of their files) or single files. A file belongs to the longest folder
 * that contains it. Every folder may import itself.
 */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'engine/base': [],
  'engine/io': ['engine/base'],
  // What is put around a file from outside: image, cache and check know none of it.
  'engine/instruments': ['engine/base', 'engine/io'],
  'engine/format': ['engine/base'],
  'engine/cache': ['engine/base', 'engine/io'],
  'engine/disk': ['engine/base', 'engine/io'],
  'engine/check': ['engine/base', 'engine/io'],
  'engine/image': ['engine/base', 'engine/io', 'engine/format', 'engine/cache', 'engine/check', 'engine/disk'],
  'engine/testing': ['engine'],
  engine: ['engine'],
  workloads: ['engine/base/units.ts', 'engine/disk/request.ts'],
  results: [],
  dashboards: ['results'],
  runners: [
    'engine/index.ts',
    'engine/instruments/index.ts',
    'workloads',
    'results',
    'dashboards/index.ts',
    'dashboards/text',
    'runners/measure/micro',
  ],
  // Measures the engine's parts one by one, so it reaches behind the door.
  'runners/measure/micro': ['engine', 'results', 'dashboards/text', 'runners'],
  '.': [],
};

/** Where `node:fs` may be used, besides tests: the engine reaches files through one module only. */
const FILE_SYSTEM_USERS = [/^engine\/io\/file/, /^workloads\//, /^runners\//, /^results\//, /^dashboards\//];

/** Tests, and what only tests import, may reach anything in their own top folder, and files. */
const TEST_CODE = /\.test\.ts$|\/testing\//;

/** Every breach of the rules, one line each. */
export function breaches(files: readonly SourceFile[]): string[] {
  return [...files.flatMap((file) => [...breachesOf(file), ...tooLong(file)]), ...folderCycles(files)];
}

function breachesOf({ path, text }: SourceFile): string[] {
  const found: string[] = [];
  for (const specifier of importSpecifiers(text)) {
    if (specifier.startsWith('.')) {
      const target = resolve(path, specifier);
      if (!mayImport(path, target)) found.push(`${path}: may not import ${target}`);
    } else if (/^(?:node:)?fs(?:\/promises)?$/.test(specifier) && !mayUseFiles(path)) {
      found.push(`${path}: may not use ${specifier}`);
    }
  }
  return found;
}

function tooLong({ path, text }: SourceFile): string[] {
  const lines = text.trimEnd().split('\n').length;
  return lines > MAX_LINES ? [`${path}: ${lines} lines, more than ${MAX_LINES}`] : [];
}

/** What a source text imports, re-exports or loads on demand; texts of comments and of other strings are no imports. */
export function importSpecifiers(text: string): string[] {
  const statements = /^(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm;
  const onDemand = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
  const found = [...text.matchAll(statements), ...text.matchAll(onDemand)];
  return found.map(([, from, bare]) => (from ?? bare)!);
}

function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function mayImport(from: string, target: string): boolean {
  const folder = layerOf(from);
  const inside = (place: string) => target === place || target.startsWith(`${place}/`);
  if (folder === '.' ? !target.includes('/') : layerOf(target) === folder) return true;
  if (TEST_CODE.test(from) && topOf(target) === topOf(from)) return true;
  if (TEST_CODE.test(target) && !TEST_CODE.test(from)) return false;
  return LAYERS[folder]!.some(inside);
}

function mayUseFiles(path: string): boolean {
  return TEST_CODE.test(path) || FILE_SYSTEM_USERS.some((place) => place.test(path));
}

function layerOf(path: string): string {
  const parts = path.split('/').slice(0, -1);
  for (; parts.length > 0; parts.pop()) {
    const folder = parts.join('/');
    if (folder in LAYERS) return folder;
  }
  return '.';
}

function topOf(path: string): string {
  return path.split('/')[0]!;
}

/**
 * Rings of folders that import each other. Tests are left out, as nothing imports them, and so are imports between a folder
 * and those inside it: its own files are both their common ground and what puts them together.
 */
function folderCycles(files: readonly SourceFile[]): string[] {
  const edges = new Map<string, Set<string>>();
  for (const { path, text } of files) {
    if (TEST_CODE.test(path)) continue;
    const from = folderOf(path);
    const targets = edges.get(from) ?? new Set();
    edges.set(from, targets);
    for (const specifier of importSpecifiers(text)) {
      const to = specifier.startsWith('.') ? folderOf(resolve(path, specifier)) : from;
      if (!contains(from, to) && !contains(to, from)) targets.add(to);
    }
  }
  return ringsOf(edges).map((ring) => `folders import each other in a ring: ${ring.join(' -> ')}`);
}

function folderOf(path: string): string {
  return path.split('/').slice(0, -1).join('/') || '.';
}

function contains(outer: string, inner: string): boolean {
  return outer === '.' || inner === outer || inner.startsWith(`${outer}/`);
}

/** One ring for each edge that closes one on the way of a depth-first walk. */
function ringsOf(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const rings: string[][] = [];
  const done = new Set<string>();
  const walk = (folder: string, way: readonly string[]): void => {
    const start = way.indexOf(folder);
    if (start >= 0) {
      rings.push([...way.slice(start), folder]);
      return;
    }
    if (done.has(folder)) return;
    for (const next of edges.get(folder) ?? []) walk(next, [...way, folder]);
    done.add(folder);
  };
  for (const folder of edges.keys()) walk(folder, []);
  return rings;
}
