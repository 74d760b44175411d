/**
 * Do the verdicts lie? Whole runs are simulated: the real schedule, a machine that drifts by 3 % in one of several
 * shapes, 4 % noise with a heavy tail, and the real comparison at the end. Each run has its own seed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { comparePaired, type PairedComparison } from './comparison.ts';
import { DEFAULT_PAIRS, ROUNDS_A_BLOCK, type ScheduledSample, scheduleBlock } from './comparison-schedule.ts';
import { type SeededRandom, seededRandom } from './statistics-random.ts';

const RUNS = 1000;
const VARIANTS = 3; // baseline, control, candidate
const DRIFT = 0.03;
const NOISE = 0.04;
/** One sample in this many is hit by something else on the machine, and takes up to half as long again. */
const HICCUP_EVERY = 20;
const HICCUP = 0.5;

/** Logarithm of how much slower the machine is at the share `at` (0 to 1) of the run. */
type Drift = (at: number) => number;

const DRIFTS: Record<string, (random: SeededRandom) => Drift> = {
  'steady slowdown': () => (at) => DRIFT * at,
  'steady recovery': () => (at) => -DRIFT * at,
  wave: (random) => {
    const [phase, periods] = [random.next(), 1 + 4 * random.next()];
    return (at) => (DRIFT / 2) * Math.sin(2 * Math.PI * (periods * at + phase));
  },
  'sudden step': (random) => {
    const step = random.next();
    return (at) => (at < step ? 0 : DRIFT);
  },
  sawtooth: (random) => {
    const [phase, teeth] = [random.next(), 2 + 6 * random.next()];
    return (at) => DRIFT * ((teeth * at + phase) % 1);
  },
  'random walk': (random) => {
    const walk = [0];
    for (let step = 1; step <= 120; step++) walk.push(walk.at(-1)! + (DRIFT / Math.sqrt(120)) * gaussian(random));
    return (at) => walk[Math.floor(at * 120)]!;
  },
};

function gaussian(random: SeededRandom): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

function interleaved(seed: number): ScheduledSample[] {
  const blocks = [...Array(DEFAULT_PAIRS / ROUNDS_A_BLOCK).keys()];
  return blocks.flatMap((block) => scheduleBlock(VARIANTS, block, seed));
}

/** All samples of one variant, then all of the next: how not to measure. */
function oneAfterTheOther(): ScheduledSample[] {
  return [...Array(VARIANTS * DEFAULT_PAIRS).keys()].map((order) => ({
    order,
    round: order % DEFAULT_PAIRS,
    variant: Math.floor(order / DEFAULT_PAIRS),
  }));
}

/** One simulated run whose candidate takes `effect` times as long as the baseline. */
function simulate(
  schedule: readonly ScheduledSample[],
  effect: number,
  drift: Drift,
  random: SeededRandom,
): PairedComparison {
  const samples = Array.from({ length: VARIANTS }, () => Array<number>(DEFAULT_PAIRS).fill(0));
  for (const { order, round, variant } of schedule) {
    const hiccup = random.below(HICCUP_EVERY) === 0 ? HICCUP * random.next() : 0;
    const log = drift(order / schedule.length) + NOISE * gaussian(random) + Math.log1p(hiccup);
    samples[variant]![round] = 1e9 * Math.exp(log) * (variant === 2 ? effect : 1);
  }
  return comparePaired({ baseline: samples[0]!, control: samples[1]!, candidate: samples[2]! });
}

function simulateMany(effect: number, shape: string, stream: number, scheduleOf: (seed: number) => ScheduledSample[]) {
  return [...Array(RUNS).keys()].map((run) => {
    const random = seededRandom(1 + run, stream);
    return simulate(scheduleOf(1 + run), effect, DRIFTS[shape]!(random), random);
  });
}

function countOf(runs: readonly PairedComparison[], verdict: PairedComparison['verdict']): number {
  return runs.filter((run) => run.verdict === verdict).length;
}

describe('1 000 simulated runs of 20 pairs for each shape of drift', () => {
  for (const [stream, shape] of Object.keys(DRIFTS).entries()) {
    test(`${shape}: identical code is called changed in at most 5 %, and mostly the same`, () => {
      const runs = simulateMany(1, shape, 2 * stream, interleaved);
      const changed = countOf(runs, 'changed');
      assert.ok(changed <= 0.05 * RUNS, `changed in ${changed} of ${RUNS} (seeds 1 to ${RUNS})`);
      assert.ok(countOf(runs, 'same') >= 0.6 * RUNS, `same in ${countOf(runs, 'same')} of ${RUNS}`);
    });

    test(`${shape}: a real 10 % change is found in at least 90 %, in its direction, with the truth in the interval`, () => {
      for (const effect of [1.1, 1 / 1.1]) {
        const runs = simulateMany(effect, shape, 2 * stream + 1, interleaved);
        const direction = effect > 1 ? 'higher' : 'lower';
        const found = runs.filter((run) => run.verdict === 'changed' && run.direction === direction).length;
        const held = runs.filter(({ interval }) => interval.low <= effect && effect <= interval.high).length;
        assert.ok(found >= 0.9 * RUNS, `found in ${found} of ${RUNS} (seeds 1 to ${RUNS})`);
        assert.ok(held >= 0.9 * RUNS, `the interval held ${effect} in ${held} of ${RUNS}`);
        // Only a run whose own control was off by more than 10 % may say so, and it states that floor.
        assert.ok(countOf(runs, 'same') <= 0.01 * RUNS, `same in ${countOf(runs, 'same')} of ${RUNS}`);
      }
    });
  }

  test('the schedule earns its keep: one variant after the other, drift alone looks like a difference', () => {
    const sequential = simulateMany(1, 'steady slowdown', 100, oneAfterTheOther);
    const wrong = sequential.filter(({ interval }) => interval.low > 1 || interval.high < 1).length;
    const paired = simulateMany(1, 'steady slowdown', 100, interleaved);
    const wrongPaired = paired.filter(({ interval }) => interval.low > 1 || interval.high < 1).length;
    assert.ok(wrong >= 0.15 * RUNS, `sequential: interval excludes 1 in ${wrong} of ${RUNS}`);
    assert.ok(wrongPaired <= 0.09 * RUNS, `interleaved: interval excludes 1 in ${wrongPaired} of ${RUNS}`);
  });
});
