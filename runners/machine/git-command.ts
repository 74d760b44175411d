/**
 * How this program asks git: about the repository that this program lies in, whatever repository the caller was in.
 *
 * Invariants:
 *  1. Variables that git sets for hooks, aliases and `rebase --exec` (GIT_DIR, GIT_INDEX_FILE, …) are never handed on: they
 *     name the caller's repository.
 *  2. What git refuses is never taken for "there is none": the reason is git's own, with what git says to do about it.
 */
import { spawnSync } from 'node:child_process';
import { oneLine, UsageError } from '../console/errors.ts';

/** Far more than anyone changes by hand. */
const MOST_BYTES = 256 * 1024 * 1024;

export type GitAnswer =
  | { readonly text: string }
  /** Without a reason git found nothing wrong: what it was asked for is not there. */
  | { readonly text: null; readonly reason: string | null };

/** The answer to `git WORDS` in `directory`, without the line end. Throws UsageError when there is no git. */
export function askGit(directory: string, words: readonly string[]): GitAnswer {
  const { status, stdout, stderr } = run(directory, words, environmentWithoutRepository());
  if (status === 0) return { text: stdout.trimEnd() };
  const reason = reasonOf(stderr);
  return { text: null, reason: reason ?? (status === 1 ? null : `git ${words[0]} ended with ${status ?? 'a signal'}`) };
}

/** The environment of this process without the variables that name a repository. Throws UsageError when there is no git. */
export function environmentWithoutRepository(): NodeJS.ProcessEnv {
  const names = repositoryVariables();
  const kept = Object.entries(process.env).filter(([name]) => !names.includes(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}

let variables: readonly string[] | undefined;

/** As the installed git lists them: later versions may have more. */
function repositoryVariables(): readonly string[] {
  variables ??= run(process.cwd(), ['rev-parse', '--local-env-vars'], process.env).stdout.trim().split('\n');
  return variables;
}

function run(directory: string, words: readonly string[], env: NodeJS.ProcessEnv) {
  const done = spawnSync('git', words, {
    ...{ cwd: directory, env, encoding: 'utf8', maxBuffer: MOST_BYTES },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (done.error === undefined) return done;
  const { code } = done.error as NodeJS.ErrnoException;
  throw new UsageError(code === 'ENOENT' ? 'git is not installed' : `git ${words[0]}: ${done.error.message}`);
}

/** Git's own words: what is wrong, and the command that it names (indented) to put it right. */
function reasonOf(stderr: string): string | null {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const wrong = lines.find((line) => /^(?:fatal|error):/.test(line)) ?? lines[0];
  if (wrong === undefined) return null;
  const remedy = lines.find((line) => /^\s+git /.test(line));
  const reason = wrong.replace(/^(?:fatal|error): /, '');
  return oneLine(remedy === undefined ? reason : `${reason} (to allow it: ${remedy.trim()})`);
}
