/**
 * Where the worktrees of commits are kept, and for how long: the {@link TREES_KEPT} that were used last stay.
 *
 * Invariants:
 *  1. A tree with the file {@link READY} is complete: the file is made last and removed first.
 *  2. A tree that a living process uses is never removed.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spaceText } from '../../console/expected-cost.ts';
import { tryGit } from './git.ts';

export const READY = '.cowbench-ready';
/** Names the process that used the tree last; its time is that of the last use. */
const USED = '.cowbench-used';
/** Enough for a trend to be looked at again, and some gigabytes at most where each has packages of its own. */
const TREES_KEPT = 20;
/** For `--help`. */
export const TREES_TEXT = `Commits are prepared in $XDG_CACHE_HOME/cowbench/trees (~/.cache); the last ${TREES_KEPT} are kept.`;
/** A tree that nobody has used yet is being made, or its making was interrupted: it is left alone for this long. */
const UNFINISHED_MS = 3_600_000;

/** Where worktrees are kept. */
export function treesFolder(): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'cowbench', 'trees');
}

/** What worktrees of `count` commits take, each of `bytes`. */
export function treesWords(count: number, bytes: number): string {
  const kept = Math.min(count, TREES_KEPT);
  return `${kept} ${kept === 1 ? 'worktree' : 'worktrees'} of ${spaceText(bytes)} in ${treesFolder()}, more where packages differ`;
}

/** This process uses the tree at `root` from now on. */
export function markUsed(root: string): void {
  fs.writeFileSync(path.join(root, USED), `${process.pid}\n`);
}

/** Removes the trees that were not used for longest, until at most `kept` are left besides those in use. */
export function evictTrees(kept: number = TREES_KEPT): void {
  const folder = treesFolder();
  const trees = fs.readdirSync(folder).map((name) => treeAt(path.join(folder, name)));
  const oldest = trees.sort((a, b) => a.usedMs - b.usedMs).slice(0, Math.max(0, trees.length - kept));
  const removed = oldest.filter(({ inUse }) => !inUse);
  for (const { root } of removed) {
    fs.rmSync(path.join(root, READY), { force: true });
    fs.rmSync(root, { recursive: true, force: true });
  }
  // Otherwise git's list would keep naming them. Trees of another clone are in that clone's list.
  if (removed.length > 0) tryGit('worktree', 'prune');
}

function treeAt(root: string): { readonly root: string; readonly usedMs: number; readonly inUse: boolean } {
  const used = path.join(root, USED);
  const usedMs = fs.statSync(used, { throwIfNoEntry: false })?.mtimeMs;
  if (usedMs !== undefined) return { root, usedMs, inUse: isOthers(userOf(used)) };
  // Another process may be removing trees, too.
  const madeMs = fs.statSync(root, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return { root, usedMs: madeMs, inUse: Date.now() - madeMs < UNFINISHED_MS };
}

/** 0 when nobody is named. */
function userOf(used: string): number {
  try {
    return Number(fs.readFileSync(used, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** True for a living process other than this one, whose own trees are the newest anyway. */
function isOthers(pid: number): boolean {
  if (!(pid > 0) || pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
