/** "Did you mean": one line about a word that is not known. */
import { nearest } from '../../workloads/spelling.ts';

/** `unknown WHAT "word"` with the nearest candidate when one is near, else with the list of what there is. */
export function unknownWord(what: string, word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  const hint = near === undefined ? `there are: ${candidates.join(', ')}` : `did you mean ${near}?`;
  return `unknown ${what} "${word}"; ${hint}`;
}
