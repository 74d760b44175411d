/**
 * The verdict on exact metrics: counts and bytes that must repeat to the digit. One run of each side is enough, and a
 * difference of one is a finding. Two runs of the *same* side that differ are an error of the program, not noise.
 */
import type { ExactCounters } from './record.ts';

export interface ExactDifference {
  /** Path of the counter, for example `fsyncs` or `byKind.l2.writes`. */
  readonly metric: string;
  readonly baseline: number;
  readonly candidate: number;
}

export interface Nondeterminism {
  readonly side: 'baseline' | 'candidate';
  readonly metric: string;
  /** What the replicas of that side counted, in order. */
  readonly values: readonly number[];
}

export interface ExactComparison {
  /** `nondeterministic` is an error: nothing may be concluded from the differences. */
  readonly verdict: 'equal' | 'different' | 'nondeterministic';
  readonly differences: readonly ExactDifference[];
  readonly nondeterminism: readonly Nondeterminism[];
}

/** Compares the counters of one or more runs of each side; all runs of a side must agree. */
export function compareExact(baseline: readonly ExactCounters[], candidate: readonly ExactCounters[]): ExactComparison {
  return compareMetrics(baseline.map(exactMetrics), candidate.map(exactMetrics));
}

/** Its breakdown by cause begins with the same word. A side of a version that did not tell syncs apart has neither. */
const SPLIT_TOTAL = 'workingSyncs';

/** The same for metrics by name; a name that one side lacks counts 0 there, but for what its version did not count at all. */
export function compareMetrics(
  baseline: readonly ReadonlyMap<string, number>[],
  candidate: readonly ReadonlyMap<string, number>[],
): ExactComparison {
  if (baseline.length === 0 || candidate.length === 0) throw new RangeError('both sides need at least one run');
  const known = [...baseline, ...candidate].every((metrics) => metrics.has(SPLIT_TOTAL));
  const all = new Set([...baseline, ...candidate].flatMap((metrics) => [...metrics.keys()]));
  const names = [...all].filter((name) => known || !name.startsWith(SPLIT_TOTAL));
  const differences: ExactDifference[] = [];
  const nondeterminism: Nondeterminism[] = [];
  for (const metric of names) {
    const sides = { baseline: valuesOf(baseline, metric), candidate: valuesOf(candidate, metric) };
    for (const side of ['baseline', 'candidate'] as const) {
      const values = sides[side];
      if (values.some((value) => value !== values[0])) nondeterminism.push({ side, metric, values });
    }
    const [before, after] = [sides.baseline[0]!, sides.candidate[0]!];
    if (before !== after) differences.push({ metric, baseline: before, candidate: after });
  }
  const verdict = nondeterminism.length > 0 ? 'nondeterministic' : differences.length > 0 ? 'different' : 'equal';
  return { verdict, differences, nondeterminism };
}

/** Every number in `counters` by its path, in the record's order. */
export function exactMetrics(counters: ExactCounters): Map<string, number> {
  const metrics = new Map<string, number>();
  collect(counters, '', metrics);
  return metrics;
}

function collect(value: unknown, path: string, into: Map<string, number>): void {
  if (typeof value === 'number') into.set(path, value);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) collect(inner, path === '' ? name : `${path}.${name}`, into);
  }
}

function valuesOf(runs: readonly ReadonlyMap<string, number>[], metric: string): number[] {
  return runs.map((metrics) => metrics.get(metric) ?? 0);
}
