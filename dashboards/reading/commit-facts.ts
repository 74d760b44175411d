/** What git knows of commits, and where they are shown on the web: for pages that name them. */

export interface CommitFacts {
  readonly subject: string;
  /** ISO instant: the order of points. */
  readonly date: string;
  readonly author?: string;
}

export interface CommitContext {
  /** By whole hash. */
  readonly commits: ReadonlyMap<string, CommitFacts>;
  /** Address of the repository on the web, without a slash at its end; null where it has none. */
  readonly forge: string | null;
}

export const NO_COMMITS: CommitContext = { commits: new Map(), forge: null };

/** Whole hash and facts of a commit that is named by the beginning of its hash; null where git does not know it. */
export function findFacts(
  { commits }: Pick<CommitContext, 'commits'>,
  name: string | null,
): (CommitFacts & { hash: string }) | null {
  if (name === null || name === '') return null;
  const found = [...commits].find(([hash]) => hash.startsWith(name));
  return found === undefined ? null : { hash: found[0], ...found[1] };
}

/** `/-/` is where GitLab keeps its own pages; others do without. */
function pagesOf(forge: string): string {
  return /\bgitlab\b/.test(forge) ? `${forge}/-` : forge;
}

export function commitLink({ forge }: Pick<CommitContext, 'forge'>, hash: string): string | null {
  return forge === null ? null : `${pagesOf(forge)}/commit/${hash}`;
}

export function diffLink({ forge }: Pick<CommitContext, 'forge'>, base: string, head: string): string | null {
  return forge === null ? null : `${pagesOf(forge)}/compare/${base}...${head}`;
}
