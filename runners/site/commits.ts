/** What git knows of the commits of this repository: their messages and their order. */
import type { CommitFacts } from '../../dashboards/index.ts';
import { UsageError } from '../console/errors.ts';
import { tryGit } from '../measure/commits/git.ts';

/** By hash; empty without a repository or without git, since a site can be built from records alone. */
export function commitFacts(): Map<string, CommitFacts> {
  const lines = (log() ?? '').split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const [hash = '', date = '', ...subject] = line.split('\t');
      return [hash, { date: new Date(date).toISOString(), subject: subject.join(' ') }];
    }),
  );
}

function log(): string | null {
  try {
    return tryGit('log', '--all', '--no-show-signature', '--format=%H%x09%cI%x09%s');
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}
