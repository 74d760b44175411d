/**
 * How a cell's times compare with its baseline's: the verdict that the run recorded, or else the same judgement made from
 * the rounds that both share. Rounds that were traced are in no pair.
 */
import { comparePaired, PAIRS_MIN, type PairedComparison } from '../../results/comparison.ts';
import type { Cell, ComparedTime, Round, RunRecord } from '../../results/record.ts';
import { formatCount, formatRatio, formatShare } from './quantities.ts';

/** A figure of one round, and the name under which runs record their verdict on it. */
export interface TimedFigure {
  readonly of: (round: Round) => number;
  readonly recordedAs?: ComparedTime;
}

export const WALL_TIME: TimedFigure = { of: (round) => round.wallNs, recordedAs: 'wall' };
export const CPU_TIME: TimedFigure = { of: (round) => round.userCpuNs + round.systemCpuNs, recordedAs: 'cpu' };

export type PairedTime = Pick<
  PairedComparison,
  'verdict' | 'direction' | 'interval' | 'floor' | 'control' | 'morePairs'
>;

/** The rounds that are compared: not the one that was traced for the pictures. */
function comparableRounds(cell: Cell): Round[] {
  return cell.rounds.filter(({ traced }) => traced !== true);
}

function fromRounds(cell: Cell, baseline: Cell, { of }: TimedFigure): PairedTime | null {
  const partner = (rounds: readonly Round[] | undefined, { index }: Round) =>
    rounds?.find((round) => round.index === index);
  const controlled = baseline.control !== undefined && baseline.control.length > 0;
  const triples = comparableRounds(cell).flatMap((round) => {
    const base = partner(comparableRounds(baseline), round);
    const control = controlled ? partner(baseline.control, round) : base;
    if (base === undefined || control === undefined) return [];
    const times = [of(base), of(round), of(control)] as const;
    // A time of zero has no ratio.
    return times.every((time) => time > 0) ? [times] : [];
  });
  if (triples.length === 0) return null;
  return comparePaired({
    baseline: triples.map(([base]) => base),
    candidate: triples.map(([, candidate]) => candidate),
    control: controlled ? triples.map(([, , control]) => control) : null,
  });
}

/** Null when the two share no round with such a time. */
export function pairedTime(record: RunRecord, cell: Cell, baseline: Cell, figure: TimedFigure): PairedTime | null {
  const recorded = record.comparisons
    ?.find((comparison) => comparison.baseline === baseline.id && comparison.candidate === cell.id)
    ?.times.find(({ metric }) => metric === figure.recordedAs);
  return recorded ?? fromRounds(cell, baseline, figure);
}

/** True when there are enough pairs for an interval to mean anything. */
export function hasInterval({ interval }: PairedTime): boolean {
  return interval.pairs >= PAIRS_MIN;
}

/** `95 % interval 7.9× to 8.5×, 20 pairs`, or how few rounds there were. */
export function intervalWords(time: PairedTime): string {
  const { low, high, confidence, pairs } = time.interval;
  if (pairs === 1) return 'one pair of rounds: no interval';
  const range = `${formatRatio(low)} to ${formatRatio(high)}`;
  if (!hasInterval(time)) return `range of ${formatCount(pairs)} pairs: ${range} (an interval needs ${PAIRS_MIN})`;
  return `${formatShare(confidence)} interval ${range}, ${formatCount(pairs)} pairs`;
}

/** What the comparison concludes, in words that fit a table. */
export function verdictWords(time: PairedTime): string {
  const { verdict, direction, floor, morePairs } = time;
  if (verdict === 'same') return `the same within ${formatShare(floor)}`;
  if (verdict === 'changed') return direction === 'higher' ? 'slower' : 'faster';
  return morePairs > 0 ? `unsure; about ${formatCount(morePairs)} more pairs` : 'unsure';
}
