import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LatencyHistogram, mergeHistograms, quantileNs } from './histogram.ts';
import { Histogram } from './record.ts';

const latencies = fc.array(
  fc.oneof(fc.nat(2000), fc.integer({ min: 0, max: 10_000_000 }), fc.integer({ min: 0, max: 3_600_000_000_000 })),
  { minLength: 1, maxLength: 300 },
);

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram.summary()!;
}

/** The latency of that rank in the sorted list: what a quantile means, without bins. */
function trueQuantile(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)]!;
}

test('quantiles are within 1 % of the sorted list, never below it', () => {
  fc.assert(
    fc.property(latencies, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 0.999, 1), (values, quantile) => {
      const truth = trueQuantile(values, quantile);
      const found = quantileNs(histogramOf(values), quantile);
      assert.ok(found >= truth && found <= truth * 1.01 + 1, `q${quantile}: ${found}, sorted list ${truth}`);
    }),
  );
});

test('a summary is valid for the record and keeps count, bounds and mean', () => {
  fc.assert(
    fc.property(latencies, (values) => {
      const summary = Histogram.parse(histogramOf(values));
      assert.equal(summary.count, values.length);
      assert.equal(summary.minNs, Math.min(...values));
      assert.equal(summary.maxNs, Math.max(...values));
      assert.ok(Math.abs(summary.meanNs - values.reduce((a, b) => a + b, 0) / values.length) < 1);
      const bounds = summary.bins.map(([bound]) => bound);
      assert.deepEqual(
        bounds,
        bounds.toSorted((a, b) => a - b),
      );
    }),
  );
});

test('merging equals recording everything in one histogram', () => {
  fc.assert(
    fc.property(latencies, latencies, (left, right) => {
      const { meanNs: mergedMean, ...merged } = mergeHistograms(histogramOf(left), histogramOf(right));
      const { meanNs, ...whole } = histogramOf([...left, ...right]);
      assert.deepEqual(merged, whole);
      assert.ok(Math.abs(mergedMean - meanNs) <= 1e-9 * Math.max(1, meanNs));
    }),
  );
});

test('no latency, no histogram; a clock set back counts as 0; more than an hour keeps its maximum', () => {
  assert.equal(new LatencyHistogram().summary(), null);
  assert.equal(histogramOf([-5]).maxNs, 0);
  assert.equal(histogramOf([5e12]).maxNs, 5e12);
});
