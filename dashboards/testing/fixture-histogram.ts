/** FIXTURE: made-up latency histograms, for tests of the pages. */
import type { Histogram } from '../../results/record.ts';

/** Bins whose counts are raised from `drawn` to `count` in all. */
function scaled(bins: readonly [number, number][], drawn: number, count: number): [number, number][] {
  let before = 0;
  let given = 0;
  return bins.map(([lower, own]) => {
    before += own;
    const upTo = Math.round((before / drawn) * count);
    const next: [number, number] = [lower, upTo - given];
    given = upTo;
    return next;
  });
}

/** Numbers from 0 to 1. */
export type Random = () => number;

/** A log-normal latency histogram with a few slow outliers, in bins of 1/16 octave. */
export function fixtureHistogram(random: Random, count: number, middleNs: number, spread = 0.35): Histogram {
  const drawn = Math.min(count, 4000);
  const values = Array.from({ length: drawn }, () => {
    const bell = random() + random() + random() + random() - 2;
    const slow = random() < 0.01 ? 6 + random() * 20 : 1;
    return Math.max(1, Math.round(middleNs * Math.exp(bell * 2 * spread) * slow));
  }).sort((a, b) => a - b);
  const bins = new Map<number, number>();
  for (const value of values) {
    const lower = Math.floor(2 ** (Math.floor(Math.log2(value) * 16) / 16));
    bins.set(lower, (bins.get(lower) ?? 0) + 1);
  }
  const sorted = [...bins].sort(([a], [b]) => a - b);
  const at = (q: number) => values[Math.min(drawn - 1, Math.floor(q * drawn))] ?? 0;
  return {
    unit: 'ns',
    count,
    minNs: at(0),
    maxNs: at(1),
    meanNs: values.reduce((sum, value) => sum + value, 0) / drawn,
    p50Ns: at(0.5),
    p90Ns: at(0.9),
    p99Ns: at(0.99),
    p999Ns: at(0.999),
    bins: scaled(sorted, drawn, count),
  };
}
