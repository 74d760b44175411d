/**
 * The order in which the variants of a comparison are measured, and when enough has been measured.
 *
 * A machine drifts (temperature, neighbours, page cache), so variants measured one after the other differ for reasons
 * that are not theirs. Here every round measures each variant once; rounds come in blocks of two, the second in the
 * reverse order of the first (ABBA), which cancels a steady drift. Over a group of as many blocks as there are variants
 * each variant takes each place equally often, and the seed shuffles what stays free. Variant 0 is the baseline,
 * variant 1 the A/A control: the baseline under another label.
 */
import { seededRandom, shuffle } from './statistics-random.ts';

export interface ScheduledSample {
  /** Position in the run, from 0. */
  readonly order: number;
  /** Samples of one round form pairs. */
  readonly round: number;
  readonly variant: number;
}

export const ROUNDS_A_BLOCK = 2;

/** The samples of block `block` (from 0), in the order to measure them: two rounds of `variantCount` samples. */
export function scheduleBlock(variantCount: number, block: number, seed: number): ScheduledSample[] {
  if (!Number.isInteger(variantCount) || variantCount < 1) throw new RangeError(`${variantCount} variants`);
  if (!Number.isInteger(block) || block < 0) throw new RangeError(`block ${block}`);
  const group = Math.floor(block / variantCount);
  const random = seededRandom(seed, group);
  const base = shuffle([...Array(variantCount).keys()], random);
  // Rotations of one order put each variant in each place once; their own order is shuffled too.
  const rotation = shuffle([...Array(variantCount).keys()], random)[block % variantCount]!;
  const forward = [...base.slice(rotation), ...base.slice(0, rotation)];
  const firstOrder = block * ROUNDS_A_BLOCK * variantCount;
  return [...forward, ...forward.toReversed()].map((variant, index) => ({
    order: firstOrder + index,
    round: block * ROUNDS_A_BLOCK + Math.floor(index / variantCount),
    variant,
  }));
}

/**
 * The number of pairs before the first look at the verdicts, the second, and so on; after the last the run ends. Not after every block: each look is one more chance to see a difference that is not there, and
 * `comparison.ts` pays for these five.
 */
export const LOOKS = [20, 30, 44, 66, 100] as const;
export const MOST_PAIRS = LOOKS[4];

export interface Budget {
  /** Never more than this. */
  readonly mostPairs: number;
  /** No block is begun that is expected to end later than this after the first. */
  readonly timeNs: number;
}

export interface Progress {
  readonly pairs: number;
  readonly elapsedNs: number;
  /** Every verdict is settled, see `isSettled`. */
  readonly settled: boolean;
}

export interface Continuation {
  readonly measureMore: boolean;
  readonly reason: 'between-looks' | 'unsettled' | 'settled' | 'most-pairs' | 'time';
}

/** Whether to measure another block. */
export function measureMore({ pairs, elapsedNs, settled }: Progress, { mostPairs, timeNs }: Budget): Continuation {
  const blocks = pairs / ROUNDS_A_BLOCK;
  const nextEndNs = blocks === 0 ? 0 : elapsedNs + elapsedNs / blocks;
  if (pairs + ROUNDS_A_BLOCK > mostPairs && pairs > 0) return { measureMore: false, reason: 'most-pairs' };
  if (nextEndNs > timeNs) return { measureMore: false, reason: 'time' };
  if (!(LOOKS as readonly number[]).includes(pairs)) return { measureMore: true, reason: 'between-looks' };
  return settled ? { measureMore: false, reason: 'settled' } : { measureMore: true, reason: 'unsettled' };
}
