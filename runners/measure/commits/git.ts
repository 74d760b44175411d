/** What this program asks of git: revisions, trees and files of the repository that it lies in. */
import { oneLine, UsageError } from '../../console/errors.ts';
import { IS_INSTALLED, PROJECT_ROOT } from '../../console/project-root.ts';
import { askGit } from '../../machine/git-command.ts';

export interface Revision {
  /** As the user named it. */
  readonly name: string;
  readonly commit: string;
  /** Hash of the commit's whole content. */
  readonly tree: string;
}

/**
 * The output of `git WORDS`; null when what it asks for is not there.
 * @throws UsageError with git's own reason, and its advice, when git refuses; or when there is no git.
 */
export function tryGit(...words: string[]): string | null {
  const answer = askRepository(words);
  if (answer.text === null && answer.reason !== null) throw new UsageError(`git ${words[0]}: ${answer.reason}`);
  return answer.text;
}

/** An installed package may lie in a repository, but its commits are not those of this program. */
function askRepository(words: readonly string[]): ReturnType<typeof askGit> {
  if (!IS_INSTALLED) return askGit(PROJECT_ROOT, words);
  throw new UsageError(
    'commits of cowbench are measured in a checkout (git clone, npm ci), not by an installed package',
  );
}

/** The same; throws UsageError also when what it asks for is not there. */
export function git(...words: string[]): string {
  const text = tryGit(...words);
  if (text === null) throw new UsageError(`git ${words[0]}: nothing found`);
  return text;
}

/** The commit that `name` names; null when there is none. Throws UsageError when git refuses. */
export function findCommit(name: string): string | null {
  return tryGit('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`) || null;
}

/** The commit that `name` names. Throws UsageError when there is none. */
export function resolveRevision(name: string): Revision {
  const commit = findCommit(name);
  if (commit === null) throw new UsageError(`no commit "${oneLine(name)}" in this repository${shallowHint()}`);
  return { name, commit, tree: git('rev-parse', '--verify', `${commit}^{tree}`) };
}

/** Bytes of the files of `commit`, as a worktree has them. */
export function contentBytes(commit: string): number {
  const sizes = git('ls-tree', '-r', '--long', commit).matchAll(/^\S+ blob \S+ +(\d+)\t/gm);
  return [...sizes].reduce((sum, [, size]) => sum + Number(size), 0);
}

/** True for a commit that the checked-out one has in its history, and for itself. */
export function isAncestor(commit: string): boolean {
  return git('merge-base', '--all', commit, 'HEAD').split('\n').includes(commit);
}

/** What is missing may lie past the end of a clone that was cut off: says so, and what brings it; empty for a whole one. */
export function shallowHint(): string {
  if (git('rev-parse', '--is-shallow-repository') !== 'true') return '';
  const commits = git('rev-list', '--count', 'HEAD', '--branches', '--tags', '--remotes');
  return ` (a shallow clone of ${commits} ${commits === '1' ? 'commit' : 'commits'}: git fetch --unshallow brings the others)`;
}

/**
 * Refuses a comparison with the checked-out commit while the work tree differs from it: the user would believe that the
 * changes are measured.
 */
export function refuseDirty(revisions: readonly Revision[]): void {
  const head = findCommit('HEAD');
  if (!revisions.some(({ commit }) => commit === head)) return;
  const changes = git('status', '--porcelain', '--untracked-files=no');
  if (changes === '') return;
  const [first, ...rest] = changes.split('\n').map((line) => line.replace(/^..\s/, '').trim());
  const others = rest.length > 0 ? ` and ${rest.length} more` : '';
  throw new UsageError(`the work tree has uncommitted changes (${oneLine(first!)}${others}): commit them first`);
}

/** The commits of `range` (as `git log` takes it), oldest first, along the first parents. Throws UsageError. */
export function commitsOf(range: string): string[] {
  const listed = askRepository(['rev-list', '--reverse', '--first-parent', '--end-of-options', range]);
  if (listed.text !== null) return listed.text.split('\n').filter((line) => line !== '');
  const { reason } = listed;
  if (reason !== null && !/unknown revision|bad revision|invalid object name/i.test(reason)) {
    throw new UsageError(`git rev-list: ${reason}`);
  }
  throw new UsageError(`"${oneLine(range)}" is no range of commits, such as main~10..main${shallowHint()}`);
}

/** True when the history before `commit` is cut off here: the commit has parents that the clone lacks. */
export function isCutOff(commit: string): boolean {
  if (git('rev-parse', '--is-shallow-repository') !== 'true') return false;
  const parents = (text: string) => text.split('\n').filter((line) => line.startsWith('parent ')).length;
  return parents(git('cat-file', 'commit', commit)) > git('rev-list', '--parents', '-1', commit).split(' ').length - 1;
}

/** The first line of a commit's message. */
export function subjectOf(commit: string): string {
  return oneLine(git('log', '-1', '--format=%s', commit));
}

/** The content of `path` at `revision`; null when it has no such file. */
export function fileAt(revision: Revision, path: string): string | null {
  if (git('ls-tree', '--name-only', revision.commit, '--', path) === '') return null;
  return git('show', `${revision.commit}:${path}`);
}
