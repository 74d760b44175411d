/**
 * Exports and files that nothing uses. What only tests use counts as unused, unless it is there for tests (a folder `testing`): a
 * test of what the program never does shows nothing about the program.
 */
import { exportsOf, filesNamedIn, importsOf, isTestCode, type SourceFile } from './source-files.ts';

/** Files that no file of the program imports or starts, and that `commands` (any texts) do not start either. */
export function unusedFiles(files: readonly SourceFile[], commands: readonly string[]): string[] {
  const used = new Set(files.filter(({ path }) => !isTestCode(path)).flatMap(filesUsedBy));
  const usedByTests = new Set(files.flatMap(filesUsedBy));
  return files
    .map(({ path }) => path)
    .filter((path) => !path.endsWith('.test.ts') && !(isTestCode(path) ? usedByTests : used).has(path))
    .filter(
      (path) =>
        !commands.some(
          (text) => text.includes(`node ${path}`) || text.includes(`"./${path}"`) || text.includes(`"${path}"`),
        ),
    );
}

function filesUsedBy(file: SourceFile): string[] {
  const imported = importsOf(file).map(({ target }) => target);
  return [...imported, ...filesNamedIn(file)].filter((path) => path !== file.path);
}

/**
 * `FILE: NAME` for each export that the program does not use at all, and for each function, class or constant that is used in its
 * own file only: it needs no `export`.
 */
export function unusedExports(files: readonly SourceFile[]): string[] {
  const byAnyone = takenFrom(files);
  const byProgram = takenFrom(files.filter(({ path }) => !isTestCode(path)));
  return files.flatMap((file) => {
    const users = isTestCode(file.path) ? byAnyone : byProgram;
    const isUnused = ({ name, isType }: ReturnType<typeof exportsOf>[number]) => {
      if (isTaken(users, file.path, name)) return false;
      return !isUsedWithin(file, name) || !(isType || isTaken(byAnyone, file.path, name));
    };
    return exportsOf(file)
      .filter(isUnused)
      .map(({ name }) => `${file.path}: ${name}`);
  });
}

/** Names by file that others take from it; null for all. */
type Taken = ReadonlyMap<string, Set<string> | null>;

function takenFrom(files: readonly SourceFile[]): Taken {
  const taken = new Map<string, Set<string> | null>();
  for (const file of files) {
    for (const { target, names } of importsOf(file)) {
      const known = taken.get(target);
      if (names === null || known === null) taken.set(target, null);
      else taken.set(target, new Set([...(known ?? []), ...names]));
    }
    // A thread or process started by name gets its module's exports, if it takes any, from a name that is no constant.
    for (const target of filesNamedIn(file)) if (!taken.has(target)) taken.set(target, null);
  }
  return taken;
}

function isTaken(taken: Taken, path: string, name: string): boolean {
  const names = taken.get(path);
  return names === null || names?.has(name) === true;
}

function isUsedWithin({ text }: SourceFile, name: string): boolean {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  return code.split(new RegExp(`(?<![\\w$]|[^.]\\.)${name}(?![\\w$])`)).length > 2;
}
