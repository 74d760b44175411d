/** What git knows of the commits of this repository: their messages and their order. */
import type { CommitFacts } from '../../dashboards/index.ts';
import { describeSource } from '../machine/source.ts';
import { git } from '../measure/commits/git.ts';

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
  const { commit, problem } = describeSource();
  if (problem !== undefined) console.error(`warning: commits have no messages and dates: ${problem}`);
  return commit === null ? null : git('log', '--all', '--no-show-signature', '--format=%H%x09%cI%x09%s');
}
