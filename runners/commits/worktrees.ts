/**
 * Commits of this program made ready to run: a git worktree each, kept in the user's cache directory under the hash of its
 * content, with the packages of this work tree when the lock file is the same and its own otherwise.
 *
 * Invariant: a worktree with the file {@link READY} is complete; one without it was interrupted and is made anew.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { SourceTree } from '../bench/plan.ts';
import { WORKER_PATH } from '../bench/sample-process.ts';
import { PROJECT_ROOT } from '../environment.ts';
import { oneLine, UsageError } from '../errors.ts';
import { fileAt, git, type Revision, tryGit } from './git.ts';

const READY = '.cowbench-ready';
const LOCK = 'package-lock.json';

/** Where worktrees are kept. */
export function treesFolder(): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'cowbench', 'trees');
}

/** Makes `revision` ready to run, or finds it so. Throws UsageError when it cannot be: one line that names the commit. */
export function sourceTree(revision: Revision, tell: (line: string) => void): SourceTree {
  const root = path.join(treesFolder(), revision.tree);
  const { commit, name } = revision;
  if (!fs.existsSync(path.join(root, READY))) {
    const told = commit === name ? commit.slice(0, 12) : `${commit.slice(0, 12)} (${oneLine(name)})`;
    if (fileAt(revision, WORKER_PATH) === null) {
      throw new UsageError(`commit ${told} has no ${WORKER_PATH}: it is older than what measures it`);
    }
    tell(`preparing ${told}`);
    checkOut(revision, root);
    addPackages(revision, root);
    fs.writeFileSync(path.join(root, READY), `${commit}\n`);
  }
  return { commit, revision: name, root };
}

function checkOut({ commit }: Revision, root: string): void {
  fs.rmSync(root, { recursive: true, force: true });
  fs.mkdirSync(path.dirname(root), { recursive: true });
  // What an interrupted run or a cleared cache has left in git's list would be in the way.
  tryGit('worktree', 'prune');
  git('worktree', 'add', '--quiet', '--detach', '--force', root, commit);
}

function addPackages(revision: Revision, root: string): void {
  const here = fs.readFileSync(path.join(PROJECT_ROOT, LOCK), 'utf8');
  const packages = path.join(PROJECT_ROOT, 'node_modules');
  if (fileAt(revision, LOCK) === here.trimEnd() && fs.existsSync(packages)) {
    fs.symlinkSync(fs.realpathSync(packages), path.join(root, 'node_modules'));
    return;
  }
  const { status, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root, encoding: 'utf8' });
  if (status === 0) return;
  const reason = (stderr ?? '').split('\n').find((line) => /err/i.test(line)) ?? `exit code ${status}`;
  throw new UsageError(`npm ci for commit ${revision.commit.slice(0, 12)}: ${oneLine(reason)}`);
}
