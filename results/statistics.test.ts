import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { medianSorted } from 'simple-statistics';
import { median, noiseFloor, pairedRatio, quantile } from './statistics.ts';
import { bootstrapMedianDistribution, bootstrapMedianInterval } from './statistics-bootstrap.ts';
import { seededRandom, shuffle } from './statistics-random.ts';

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);
}

describe('median and quantiles', () => {
  test('quantiles follow type 7, as R and numpy compute them', () => {
    // R: quantile(c(3, 6, 7, 8, 8, 10, 13, 15, 16, 20)) -> 3.00 7.25 9.00 14.50 20.00
    const values = [20, 3, 13, 7, 8, 10, 6, 15, 16, 8];
    assert.deepEqual(
      [0, 0.25, 0.5, 0.75, 1].map((share) => quantile(values, share)),
      [3, 7.25, 9, 14.5, 20],
    );
  });

  test('input that has no median is refused', () => {
    assert.throws(() => median([]), /at least one sample/);
    assert.throws(() => median([1, Number.NaN]), /NaN is not a finite number/);
    assert.throws(() => quantile([1], 1.5), /not between 0 and 1/);
  });
});

/** The median of every one of the n^n resamples, with how often it occurs. */
function enumerateMedians(values: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  const n = values.length;
  for (let code = 0; code < n ** n; code++) {
    const resample = Array.from({ length: n }, (_, place) => values[Math.floor(code / n ** place) % n]!);
    const middle = medianSorted(resample.sort((a, b) => a - b));
    counts.set(middle, (counts.get(middle) ?? 0) + 1);
  }
  return counts;
}

describe('bootstrap of the median', () => {
  for (const values of [
    [5],
    [1, 2],
    [3, 1, 10],
    [7, 1, 4, 20],
    [2, 2, 9, 30],
    [1, 8, 3, 50, 120],
    [6, 1, 31, 3, 99, 14],
  ]) {
    test(`equals the enumeration of all resamples of ${values.join(' ')}`, () => {
      const expected = enumerateMedians(values);
      const actual = new Map<number, number>();
      for (const { value, probability } of bootstrapMedianDistribution(values)) {
        actual.set(value, (actual.get(value) ?? 0) + probability);
      }
      for (const [value, count] of expected) {
        near(actual.get(value) ?? 0, count / values.length ** values.length, 1e-12);
      }
      near(
        [...actual.values()].reduce((sum, probability) => sum + probability, 0),
        1,
        1e-12,
      );
    });
  }

  test('20 samples: equals 200 000 drawn resamples', () => {
    const random = seededRandom(7);
    const values = Array.from({ length: 20 }, () => random.next());
    const medians = Array.from({ length: 200_000 }, () => {
      const resample = Float64Array.from({ length: 20 }, () => values[random.below(20)]!).sort();
      return (resample[9]! + resample[10]!) / 2;
    }).sort((a, b) => a - b);
    let exact = 0;
    let drawn = 0;
    for (const { value, probability } of bootstrapMedianDistribution(values)) {
      exact += probability;
      while (drawn < medians.length && medians[drawn]! <= value) drawn++;
      near(drawn / medians.length, exact, 0.004);
    }
  });

  test('probabilities add up to 1 for every size up to 60 and for 2000', () => {
    for (const size of [...Array(60).keys()].map((index) => index + 1).concat(2000)) {
      const atoms = bootstrapMedianDistribution(Array.from({ length: size }, (_, index) => index));
      near(
        atoms.reduce((sum, atom) => sum + atom.probability, 0),
        1,
        1e-8,
      );
    }
  });

  test('the interval mirrors when the samples do', () => {
    const values = [1, 4, 9, 16, 25, 36, 49, 64, 81, 100];
    const interval = bootstrapMedianInterval(values, 0.95);
    const mirrored = bootstrapMedianInterval(
      values.map((value) => -value),
      0.95,
    );
    assert.deepEqual([mirrored.low, mirrored.high], [-interval.high, -interval.low]);
  });

  test('impossible requests are refused', () => {
    assert.throws(() => bootstrapMedianInterval([], 0.95), /at least one sample/);
    assert.throws(() => bootstrapMedianInterval([1], 1), /confidence 1 is not between/);
    assert.throws(() => bootstrapMedianInterval(Array(2001).fill(1), 0.95), /more than the 2000/);
  });
});

describe('paired ratio', () => {
  test('a shared disturbance of each pair cancels', () => {
    const baseline = [100, 300, 120, 90, 700, 100, 110, 250];
    const interval = pairedRatio(
      baseline,
      baseline.map((value) => value * 1.1),
    );
    near(interval.ratio, 1.1, 1e-12);
    near(interval.low, 1.1, 1e-12);
    near(interval.high, 1.1, 1e-12);
    assert.equal(interval.pairs, 8);
  });

  test('swapping the sides inverts the ratio and its interval', () => {
    const a = [10, 12, 9, 14, 11, 10];
    const b = [13, 12, 11, 15, 12, 14];
    const forward = pairedRatio(a, b);
    const backward = pairedRatio(b, a);
    near(forward.ratio * backward.ratio, 1, 1e-12);
    near(forward.low * backward.high, 1, 1e-12);
  });

  test('the 95 % interval of 20 pairs holds the true ratio in 93 to 98 % of 4 000 draws', () => {
    const random = seededRandom(11);
    const noisy = () =>
      Math.exp(0.04 * Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next()));
    let held = 0;
    for (let run = 0; run < 4000; run++) {
      const interval = pairedRatio(
        Array.from({ length: 20 }, noisy),
        Array.from({ length: 20 }, () => 1.1 * noisy()),
      );
      if (interval.low <= 1.1 && 1.1 <= interval.high) held++;
    }
    assert.ok(held >= 3720 && held <= 3920, `held in ${held} of 4000`);
  });

  test('samples without a ratio are refused', () => {
    assert.throws(() => pairedRatio([1, 2], [1]), /equal numbers of samples, not 2 and 1/);
    assert.throws(() => pairedRatio([1, 0], [1, 1]), /pair 1: a ratio needs positive samples, not 0 and 1/);
  });

  test('noise floor: the far end of the control, at least the stated share, the same for high and low', () => {
    const control = { ratio: 1, low: 0.99, high: 1.05, confidence: 0.95, pairs: 20 };
    near(noiseFloor(control, 0.02), 0.05, 1e-12);
    near(noiseFloor({ ...control, low: 1 / 1.05, high: 1.01 }, 0.02), 0.05, 1e-12);
    assert.equal(noiseFloor({ ...control, high: 1.01 }, 0.02), 0.02);
    assert.equal(noiseFloor(null, 0.02), 0.02);
  });
});

describe('seeded random', () => {
  test('equal seeds repeat, other seeds and streams differ', () => {
    const sequence = (seed: number, stream?: number) => {
      const random = seededRandom(seed, stream);
      return Array.from({ length: 8 }, () => random.next());
    };
    assert.deepEqual(sequence(1), sequence(1));
    assert.notDeepEqual(sequence(1), sequence(2));
    assert.notDeepEqual(sequence(1, 0), sequence(1, 1));
    assert.notDeepEqual(sequence(1), sequence(1 + 2 ** 32));
  });

  test('shuffles of 4 items are uniform (chi-squared over the 24 orders)', () => {
    const random = seededRandom(2024);
    const counts = new Map<string, number>();
    for (let run = 0; run < 24_000; run++) {
      const order = shuffle([0, 1, 2, 3], random).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    assert.equal(counts.size, 24);
    // 49.7 is the 0.1 % limit for 23 degrees of freedom.
    assert.ok(chiSquared < 49.7, `chi-squared ${chiSquared}`);
  });
});
