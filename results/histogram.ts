/**
 * Latency histograms: log-linear (HDR) bins with two significant digits, so each value is kept within 1 %.
 *
 * Own wrapper because the record needs the bins themselves: `perf_hooks.createHistogram` is as fast but gives none out.
 * Two digits keep a series in a few hundred bins; 1 % is far below the noise of any latency.
 *
 * Invariants:
 *  1. Bins are ascending and their counts add up to `count`.
 *  2. All histograms share one layout, so equal bounds mean equal bins and merging is adding.
 */
import { Int32Histogram } from 'hdr-histogram-js';
import type { Histogram } from './record.ts';

type Bins = Histogram['bins'];

/** One hour: longer latencies are counted as this long. `maxNs` keeps the true value. */
const HIGHEST_NS = 3_600_000_000_000;
const SIGNIFICANT_DIGITS = 2;

function newLayout(): Int32Histogram {
  const layout = new Int32Histogram(1, HIGHEST_NS, SIGNIFICANT_DIGITS);
  layout.autoResize = false;
  return layout;
}

/** Collects latencies of one series. Recording costs about 60 ns and allocates nothing. */
export class LatencyHistogram {
  readonly #bins = newLayout();
  #count = 0;
  #sumNs = 0;
  #minNs = Number.POSITIVE_INFINITY;
  #maxNs = 0;

  get count(): number {
    return this.#count;
  }

  /** Sum of all recorded latencies, in nanoseconds. */
  get sumNs(): number {
    return this.#sumNs;
  }

  /** `latencyNs` is rounded to whole nanoseconds; a negative one (a clock set back) counts as 0. */
  record(latencyNs: number): void {
    const value = Math.max(0, Math.round(latencyNs));
    this.#bins.recordValue(Math.min(value, HIGHEST_NS));
    this.#count++;
    this.#sumNs += value;
    if (value < this.#minNs) this.#minNs = value;
    if (value > this.#maxNs) this.#maxNs = value;
  }

  /** The histogram as the record keeps it; null when nothing was recorded. */
  summary(): Histogram | null {
    if (this.#count === 0) return null;
    return summarise(sparseBins(this.#bins), this.#minNs, this.#maxNs, this.#sumNs / this.#count);
  }
}

/** Both sets of latencies in one histogram; exact but for the bins' 1 %. */
export function mergeHistograms(a: Histogram, b: Histogram): Histogram {
  const counts = new Map<number, number>(a.bins);
  for (const [boundNs, count] of b.bins) counts.set(boundNs, (counts.get(boundNs) ?? 0) + count);
  const bins: Bins = [...counts].sort(([left], [right]) => left - right);
  const mean = (a.meanNs * a.count + b.meanNs * b.count) / (a.count + b.count);
  return summarise(bins, Math.min(a.minNs, b.minNs), Math.max(a.maxNs, b.maxNs), mean);
}

/**
 * The latency that a share `quantile` (0 to 1) of the recorded ones does not exceed, in nanoseconds: the upper end of
 * its bin, never more than the true maximum.
 */
export function quantileNs(histogram: Pick<Histogram, 'bins' | 'count' | 'maxNs'>, quantile: number): number {
  const rank = Math.max(1, Math.ceil(quantile * histogram.count));
  let below = 0;
  for (const [boundNs, count] of histogram.bins) {
    below += count;
    if (below >= rank) return Math.min(LAYOUT.highestEquivalentValue(boundNs), histogram.maxNs);
  }
  return histogram.maxNs;
}

/** Only asked where bins begin and end. */
const LAYOUT = newLayout();

function sparseBins(histogram: Int32Histogram): Bins {
  const bins: Bins = [];
  for (let index = 0; index < histogram.countsArrayLength; index++) {
    const count = histogram.getCountAtIndex(index);
    if (count > 0) bins.push([histogram.valueFromIndex(index), count]);
  }
  return bins;
}

function summarise(bins: Bins, minNs: number, maxNs: number, meanNs: number): Histogram {
  const count = bins.reduce((sum, [, inBin]) => sum + inBin, 0);
  const at = (quantile: number) => quantileNs({ bins, count, maxNs }, quantile);
  return {
    unit: 'ns',
    count,
    minNs,
    maxNs,
    meanNs,
    p50Ns: at(0.5),
    p90Ns: at(0.9),
    p99Ns: at(0.99),
    p999Ns: at(0.999),
    bins,
  };
}
