/**
 * Which of many shares differ between two sides that were each measured several times. Single profiles differ in most of their paths by
 * chance, and with hundreds of paths some differ much, so a path counts only when it differs by more than the most different path of
 * nearly all other ways to divide the same replays into two sides: of identical code some path is named in 1 of 100 comparisons, however many
 * paths there are (maximum statistic of a permutation test; Westfall and Young 1993).
 */

/** The shares of one path, a replay each; both sides have equally many. */
export interface PathShares {
  readonly base: readonly number[];
  readonly head: readonly number[];
}

const ERROR_SHARE = 0.01;
/** A path that is sampled a few times only would otherwise differ significantly by nothing. */
const LEAST_DEVIATION = 0.003;
/** Smaller differences are not worth a reader's time. */
export const LEAST_DIFFERENCE = 0.005;

/** By path: whether the head's share is more, less, or not distinguishable. */
export function judgeShares(paths: readonly PathShares[]): ('more' | 'less' | 'same')[] {
  const [first] = paths;
  if (first === undefined) return [];
  const replays = first.base.length;
  const all = paths.map(({ base, head }) => [...base, ...head]);
  const maxima = halves(2 * replays).map((isHead) =>
    all.reduce((most, shares) => Math.max(most, Math.abs(distance(shares, isHead))), 0),
  );
  const limit = maxima.sort((a, b) => a - b)[Math.ceil((1 - ERROR_SHARE) * maxima.length) - 1]!;
  const asMeasured = Array.from({ length: 2 * replays }, (_, index) => index >= replays);
  return all.map((shares) => {
    const difference = meanOf(shares.slice(replays)) - meanOf(shares.slice(0, replays));
    if (Math.abs(difference) < LEAST_DIFFERENCE || Math.abs(distance(shares, asMeasured)) <= limit) return 'same';
    return difference > 0 ? 'more' : 'less';
  });
}

/** The difference of the means in pooled standard deviations. */
function distance(shares: readonly number[], isHead: readonly boolean[]): number {
  const base = shares.filter((_, index) => !isHead[index]);
  const head = shares.filter((_, index) => isHead[index]);
  const [before, after] = [meanOf(base), meanOf(head)];
  const squares = sumOfSquares(base, before) + sumOfSquares(head, after);
  return (after - before) / (Math.sqrt(squares / Math.max(1, shares.length - 2)) + LEAST_DEVIATION);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function sumOfSquares(values: readonly number[], mean: number): number {
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
}

/** All ways to divide `count` replays into two equal sides, but for swapping the sides. */
function halves(count: number): boolean[][] {
  const found: boolean[][] = [];
  for (let bits = 0; bits < 2 ** (count - 1); bits++) {
    const isHead = Array.from({ length: count }, (_, index) => Math.floor(bits / 2 ** index) % 2 === 1);
    if (isHead.filter(Boolean).length === count / 2) found.push(isHead);
  }
  return found;
}
