/**
 * Commits of this program, prepared to run: a git worktree each, kept in the user's cache directory under the hash of its
 * content, with the packages of this work tree when the lock file is the same and its own otherwise; see `tree-cache.ts`. One
 * without the file {@link READY} was interrupted and is recreated.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { cannotWrite, makeFolder } from '../../../results/store.ts';
import { oneLine, UsageError } from '../../console/errors.ts';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import type { SourceTree } from '../plan/plan.ts';
import { workerPath } from '../session/worker-path.ts';
import { fileAt, git, type Revision, tryGit } from './git.ts';
import { evictTrees, markUsed, READY, treesFolder } from './tree-cache.ts';

const LOCK = 'package-lock.json';

/**
 * Makes `revision` ready to run, or finds it so.
 * @throws UsageError when it cannot be, in one line that names the commit; RecordError when nothing can be written there.
 */
export function sourceTree(revision: Revision, tell: (line: string) => void): SourceTree {
  const root = path.join(treesFolder(), revision.tree);
  try {
    makeReady(revision, root, tell);
    markUsed(root);
    evictTrees();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw cannotWrite(root, error);
  }
  return { commit: revision.commit, revision: revision.name, root };
}

function makeReady(revision: Revision, root: string, tell: (line: string) => void): void {
  const { commit, name } = revision;
  if (fs.existsSync(path.join(root, READY)) && hasItsPackages(revision, root)) return;
  const told = commit === name ? commit.slice(0, 12) : `${commit.slice(0, 12)} (${oneLine(name)})`;
  const worker = workerPath(fileAt(revision, 'package.json'));
  if (fileAt(revision, worker) === null) {
    throw new UsageError(`commit ${told} has no ${worker}: it predates the sample worker`);
  }
  tell(`preparing ${told}`);
  checkOut(revision, root);
  addPackages(revision, root);
  fs.writeFileSync(path.join(root, READY), `${commit}\n`);
}

function checkOut({ commit }: Revision, root: string): void {
  fs.rmSync(root, { recursive: true, force: true });
  makeFolder(path.dirname(root));
  // What an interrupted run or a cleared cache has left in git's list would be in the way.
  tryGit('worktree', 'prune');
  git('worktree', 'add', '--quiet', '--detach', '--force', root, commit);
}

/** Packages of its own, or those of this work tree: a link to another work tree may lead nowhere by now, or to other packages. */
function hasItsPackages(revision: Revision, root: string): boolean {
  const place = path.join(root, 'node_modules');
  const link = fs.lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return fs.existsSync(place) && (!link || fs.realpathSync(place) === sharedPackages(revision));
}

/** The packages of this work tree, where its lock file is that of `revision`; else null. */
function sharedPackages(revision: Revision): string | null {
  const here = fs.readFileSync(path.join(PROJECT_ROOT, LOCK), 'utf8');
  const packages = path.join(PROJECT_ROOT, 'node_modules');
  return fileAt(revision, LOCK) === here.trimEnd() && fs.existsSync(packages) ? fs.realpathSync(packages) : null;
}

function addPackages(revision: Revision, root: string): void {
  const shared = sharedPackages(revision);
  if (shared !== null) {
    fs.symlinkSync(shared, path.join(root, 'node_modules'));
    return;
  }
  // Under `npm run -s` it would fail without a word.
  const words = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, stderr, error } = spawnSync('npm', words, {
    cwd: root,
    encoding: 'utf8',
  });
  if (status === 0) return;
  const reason = error === undefined ? npmReason(stderr, status) : error.message;
  throw new UsageError(`npm ci failed for commit ${revision.commit.slice(0, 12)}: ${oneLine(reason)}`);
}

/** The first sentence of what npm says, with its code, which comes before it. */
function npmReason(stderr: string, status: number | null): string {
  const told = [...stderr.matchAll(/^npm (?:error|ERR!) (.+)$/gm)].map(([, text]) => text!.trim());
  const code = told.find((text) => /^code /.test(text))?.slice('code '.length) ?? `exit code ${status}`;
  const sentence = told.find((text) => !/^(?:code|errno|syscall|path|cwd) /.test(text));
  return sentence === undefined ? code : `${sentence} (${code})`;
}
