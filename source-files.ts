/** The source files of the project, and what they import and export, read from their texts. */
import fs from 'node:fs';

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export const TOP_FOLDERS = ['engine', 'workloads', 'results', 'dashboards', 'runners'];

/** Every source file below the top folders, and those next to them. */
export function sourceFiles(): SourceFile[] {
  const patterns = [...TOP_FOLDERS.map((folder) => `${folder}/**/*.ts`), '*.ts'];
  const paths = patterns.flatMap((pattern) => fs.globSync(pattern, { cwd: import.meta.dirname })).sort();
  return paths.map((path) => ({ path, text: fs.readFileSync(`${import.meta.dirname}/${path}`, 'utf8') }));
}

/** Tests and what only tests import; the files next to the top folders are checks of the sources. */
export function isTestCode(path: string): boolean {
  return /\.test\.ts$|\/testing\//.test(path) || !path.includes('/');
}

export interface Import {
  /** Path of a file of the project, or what the text says: the name of a package or a built-in module. */
  readonly target: string;
  readonly isFile: boolean;
  /** The names taken; null for all of them, or for none but the effects of loading. */
  readonly names: readonly string[] | null;
}

const STATEMENT =
  /^(?:import|export)\s+(?:type\s+)?([^'";]*?)\s*\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm;
const ON_DEMAND = /(?:\bconst\s+(\{[^}]*\})\s*=\s*await\s+)?\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** What a source text imports, re-exports or loads on demand; texts of comments and of other strings are no imports. */
export function importsOf({ path, text }: SourceFile): Import[] {
  const found = [...text.matchAll(STATEMENT), ...text.matchAll(ON_DEMAND)];
  return found.map(([, clause, from, bare]) => {
    const specifier = (from ?? bare)!;
    const isFile = specifier.startsWith('.');
    return { target: isFile ? resolved(path, specifier) : specifier, isFile, names: namesIn(clause) };
  });
}

/** Of `{ a, type B, c as d, e: f }` the names that the other file knows. */
function namesIn(clause: string | undefined): string[] | null {
  const list = /^\{([^}]*)\}$/.exec(clause ?? '')?.[1];
  if (list === undefined) return null;
  const words = list.split(',').map((word) => word.trim().replace(/^type\s+/, ''));
  return words.filter((word) => word !== '').map((word) => word.split(/\s+as\s+|\s*:/)[0]!);
}

/** Files that a text names in other ways, from its own folder or from the root: to run them in a thread or a process. */
export function filesNamedIn({ path, text }: SourceFile): string[] {
  return [...text.matchAll(/['"`]([\w./-]+\.ts)['"`]/g)].flatMap(([, name]) => [resolved(path, name!), name!]);
}

function resolved(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** The folder of a file; `.` for a file in none. */
export function folderOf(path: string): string {
  return path.split('/').slice(0, -1).join('/') || '.';
}

export interface Export {
  readonly name: string;
  readonly isType: boolean;
}

const DECLARATION =
  /^export\s+(?:abstract\s+|async\s+)*(const|let|function\*?|class|interface|type|enum)\s+([A-Za-z_$][\w$]*)/gm;

/** What a file declares for others; what it hands on from another file is that one's. */
export function exportsOf({ text }: SourceFile): Export[] {
  return [...text.matchAll(DECLARATION)].map(([, word, name]) => ({
    name: name!,
    isType: word === 'interface' || word === 'type',
  }));
}
