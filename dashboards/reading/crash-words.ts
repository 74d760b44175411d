/** A verdict of the crash explorer in words, the same in every place. */
import type { CrashVerdict } from '../../results/record.ts';
import { formatCount } from './quantities.ts';

/** The classes of what can be wrong with a crash state, as a reader who does not know the record calls them. */
const CLASS_WORDS: Readonly<Record<string, string>> = {
  corrupt: 'corrupt',
  lost: 'data lost',
  foreign: 'stale or misplaced data',
  snapshot: 'snapshots altered',
  secondPhase: 'corrupted by later writes',
  repair: 'damaged by repair',
  copiedShared: 'COPIED set on shared clusters',
};

/** Of itself it breaks no promise; the next writes show whether it does harm. */
const HARMLESS_CLASS = 'copiedOnly';

export function classWords(kind: string): string {
  return kind === HARMLESS_CLASS ? 'COPIED flags off (no violation)' : (CLASS_WORDS[kind] ?? kind);
}

function violated({ violations }: CrashVerdict): [kind: string, states: number][] {
  return Object.entries(violations).filter(([kind, states]) => kind !== HARMLESS_CLASS && states > 0);
}

/** One line for the table of the first screen and for the answer below the chart. */
export function crashWords(crash: CrashVerdict | null): string {
  if (crash?.verdict !== 'violated') return crashClause(crash);
  const bad = violated(crash).map(([kind, states]) => `${formatCount(states)} ${classWords(kind)}`);
  return `violated; of ${statesOf(crash)}: ${bad.join(', ')}`;
}

/** The same for the end of a sentence, without the numbers of violations. */
function crashClause(crash: CrashVerdict | null): string {
  if (crash === null) return 'not explored';
  if (crash.verdict === 'survived') return `survived ${statesOf(crash)}`;
  if (crash.verdict === 'leaks')
    return `survived ${statesOf(crash)}, leaks up to ${formatCount(crash.maxLeakedClusters)} clusters`;
  return `did not survive all of ${statesOf(crash)} (${violated(crash)
    .map(([kind]) => classWords(kind))
    .join(', ')})`;
}

function statesOf({ distinctStates }: CrashVerdict): string {
  return `${formatCount(distinctStates)} crash states`;
}
