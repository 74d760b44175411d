/**
 * The verdict on a noisy metric of two variants that were measured in pairs, in one interleaved run.
 *
 *  - changed: the interval of the paired ratio excludes 1, and the effect is larger than the floor;
 *  - same: the whole interval lies within the floor, or the ratio where the control shows that of identical code to lie;
 *  - unsure: neither; with an estimate of how many more pairs would settle it.
 *
 * The floor is a stated least effect or the noise of the run's own A/A control, whichever is larger: a run that tells
 * the baseline from itself by 5 % has nothing to say about 3 %. What a verdict of `same` rests on is stated with it: that
 * there is no larger difference.
 *
 * A run that looks at its own verdict to decide whether to continue gets several chances to be wrong. Its intervals are wider
 * at every look, so that the stated confidence is that of all looks together.
 */
import { noiseFloor, pairedRatio, type RatioInterval } from './statistics.ts';

export interface PairedSamples {
  /** Positive samples, one a round. */
  readonly baseline: readonly number[];
  /** The baseline measured a second time in each round; null where a run had no control. */
  readonly control: readonly number[] | null;
  readonly candidate: readonly number[];
}

export interface ComparisonOptions {
  /** When the measuring ended: after a number of pairs that was fixed before (the default), or by looks at the verdict. */
  readonly ending?: Ending;
  /** The least effect that counts as a change, as a share; 0.02 by default. */
  readonly leastEffect?: number;
}

export interface PairedComparison {
  readonly verdict: 'changed' | 'same' | 'unsure';
  /** Where a changed candidate went. */
  readonly direction: 'higher' | 'lower' | 'neither';
  /** Candidate over baseline. */
  readonly interval: RatioInterval;
  /** Effects up to this share count as nothing; under a verdict of `same` the share within which the two are the same. */
  readonly floor: number;
  /** Control over baseline. */
  readonly control: RatioInterval | null;
  /** Estimated further pairs until the verdict is no longer unsure, at most {@link MORE_PAIRS_MAX}; 0 when it is not. */
  readonly morePairs: number;
}

/** `looks`: after each of the {@link LOOKS} of the schedule the verdict may have ended the run. */
export type Ending = 'fixed' | 'looks';

/** Of the interval that is stated: the chance that it holds the truth, over all looks. */
export const CONFIDENCE = 0.95;
/**
 * Of the interval that is taken, so that the stated one holds. For five looks each at the same level: Pocock's constant
 * 2.413 standard errors (Biometrika 64, 1977), which leaves 1.58 % outside. His looks are evenly spread and ours grow by
 * half, but both end at five times the first; the simulation in the tests is the proof.
 */
const TAKEN_CONFIDENCE: Readonly<Record<Ending, number>> = { fixed: CONFIDENCE, looks: 0.9842 };
export const DEFAULT_LEAST_EFFECT = 0.02;
/**
 * The control's interval leaves this much less outside than the comparison's own: at equal widths identical code would stay
 * outside its control's interval, and so unsure, every second time.
 */
const NOISE_TAIL = 1 / 5;
/** A run does not end by a verdict of `same` that rests on more noise than this: more pairs make it sharper. */
export const SHARP_FLOOR = 0.06;
/** With 5 pairs even "every pair agrees" happens by chance in 1 of 16 runs: no 95 % interval exists below 6. */
export const PAIRS_MIN = 6;
export const MORE_PAIRS_MAX = 1000;

/** Judges `candidate` against `baseline`. Throws RangeError when the sides differ in number or a sample is not positive. */
export function comparePaired(samples: PairedSamples, options: ComparisonOptions = {}): PairedComparison {
  const { baseline, candidate } = samples;
  const taken = TAKEN_CONFIDENCE[options.ending ?? 'fixed'];
  const interval = { ...pairedRatio(baseline, candidate, taken), confidence: CONFIDENCE };
  const control = samples.control === null ? null : noiseInterval(baseline, samples.control, taken);
  const floor = noiseFloor(control, options.leastEffect ?? DEFAULT_LEAST_EFFECT);
  const usual =
    samples.control === null
      ? floor
      : Math.max(floor, usualDistance(pairedRatio(baseline, samples.control, taken), interval));
  const verdict = judge(interval, floor, usual);
  return {
    verdict,
    direction: verdict !== 'changed' ? 'neither' : interval.ratio > 1 ? 'higher' : 'lower',
    interval,
    floor: verdict === 'same' ? usual : floor,
    control,
    morePairs: verdict === 'unsure' ? estimateMorePairs(interval, floor) : 0,
  };
}

/** The baseline against itself. */
function noiseInterval(baseline: readonly number[], control: readonly number[], taken: number): RatioInterval {
  const wider = (confidence: number) => 1 - NOISE_TAIL * (1 - confidence);
  return { ...pairedRatio(baseline, control, wider(taken)), confidence: wider(CONFIDENCE) };
}

/**
 * How far from 1 the interval of identical code usually reaches, as a share: half the width of the control's interval is how
 * far the ratio of identical code strays, half the width of its own how far the interval reaches beyond its ratio. To hold it
 * against the noise floor instead would call identical code unsure in every fourth run.
 */
function usualDistance(control: RatioInterval, own: RatioInterval): number {
  return Math.sqrt((control.high / control.low) * (own.high / own.low)) - 1;
}

/** Whether more pairs would add nothing that matters: a clear change, or none and little noise. */
export function isSettled({ verdict, floor }: Pick<PairedComparison, 'verdict' | 'floor'>): boolean {
  return verdict === 'changed' || (verdict === 'same' && floor <= SHARP_FLOOR);
}

function judge(interval: RatioInterval, floor: number, usual: number): PairedComparison['verdict'] {
  if (interval.pairs < PAIRS_MIN) return 'unsure';
  const excludesOne = interval.low > 1 || interval.high < 1;
  const beyondFloor = interval.ratio > 1 + floor || interval.ratio < 1 / (1 + floor);
  if (excludesOne && beyondFloor) return 'changed';
  const isUsual = interval.low >= 1 / (1 + usual) && interval.high <= 1 + usual;
  return isUsual ? 'same' : 'unsure';
}

/**
 * The width of an interval shrinks with the square root of the pairs. It must shrink below the effect to exclude 1, or
 * below what is left between the effect and the floor to lie inside it; an effect a hair below the floor would need pairs without end.
 */
function estimateMorePairs(interval: RatioInterval, floor: number): number {
  const effect = Math.abs(Math.log(interval.ratio));
  const limit = Math.log1p(floor);
  const halfWidth = (Math.log(interval.high) - Math.log(interval.low)) / 2;
  const target = Math.max(effect > limit ? effect : limit - effect, Number.EPSILON);
  const wanted = Math.max(PAIRS_MIN, interval.pairs * (halfWidth / target) ** 2);
  const more = Math.ceil(Math.max(1, wanted - interval.pairs) / 2) * 2;
  return Math.min(more, MORE_PAIRS_MAX);
}
