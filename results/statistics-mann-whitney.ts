/**
 * The Mann-Whitney U test: do two independent sets of samples come from one distribution? For sets that were not
 * measured in pairs (two points of a trend); paired samples are compared by their ratios instead.
 *
 * Up to {@link EXACT_TOTAL_MAX} samples the p-value is exact, with ties: every way to deal the pooled ranks to the two
 * sides is counted. Above that it is the normal approximation with corrections for ties and continuity.
 */
import { errorFunction, wilcoxonRankSum } from 'simple-statistics';

export interface MannWhitney {
  /** Pairs (one sample of each side) in which the first side's is larger, ties counting half. */
  readonly u: number;
  /** Two-sided. The normal approximation resolves about 1e-7. */
  readonly p: number;
  readonly method: 'exact' | 'normal';
}

/** Samples on both sides together up to which the p-value is counted exactly. */
export const EXACT_TOTAL_MAX = 60;

/** Tests `first` against `second`, both non-empty sets of finite numbers. */
export function mannWhitney(first: readonly number[], second: readonly number[]): MannWhitney {
  if (first.length === 0 || second.length === 0) throw new RangeError('both sides need at least one sample');
  const pooled = [...first, ...second];
  if (pooled.some((value) => !Number.isFinite(value))) throw new RangeError('samples must be finite numbers');
  const rankSum = wilcoxonRankSum([...first], [...second]);
  const u = rankSum - (first.length * (first.length + 1)) / 2;
  if (pooled.length <= EXACT_TOTAL_MAX) {
    return { u, p: exactTwoSided(midRanks(pooled), first.length, rankSum), method: 'exact' };
  }
  return { u, p: normalTwoSided(u, first.length, second.length, tieTerm(pooled)), method: 'normal' };
}

/** Ranks of the pooled samples in ascending order; tied samples share the mean of their ranks. */
function midRanks(pooled: readonly number[]): number[] {
  return tieGroups(pooled).flatMap(({ firstRank, size }) => Array<number>(size).fill(firstRank + (size - 1) / 2));
}

function tieGroups(pooled: readonly number[]): { firstRank: number; size: number }[] {
  const groups: { firstRank: number; size: number }[] = [];
  const sorted = pooled.toSorted((a, b) => a - b);
  for (const [index, value] of sorted.entries()) {
    if (index > 0 && sorted[index - 1] === value) groups.at(-1)!.size++;
    else groups.push({ firstRank: index + 1, size: 1 });
  }
  return groups;
}

/** Counts the subsets of `take` ranks by their sum; twice the ranks are used, because tied ranks end in a half. */
function exactTwoSided(ranks: readonly number[], take: number, rankSum: number): number {
  const total = ranks.length * (ranks.length + 1);
  /** ways[count][sum]: subsets of `count` of the ranks seen so far whose doubled ranks add up to `sum`. */
  const ways = Array.from({ length: take + 1 }, () => new Float64Array(total + 1));
  ways[0]![0] = 1;
  for (const rank of ranks) {
    const doubled = 2 * rank;
    // Downwards, so that no rank is taken twice.
    for (let count = take; count >= 1; count--) {
      const without = ways[count - 1]!;
      const into = ways[count]!;
      for (let sum = total; sum >= doubled; sum--) into[sum] = into[sum]! + without[sum - doubled]!;
    }
  }
  const observed = Math.round(2 * rankSum);
  let below = 0;
  let above = 0;
  let all = 0;
  for (const [sum, count] of ways[take]!.entries()) {
    all += count;
    if (sum <= observed) below += count;
    if (sum >= observed) above += count;
  }
  return Math.min(1, (2 * Math.min(below, above)) / all);
}

/** The sum of t^3 - t over groups of t tied samples. */
function tieTerm(pooled: readonly number[]): number {
  return tieGroups(pooled).reduce((sum, { size }) => sum + size ** 3 - size, 0);
}

function normalTwoSided(u: number, firstCount: number, secondCount: number, ties: number): number {
  const total = firstCount + secondCount;
  const variance = ((firstCount * secondCount) / 12) * (total + 1 - ties / (total * (total - 1)));
  // All samples equal: nothing speaks against one distribution.
  if (variance <= 0) return 1;
  const distance = Math.max(0, Math.abs(u - (firstCount * secondCount) / 2) - 0.5);
  return Math.min(1, Math.max(0, 1 - errorFunction(distance / Math.sqrt(2 * variance))));
}
