/**
 * Where a series over commits changed its level.
 *
 * Noisy series: "differs from the previous point" raises an alarm at every fifth of 100 identical commits. Here the
 * stretch of points is sought whose ranks differ most from the rest (a stretch in the middle is a regression and its
 * repair, one that reaches an end is a lasting change: circular binary segmentation, Olshen and others 2004). It is kept
 * only when hardly any shuffle of the same points holds a stretch that differs as much: a permutation test, so no
 * distribution is assumed and the choice among many stretches is paid for. The pieces are then examined the same way.
 * Ranks make one wild point weigh no more than any other.
 *
 * What is assumed: without a change the points are exchangeable, that is, the machine does not drift from commit to
 * commit. Work grows with the square of the points: 1 000 points take seconds.
 *
 * Exact series: every difference is a change.
 */
import { median } from './statistics.ts';
import { mannWhitney } from './statistics-mann-whitney.ts';
import { type SeededRandom, seededRandom, shuffle } from './statistics-random.ts';

export interface ChangePoint {
  /** Index of the first point at the new level. */
  readonly index: number;
  /** Medians of the level before and after, in the series' unit. */
  readonly before: number;
  readonly after: number;
  readonly ratio: number;
  /** Share of shuffles of the points around it that hold as large a difference. */
  readonly p: number;
}

export interface ChangePointOptions {
  /** A change is kept up to this p; 0.001 by default: about one false alarm in 1 000 series without a change. */
  readonly significance?: number;
  /** Level changes below this share are not reported; 0.02 by default. */
  readonly leastEffect?: number;
  readonly seed?: number;
}

export interface ExactChange {
  readonly index: number;
  readonly before: number;
  readonly after: number;
}

/** Fewer points than this are stray points, not a level. */
const LEVEL_POINTS_MIN = 3;
/** Slack for sums that are equal on paper, so that rounding decides nothing. */
const ROUNDING = 1e-9;
const DEFAULT_SIGNIFICANCE = 0.001;
const DEFAULT_LEAST_EFFECT = 0.02;

/** The indices at which an exact series differs from the point before. */
export function exactChanges(values: readonly number[]): ExactChange[] {
  return values.flatMap((after, index) => {
    const before = values[index - 1];
    return before === undefined || before === after ? [] : [{ index, before, after }];
  });
}

/** The level changes of a noisy series of positive numbers in commit order, ascending by index. */
export function changePoints(values: readonly number[], options: ChangePointOptions = {}): ChangePoint[] {
  const bad = values.find((value) => !(value > 0 && Number.isFinite(value)));
  if (bad !== undefined) throw new RangeError(`a trend needs positive points, not ${bad}`);
  const significance = options.significance ?? DEFAULT_SIGNIFICANCE;
  if (!(significance >= 1e-5 && significance < 1)) throw new RangeError(`significance ${significance}`);
  if (values.length === 0) return [];
  const random = seededRandom(options.seed ?? 1);
  const edges = splitRecursively(values, 0, values.length, { significance, random });
  const certain = dropUncertain(values, edges, significance);
  return describe(values, dropSmall(values, certain, options.leastEffect ?? DEFAULT_LEAST_EFFECT));
}

interface Edge {
  /** Index of the first point after the edge. */
  readonly index: number;
  readonly p: number;
}

interface PermutationTest {
  readonly significance: number;
  readonly random: SeededRandom;
}

/** The edges of all significant stretches in [from, to), ascending. */
function splitRecursively(values: readonly number[], from: number, to: number, test: PermutationTest): Edge[] {
  const ranks = centredRanks(values.slice(from, to));
  const stretch = mostDifferentStretch(ranks);
  if (stretch === null) return [];
  const p = permutationP(ranks, stretch.score, test);
  if (p === null) return [];
  const inner = [from + stretch.start, from + stretch.end].filter((index) => index > from && index < to);
  const bounds = [from, ...inner, to];
  return bounds.slice(1).flatMap((end, piece) => {
    const edges = splitRecursively(values, bounds[piece]!, end, test);
    return end === to ? edges : [...edges, { index: end, p }];
  });
}

/** The share of shuffles of `ranks` with a stretch of at least `score`; null as soon as it must exceed the significance. */
function permutationP(ranks: Float64Array, score: number, { significance, random }: PermutationTest): number | null {
  // Two exceedances are allowed, so that the p of a kept edge is an estimate and not just "never seen".
  const shuffles = Math.ceil(3 / significance) - 1;
  let exceeded = 0;
  for (let round = 0; round < shuffles; round++) {
    const shuffled = mostDifferentStretch(shuffle(ranks, random));
    if (shuffled !== null && shuffled.score >= score - ROUNDING) exceeded++;
    if ((exceeded + 1) / (shuffles + 1) > significance) return null;
  }
  return (exceeded + 1) / (shuffles + 1);
}

interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly score: number;
}

/**
 * The stretch [start, end) with the largest rank sum in units of its standard deviation (up to a common factor). Each
 * piece it leaves, before and after, is empty or long enough to be a level.
 */
function mostDifferentStretch(ranks: Float64Array): Stretch | null {
  const count = ranks.length;
  const sums = new Float64Array(count + 1);
  for (let index = 0; index < count; index++) sums[index + 1] = sums[index]! + ranks[index]!;
  let best: Stretch = { start: 0, end: 0, score: 0 };
  for (let start = 0; start <= count - LEVEL_POINTS_MIN; start++) {
    if (start > 0 && start < LEVEL_POINTS_MIN) continue;
    for (let end = start + LEVEL_POINTS_MIN; end <= count; end++) {
      const outside = count - (end - start);
      if (outside < LEVEL_POINTS_MIN || (end < count && end > count - LEVEL_POINTS_MIN)) continue;
      const sum = sums[end]! - sums[start]!;
      const score = (sum * sum) / ((end - start) * outside);
      if (score > best.score + ROUNDING) best = { start, end, score };
    }
  }
  return best.score > 0 ? best : null;
}

/** A stretch may have one edge that is real and one that is not: joins the levels that chance may tell apart. */
function dropUncertain(values: readonly number[], edges: readonly Edge[], significance: number): Edge[] {
  return dropWhile(edges, (kept) => {
    const chances = levels(values, kept)
      .slice(1)
      .map((level, place) => mannWhitney(levels(values, kept)[place]!, level).p);
    const worst = Math.max(...chances);
    return worst > significance ? chances.indexOf(worst) : null;
  });
}

/** Joins the two levels that differ least until all neighbours differ by the least effect. */
function dropSmall(values: readonly number[], edges: readonly Edge[], leastEffect: number): Edge[] {
  return dropWhile(edges, (kept) => {
    const effects = describe(values, kept).map(({ ratio }) => Math.abs(Math.log(ratio)));
    const smallest = Math.min(...effects);
    return smallest < Math.log1p(leastEffect) ? effects.indexOf(smallest) : null;
  });
}

/** Removes the edge that `choose` names, one at a time, because joining two levels changes how the others compare. */
function dropWhile(edges: readonly Edge[], choose: (kept: readonly Edge[]) => number | null): Edge[] {
  const kept = [...edges];
  while (kept.length > 0) {
    const place = choose(kept);
    if (place === null) break;
    kept.splice(place, 1);
  }
  return kept;
}

function levels(values: readonly number[], edges: readonly Edge[]): number[][] {
  const bounds = [0, ...edges.map(({ index }) => index), values.length];
  return bounds.slice(1).map((end, place) => values.slice(bounds[place]!, end));
}

function describe(values: readonly number[], edges: readonly Edge[]): ChangePoint[] {
  const medians = levels(values, edges).map(median);
  return edges.map(({ index, p }, place) => {
    const [before, after] = [medians[place]!, medians[place + 1]!];
    return { index, before, after, ratio: after / before, p };
  });
}

/** Ranks minus their mean; equal values share the mean of their ranks. */
function centredRanks(values: readonly number[]): Float64Array {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length);
  for (let first = 0; first < order.length; ) {
    let last = first;
    while (last + 1 < order.length && values[order[last + 1]!] === values[order[first]!]) last++;
    for (let place = first; place <= last; place++) {
      ranks[order[place]!] = (first + last) / 2 - (values.length - 1) / 2;
    }
    first = last + 1;
  }
  return ranks;
}
