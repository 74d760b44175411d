/**
 * The percentile bootstrap interval of a median, over all n^n resamples at once instead of a few thousand drawn ones.
 *
 * The median of a resample is decided by its one or two middle values, and the chance that these are the i-th and j-th
 * value of the sample has a closed form (Efron 1979 for odd n). So the interval carries no error of simulation and no
 * seed: the same samples give the same verdict to the digit on every machine.
 */
import { gammaln } from 'simple-statistics';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** A value that the median of a resample can take, with its probability. */
export interface Atom {
  readonly value: number;
  readonly probability: number;
}

/** Above this the number of ways to draw half a resample leaves the range of a double. */
const BOOTSTRAP_SAMPLES_MAX = 2000;

/** Atoms below this cannot move a quantile that anyone asks for; dropping them keeps large samples cheap. */
const NEGLIGIBLE = 1e-13;

/** The interval that holds the median of `confidence` (0 < confidence < 1) of all resamples of `values` (not empty). */
export function bootstrapMedianInterval(values: readonly number[], confidence: number): Interval {
  if (!(confidence > 0 && confidence < 1)) throw new RangeError(`confidence ${confidence} is not between 0 and 1`);
  const atoms = bootstrapMedianDistribution(values);
  const tail = (1 - confidence) / 2;
  return { low: firstBeyond(atoms, tail), high: firstBeyond(atoms.toReversed(), tail) };
}

/** The exact distribution of the median of a resample of `values`, ascending by value. */
export function bootstrapMedianDistribution(values: readonly number[]): Atom[] {
  if (values.length === 0) throw new RangeError('the median needs at least one sample');
  if (values.length > BOOTSTRAP_SAMPLES_MAX) {
    throw new RangeError(`${values.length} samples are more than the ${BOOTSTRAP_SAMPLES_MAX} that are supported`);
  }
  const sorted = values.toSorted((a, b) => a - b);
  const atoms = sorted.length % 2 === 1 ? oddAtoms(sorted) : evenAtoms(sorted);
  return atoms.sort((a, b) => a.value - b.value);
}

/** The first value with more than `tail` of the probability at or before it. */
function firstBeyond(atoms: readonly Atom[], tail: number): number {
  let sum = 0;
  for (const atom of atoms) {
    sum += atom.probability;
    // Half a negligible atom of slack, so that a sum that is exactly `tail` on paper is not decided by rounding.
    if (sum > tail + NEGLIGIBLE / 2) return atom.value;
  }
  return atoms.at(-1)!.value;
}

function oddAtoms(sorted: readonly number[]): Atom[] {
  const marginal = orderStatisticProbabilities(sorted.length, (sorted.length + 1) / 2);
  return sorted.map((value, index) => ({ value, probability: marginal[index]! }));
}

/** Even n: the median is the mean of the two middle values of the resample, order statistics m and m + 1, m = n / 2. */
function evenAtoms(sorted: readonly number[]): Atom[] {
  const n = sorted.length;
  const m = n / 2;
  const marginal = orderStatisticProbabilities(n, m);
  const ways = logChoose(n, m);
  /** By number of values: m draws all from that many, times the square root of the ways to choose which draws. */
  const half = Array.from({ length: n + 1 }, (_, share) => Math.exp(ways / 2 + m * Math.log(share / n)));
  const atoms: Atom[] = [];
  for (let lower = 0; lower < n; lower++) {
    // m draws at or below `lower`, one of them at it; the other m from above, the lowest at `upper`.
    const below = half[lower + 1]! - half[lower]!;
    const apart = below * half[n - 1 - lower]!;
    atoms.push({ value: sorted[lower]!, probability: Math.max(0, marginal[lower]! - apart) });
    for (let upper = lower + 1; upper < n; upper++) {
      const probability = below * (half[n - upper]! - half[n - 1 - upper]!);
      if (probability > NEGLIGIBLE) atoms.push({ value: (sorted[lower]! + sorted[upper]!) / 2, probability });
    }
  }
  return atoms;
}

/** P(the `rank`-th smallest of n draws is the value at each index), by differences of binomial tails. */
function orderStatisticProbabilities(n: number, rank: number): number[] {
  const probabilities: number[] = [];
  const logWays = Array.from({ length: n + 1 }, (_, k) => logChoose(n, k));
  let below = 0;
  for (let index = 0; index < n; index++) {
    const atOrBelow = binomialTail(logWays, (index + 1) / n, rank);
    probabilities.push(Math.max(0, atOrBelow - below));
    below = atOrBelow;
  }
  return probabilities;
}

/** P(at least `least` successes in n trials of chance `chance`); `logWays[k]` is the logarithm of n over k. */
function binomialTail(logWays: readonly number[], chance: number, least: number): number {
  if (chance === 1) return 1;
  const n = logWays.length - 1;
  const [logChance, logOther] = [Math.log(chance), Math.log1p(-chance)];
  let sum = 0;
  for (let k = least; k <= n; k++) sum += Math.exp(logWays[k]! + k * logChance + (n - k) * logOther);
  return Math.min(1, sum);
}

function logChoose(n: number, k: number): number {
  return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1);
}
