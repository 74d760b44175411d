/** Suggestions for misspelt names. */

/** The candidate that needs the fewest edits to become `word`, if that is less than half of the word. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const text = word.slice(0, 40).toLowerCase();
  let best: { candidate: string; edits: number } | undefined;
  for (const candidate of candidates) {
    const edits = editDistance(text, candidate.toLowerCase());
    if (edits < Math.min(best?.edits ?? Infinity, Math.max(2, text.length / 2))) best = { candidate, edits };
  }
  return best?.candidate;
}

/** Levenshtein's distance: insertions, deletions and replacements that lead from `from` to `to`. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
