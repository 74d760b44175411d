import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeShares, type PathShares } from './cpu-difference.ts';
import { seededRandom } from './statistics-random.ts';

const REPLAYS = 6;
const SAMPLES = 400;
/** Shares of sixty paths, from a third down to less than a percent. */
const SHARES = Array.from({ length: 60 }, (_, index) => 0.33 / (1 + index / 2));

/** Profiles of two sides: the head takes `factor` times as long in the paths of `planted`. */
function sides(seed: number, planted: readonly number[] = [], factor = 1): PathShares[] {
  const random = seededRandom(seed, 7);
  const side = (isHead: boolean) =>
    Array.from({ length: REPLAYS }, () => {
      // What the machine does to a replay makes all paths longer or shorter, some more than others.
      const weights = SHARES.map(
        (share, path) => share * (0.9 + 0.2 * random.next()) * (isHead && planted.includes(path) ? factor : 1),
      );
      const whole = weights.reduce((sum, weight) => sum + weight, 0);
      const counts = weights.map((weight) => {
        let hits = 0;
        for (let sample = 0; sample < SAMPLES; sample++) if (random.next() < weight / whole) hits++;
        return hits / SAMPLES;
      });
      return counts;
    });
  const [base, head] = [side(false), side(true)];
  return SHARES.map((_, path) => ({
    base: base.map((replay) => replay[path]!),
    head: head.map((replay) => replay[path]!),
  }));
}

test('of identical code hardly ever is any of sixty paths said to differ', () => {
  const COMPARISONS = 100;
  const named = Array.from({ length: COMPARISONS }, (_, run) => judgeShares(sides(run + 1))).filter((verdicts) =>
    verdicts.some((verdict) => verdict !== 'same'),
  ).length;
  assert.ok(named <= 4, `in ${named} of ${COMPARISONS}`);
});

test('a path that takes twice as long is found, in its direction', () => {
  const COMPARISONS = 20;
  const found = Array.from({ length: COMPARISONS }, (_, run) => judgeShares(sides(run + 1, [1], 2))[1]);
  assert.ok(found.filter((verdict) => verdict === 'more').length >= 0.95 * COMPARISONS, found.join());
  const gone = Array.from({ length: COMPARISONS }, (_, run) => judgeShares(sides(run + 1, [2], 0))[2]);
  assert.ok(gone.filter((verdict) => verdict === 'less').length >= 0.95 * COMPARISONS, gone.join());
});

test('no paths, no verdicts; a difference below half a percent is none', () => {
  assert.deepEqual(judgeShares([]), []);
  const steady = (share: number) => Array<number>(REPLAYS).fill(share);
  assert.deepEqual(judgeShares([{ base: steady(0.2), head: steady(0.204) }]), ['same']);
});
