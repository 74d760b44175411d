import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EXACT_TOTAL_MAX, mannWhitney } from './statistics-mann-whitney.ts';
import { seededRandom } from './statistics-random.ts';

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);
}

/** p by dealing the pooled samples in every possible way: for small sets only. */
function enumerateMannWhitney(first: readonly number[], second: readonly number[]): number {
  const pooled = [...first, ...second];
  const uOf = (mine: readonly number[], theirs: readonly number[]) =>
    mine.reduce((sum, a) => sum + theirs.reduce((inner, b) => inner + (a > b ? 1 : a === b ? 0.5 : 0), 0), 0);
  const observed = uOf(first, second);
  let [all, below, above] = [0, 0, 0];
  for (let code = 0; code < 2 ** pooled.length; code++) {
    const mine = pooled.filter((_, index) => Math.floor(code / 2 ** index) % 2 === 1);
    if (mine.length !== first.length) continue;
    const u = uOf(
      mine,
      pooled.filter((_, index) => Math.floor(code / 2 ** index) % 2 === 0),
    );
    all++;
    if (u <= observed) below++;
    if (u >= observed) above++;
  }
  return Math.min(1, (2 * Math.min(below, above)) / all);
}

/** Two sets without ties whose first side has the given U. */
function samplesWithU(firstCount: number, secondCount: number, u: number): [number[], number[]] {
  const first = Array.from({ length: firstCount }, (_, index) => {
    const beaten = Math.max(0, Math.min(secondCount, u - (firstCount - 1 - index) * secondCount));
    return beaten + (index + 1) / (firstCount + 2);
  });
  return [first, Array.from({ length: secondCount }, (_, index) => index + 1)];
}

describe('Mann-Whitney', () => {
  test('critical values of the published table (two-sided, 5 %)', () => {
    // The largest U with p <= 0.05, as printed in every table of the test.
    const table = [
      [4, 4, 0],
      [5, 5, 2],
      [5, 8, 6],
      [6, 6, 5],
      [7, 7, 8],
      [7, 9, 12],
      [8, 8, 13],
      [9, 9, 17],
      [10, 10, 23],
      [10, 15, 39],
      [12, 12, 37],
      [15, 15, 64],
      [20, 20, 127],
    ] as const;
    for (const [m, n, critical] of table) {
      const [first, second] = samplesWithU(m, n, critical);
      const result = mannWhitney(first, second);
      assert.equal(result.u, critical);
      assert.ok(result.p <= 0.05, `${m}, ${n}: U ${critical} gives p ${result.p}`);
      assert.ok(mannWhitney(...samplesWithU(m, n, critical + 1)).p > 0.05, `${m}, ${n}: U ${critical + 1}`);
    }
  });

  test('the smallest p that 5 and 10 samples a side can give', () => {
    near(mannWhitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]).p, 2 / 252, 1e-15);
    near(mannWhitney(...samplesWithU(10, 10, 0)).p, 2 / 184756, 1e-15);
  });

  test('placenta permeability (Hollander and Wolfe 1973, p. 69): W = 35, one-sided p = 0.1272', () => {
    const atTerm = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
    const result = mannWhitney(atTerm, [1.15, 0.88, 0.9, 0.74, 1.21]);
    assert.equal(result.u, 35);
    assert.equal(result.method, 'exact');
    near(result.p / 2, 0.1272, 5e-5);
  });

  test('equals the enumeration of all deals, with and without ties', () => {
    const random = seededRandom(3);
    for (let round = 0; round < 60; round++) {
      const draw = (count: number, values: number) => Array.from({ length: count }, () => random.below(values));
      const values = round % 2 === 0 ? 4 : 1000;
      const first = draw(1 + random.below(5), values);
      const second = draw(1 + random.below(6), values);
      const expected = enumerateMannWhitney(first, second);
      near(mannWhitney(first, second).p, expected, 1e-12);
    }
  });

  test('above the exact limit the normal approximation agrees with exact counting near the limit', () => {
    const random = seededRandom(5);
    const sample = (count: number, shift: number) => Array.from({ length: count }, () => random.below(40) + shift);
    const first = sample(30, 0);
    const second = sample(30, 8);
    const exact = mannWhitney(first, second);
    assert.equal(exact.method, 'exact');
    assert.equal(first.length + second.length, EXACT_TOTAL_MAX);
    // One more pair in the middle hardly changes p, but passes the limit.
    const normal = mannWhitney([...first, 24], [...second, 24]);
    assert.equal(normal.method, 'normal');
    near(Math.log10(normal.p), Math.log10(exact.p), 0.15);
  });

  test('normal approximation by hand: U = 600, ties 30 and 50, z = (200 - 0.5) / 87.149 = 2.2892, p = 0.02207', () => {
    const halves = (zeros: number, ones: number) => [...Array<number>(zeros).fill(0), ...Array<number>(ones).fill(1)];
    const result = mannWhitney(halves(20, 20), halves(10, 30));
    assert.equal(result.u, 600);
    assert.equal(result.method, 'normal');
    near(result.p, 0.02207, 1e-5);
  });

  test('all samples equal: p = 1 by either method', () => {
    assert.equal(mannWhitney([1, 1], [1, 1, 1]).p, 1);
    assert.equal(mannWhitney(Array(40).fill(1), Array(40).fill(1)).p, 1);
  });

  test('empty and infinite samples are refused', () => {
    assert.throws(() => mannWhitney([], [1]), /at least one sample/);
    assert.throws(() => mannWhitney([1], [Number.POSITIVE_INFINITY]), /finite/);
  });
});
