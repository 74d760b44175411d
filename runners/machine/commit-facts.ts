/** What git knows of the commits of this repository: their messages, dates and authors, and where it lies on the web. */
import { PROJECT_ROOT } from '../console/project-root.ts';
import { askGit } from './git-command.ts';
import { describeSource } from './source.ts';

export interface KnownCommits {
  /** By whole hash; empty without a repository or without git, since pages can be made from records alone. */
  readonly commits: ReadonlyMap<string, { readonly subject: string; readonly date: string; readonly author: string }>;
  readonly forge: string | null;
}

export function knownCommits(): KnownCommits {
  const { commit, problem } = describeSource();
  if (problem !== undefined) console.error(`warning: commits have no messages and dates: ${problem}`);
  if (commit === null) return { commits: new Map(), forge: null };
  const format = '--format=%H%x09%cI%x09%an%x09%s';
  const log = askGit(PROJECT_ROOT, ['log', '--all', '--no-show-signature', format]).text ?? '';
  const lines = log.split('\n').filter((line) => line !== '');
  const commits = new Map(
    lines.map((line) => {
      const [hash = '', date = '', author = '', ...subject] = line.split('\t');
      return [hash, { date: new Date(date).toISOString(), author, subject: subject.join(' ') }];
    }),
  );
  return { commits, forge: forgeOf(askGit(PROJECT_ROOT, ['remote', 'get-url', 'origin']).text) };
}

/** `https://HOST/OWNER/NAME` of a remote on the web, without what may be secret in its address; null for any other. */
export function forgeOf(remote: string | null): string | null {
  const path =
    /^(?:https?:\/\/(?:[^@/]*@)?|ssh:\/\/(?:[^@/]*@)?|[\w.-]+@)([\w.-]+)(?::\d+)?[:/]+([\w./~-]+?)(?:\.git)?\/?$/.exec(
      remote ?? '',
    );
  return path === null ? null : `https://${path[1]}/${path[2]}`;
}
