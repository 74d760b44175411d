/** Which state of this program measures: version, commit, and whether it was changed. What git does not say is never "clean". */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { RunRecord } from '../../results/record.ts';
import { UsageError } from '../console/errors.ts';
import { programVersion } from '../console/program-version.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { askGit, type GitAnswer } from './git-command.ts';

type Source = RunRecord['source'];

/**
 * The state of the program at `root`. Without a repository that holds it the commit is null and the version says all; where git
 * refuses to answer, `problem` says why, and the program counts as changed.
 */
export function describeSource(root = PROJECT_ROOT): Source {
  const version = programVersion(root);
  const built = builtFrom(root);
  if (built !== null) return built;
  const unknown = (problem: string): Source => ({ version, commit: null, dirty: true, problem });
  try {
    const head = askGit(root, ['rev-parse', '--verify', 'HEAD']);
    if (head.text === null) return isNowhere(head) ? { version, commit: null, dirty: false } : unknown(refusal(head));
    // Installed as a package, it lies in somebody else's repository, whose commits say nothing about it.
    const own = askGit(root, ['ls-files', '--', 'package.json']);
    if (own.text === '') return { version, commit: null, dirty: false };
    const diff = askGit(root, ['diff', 'HEAD', '--', '.']);
    if (own.text === null || diff.text === null) return unknown(refusal(own.text === null ? own : diff));
    if (diff.text === '') return { version, commit: head.text, dirty: false };
    const changes = createHash('sha256').update(diff.text).digest('hex').slice(0, 16);
    return { version, commit: head.text, dirty: true, changes };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // Without git there is something to ask only where a repository lies.
    return fs.existsSync(path.join(root, '.git')) ? unknown(error.message) : { version, commit: null, dirty: false };
  }
}

/** What an installed package was built from, as its build says; null for a checkout. */
function builtFrom(root: string): Source | null {
  const { cowbench } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    readonly cowbench?: { readonly builtFrom?: Source };
  };
  return cowbench?.builtFrom ?? null;
}

/** The line about a source that is not known, for people; null when it is. */
export function sourceWarning({ problem }: Source): string | null {
  return problem === undefined ? null : `which commit is measured is not known: ${problem}`;
}

/** A dangling `.git` says "not a git repository: PLACE"; this is where no parent has one at all. */
function isNowhere(answer: GitAnswer): boolean {
  return answer.text === null && /^not a git repository \(or any /.test(answer.reason ?? '');
}

function refusal(answer: GitAnswer): string {
  return `git says: ${(answer.text === null ? answer.reason : null) ?? 'nothing'}`;
}
