/**
 * Does a model predict measured times well enough? From blocks of probe, run, run, probe (ABBA), so that a machine that
 * changes its pace changes both; the prediction of a block is made from both of its probes.
 *
 *  - within: the whole interval of predicted / measured lies within the tolerance;
 *  - outside: it lies beyond it as a whole, and nothing says that the machine was busy;
 *  - unsure: anything else, with the reason.
 *
 * Other work on the machine lengthens runs more than it lengthens the middle of a probe. It can make a true model look
 * wrong, hardly a wrong one look true: so it turns `outside` into `unsure`.
 */
import { PAIRS_MIN } from './comparison.ts';
import { noiseFloor, pairedRatio, type RatioInterval } from './statistics.ts';

export interface PredictionBlock {
  readonly measuredNs: readonly [number, number];
  /** Of the same two runs. */
  readonly predictedNs: readonly [number, number];
  /** What the file operations of a run cost by the first probe, and by the second. */
  readonly probedNs: readonly [number, number];
  /** By how much the mean of the probed syncs exceeds their median, as a share. */
  readonly tail: number;
}

export interface PredictionVerdict {
  readonly verdict: 'within' | 'outside' | 'unsure';
  /** Predicted over measured. */
  readonly interval: RatioInterval;
  /** Why it is unsure; null otherwise. */
  readonly reason: string | null;
}

/** Of the prediction, as a share. */
export const TOLERANCE = 0.15;
/** Share of the time in which something waited for a CPU; a single process on an idle machine waits for next to nothing. */
const MOST_WAITING = 0.25;

/** Judges blocks (one at least); `waiting` is the share of the time in which anything on the machine waited for a CPU. */
export function judgePrediction(blocks: readonly PredictionBlock[], waiting: number): PredictionVerdict {
  const both = (pair: readonly [number, number]) => (pair[0] + pair[1]) / 2;
  const interval = pairedRatio(
    blocks.map(({ measuredNs }) => both(measuredNs)),
    blocks.map(({ predictedNs }) => both(predictedNs)),
  );
  const { low, high, pairs } = interval;
  const unsure = (reason: string): PredictionVerdict => ({ verdict: 'unsure', interval, reason });
  if (pairs < PAIRS_MIN) return unsure(`${pairs} rounds are too few for an interval: at least ${PAIRS_MIN}`);
  if (low >= 1 - TOLERANCE && high <= 1 + TOLERANCE) return { verdict: 'within', interval, reason: null };
  const busy = busyReason(blocks, waiting);
  if (busy !== null) return unsure(`the machine is busy: ${busy}`);
  if (high < 1 - TOLERANCE || low > 1 + TOLERANCE) return { verdict: 'outside', interval, reason: null };
  return unsure(`the interval reaches across ${percent(TOLERANCE)}: more --rounds make it narrower`);
}

function busyReason(blocks: readonly PredictionBlock[], waiting: number): string | null {
  if (waiting > MOST_WAITING) return `something waited for a CPU ${percent(waiting)} of the time`;
  const runs = noiseOf(blocks.map(({ measuredNs }) => measuredNs));
  if (runs > TOLERANCE) return `the same run, twice in a row, differs by up to ${percent(runs)}`;
  const probes = noiseOf(blocks.map(({ probedNs }) => probedNs));
  if (probes > TOLERANCE) return `two probes around a run differ by up to ${percent(probes)}`;
  const tail = blocks.reduce((sum, block) => sum + block.tail, 0) / blocks.length;
  if (tail > TOLERANCE) return `a sync takes ${percent(tail)} longer on average than in the median`;
  return null;
}

/** The far end of the interval between the first and the second of each pair, which ought to be equal. */
function noiseOf(pairs: readonly (readonly [number, number])[]): number {
  const [first, second] = [pairs.map(([one]) => one), pairs.map(([, other]) => other)];
  return noiseFloor(pairedRatio(first, second), 0);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
