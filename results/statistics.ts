/**
 * What a handful of noisy samples can say: their summary, and the ratio of two sets that were measured in pairs.
 *
 * Ratios are handled as differences of logarithms, so that "twice as slow" and "twice as fast" weigh the same, and
 * through medians, so that one sample hit by a hiccup of the machine moves nothing. No sample is ever dropped.
 */
import { medianSorted, quantileSorted } from 'simple-statistics';
import { bootstrapMedianInterval } from './statistics-bootstrap.ts';

/** The candidate's value as a multiple of the baseline's, with the interval that holds it. */
export interface RatioInterval {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly confidence: number;
  readonly pairs: number;
}

/** Median of `values` (not empty, all finite). */
export function median(values: readonly number[]): number {
  return medianSorted(ascending(values));
}

/** Quantile `share` (0 to 1) of `values`, linear between the two neighbours (type 7 of Hyndman and Fan). */
export function quantile(values: readonly number[], share: number): number {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`quantile ${share} is not between 0 and 1`);
  return quantileSorted(ascending(values), share);
}

/**
 * The median of the ratios candidate / baseline over pairs (`baseline[i]` and `candidate[i]` were measured in the same
 * round) with its bootstrap interval. All samples must be positive.
 */
export function pairedRatio(
  baseline: readonly number[],
  candidate: readonly number[],
  confidence = 0.95,
): RatioInterval {
  const logs = pairedLogRatios(baseline, candidate);
  const { low, high } = bootstrapMedianInterval(logs, confidence);
  return {
    ratio: Math.exp(median(logs)),
    low: Math.exp(low),
    high: Math.exp(high),
    confidence,
    pairs: logs.length,
  };
}

/**
 * How far from 1 a ratio must be to mean anything in this run: the larger of `least` (a share, 0.02 = 2 %) and the far
 * end of the interval of the A/A control, which compared the baseline with itself. Returned as a share above 1.
 */
export function noiseFloor(control: RatioInterval | null, least: number): number {
  if (control === null) return least;
  // In logarithms, so that a control that came out 5 % low counts like one that came out 5 % high.
  const farthest = Math.max(Math.abs(Math.log(control.low)), Math.abs(Math.log(control.high)));
  return Math.max(least, Math.expm1(farthest));
}

function pairedLogRatios(baseline: readonly number[], candidate: readonly number[]): number[] {
  if (baseline.length !== candidate.length) {
    throw new RangeError(`pairs need equal numbers of samples, not ${baseline.length} and ${candidate.length}`);
  }
  return baseline.map((base, index) => {
    const other = candidate[index]!;
    if (!(base > 0 && other > 0 && Number.isFinite(base) && Number.isFinite(other))) {
      throw new RangeError(`pair ${index}: a ratio needs positive samples, not ${base} and ${other}`);
    }
    return Math.log(other / base);
  });
}

function ascending(values: readonly number[]): number[] {
  if (values.length === 0) throw new RangeError('statistics need at least one sample');
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad !== undefined) throw new RangeError(`sample ${bad} is not a finite number`);
  return values.toSorted((a, b) => a - b);
}
