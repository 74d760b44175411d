/** What this program asks of git: revisions, trees and files of the repository that it lies in. */
import { execFileSync } from 'node:child_process';
import { oneLine, UsageError } from '../../console/errors.ts';
import { PROJECT_ROOT } from '../../console/project-root.ts';

const MOST_BYTES = 64 * 1024 * 1024;

export interface Revision {
  /** As the user named it. */
  readonly name: string;
  readonly commit: string;
  /** Hash of the commit's whole content. */
  readonly tree: string;
}

/** The output of `git WORDS`, without the line end; null when git refuses. Throws UsageError when there is no git. */
export function tryGit(...words: string[]): string | null {
  try {
    return execFileSync('git', words, {
      cwd: PROJECT_ROOT,
      encoding: 'utf8',
      maxBuffer: MOST_BYTES,
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trimEnd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new UsageError('git is not installed');
    return null;
  }
}

/** The same; throws UsageError with git's own first line when it refuses. */
export function git(...words: string[]): string {
  try {
    return execFileSync('git', words, {
      cwd: PROJECT_ROOT,
      encoding: 'utf8',
      maxBuffer: MOST_BYTES,
      stdio: 'pipe',
    }).trimEnd();
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    const reason = (stderr ?? '').split('\n').find((line) => line !== '') ?? message;
    throw new UsageError(`git ${words[0]}: ${oneLine(reason)}`, { cause: error });
  }
}

/** The commit that `name` names. Throws UsageError when there is none. */
export function resolveRevision(name: string): Revision {
  const commit = tryGit('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`);
  if (commit === null || commit === '') throw new UsageError(`no commit "${oneLine(name)}" in this repository`);
  return { name, commit, tree: git('rev-parse', '--verify', `${commit}^{tree}`) };
}

/**
 * Refuses a comparison with the checked-out commit while the work tree differs from it: the user would believe that the
 * changes are measured.
 */
export function refuseDirty(revisions: readonly Revision[]): void {
  const head = tryGit('rev-parse', '--verify', '--quiet', 'HEAD');
  if (!revisions.some(({ commit }) => commit === head)) return;
  const changes = git('status', '--porcelain', '--untracked-files=no');
  if (changes === '') return;
  const [first, ...rest] = changes.split('\n').map((line) => line.replace(/^..\s/, '').trim());
  const others = rest.length > 0 ? ` and ${rest.length} more` : '';
  throw new UsageError(
    `the work tree has changes that are in no commit (${oneLine(first!)}${others}): commit them first`,
  );
}

/** The commits of `range` (as `git log` takes it), oldest first, along the first parents. Throws UsageError. */
export function commitsOf(range: string): string[] {
  const listed = tryGit('rev-list', '--reverse', '--first-parent', '--end-of-options', range);
  if (listed === null) throw new UsageError(`"${oneLine(range)}" is no range of commits, such as main~10..main`);
  return listed.split('\n').filter((line) => line !== '');
}

/** The first line of a commit's message. */
export function subjectOf(commit: string): string {
  return oneLine(git('log', '-1', '--format=%s', commit));
}

/** The content of `path` at `revision`; null when it has no such file. */
export function fileAt(revision: Revision, path: string): string | null {
  return tryGit('show', `${revision.commit}:${path}`);
}
