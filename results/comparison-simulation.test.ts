/**
 * Do the verdicts lie? Whole runs are simulated: the real schedule, a machine that drifts by 3 % in one of several
 * shapes, 4 % noise with a heavy tail, the real comparison, and the real rule for when to stop. Each run has its own seed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { comparePaired, isSettled, type PairedComparison } from './comparison.ts';
import {
  LOOKS,
  MOST_PAIRS,
  measureMore,
  ROUNDS_A_BLOCK,
  type ScheduledSample,
  scheduleBlock,
} from './comparison-schedule.ts';
import { type SeededRandom, seededRandom } from './statistics-random.ts';

const RUNS = 1000;
const FIRST_LOOK = LOOKS[0];
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
  const blocks = [...Array(FIRST_LOOK / ROUNDS_A_BLOCK).keys()];
  return blocks.flatMap((block) => scheduleBlock(VARIANTS, block, seed));
}

/** All samples of one variant, then all of the next: how not to measure. */
function oneAfterTheOther(): ScheduledSample[] {
  return [...Array(VARIANTS * FIRST_LOOK).keys()].map((order) => ({
    order,
    round: order % FIRST_LOOK,
    variant: Math.floor(order / FIRST_LOOK),
  }));
}

/** A machine on which the candidate takes `effect` times as long as the baseline, and its clock. */
class SimulatedRun {
  readonly #samples = Array.from({ length: VARIANTS }, (): number[] => []);
  readonly #effect: number;
  readonly #noise: number;
  readonly #drift: Drift;
  readonly #random: SeededRandom;

  constructor(effect: number, noise: number, shape: string, random: SeededRandom) {
    this.#effect = effect;
    this.#noise = noise;
    this.#drift = DRIFTS[shape]!(random);
    this.#random = random;
  }

  take({ order, round, variant }: ScheduledSample, sampleCount: number): void {
    const random = this.#random;
    const hiccup = random.below(HICCUP_EVERY) === 0 ? HICCUP * random.next() : 0;
    const log = this.#drift(order / sampleCount) + this.#noise * gaussian(random) + Math.log1p(hiccup);
    this.#samples[variant]![round] = 1e9 * Math.exp(log) * (variant === 2 ? this.#effect : 1);
  }

  verdict(ending: 'fixed' | 'looks'): PairedComparison {
    const [baseline, control, candidate] = this.#samples;
    return comparePaired({ baseline: baseline!, control: control!, candidate: candidate! }, { ending });
  }
}

/** A run of as many samples as `schedule` has. */
function fixedRun(run: SimulatedRun, schedule: readonly ScheduledSample[]): PairedComparison {
  for (const sample of schedule) run.take(sample, schedule.length);
  return run.verdict('fixed');
}

/** A run that continues while its verdict is open, up to the ceiling; the drift is over the longest that it can be. */
function openRun(run: SimulatedRun, seed: number): PairedComparison {
  const budget = { mostPairs: MOST_PAIRS, timeNs: Number.POSITIVE_INFINITY };
  for (let block = 0; ; block++) {
    const pairs = block * ROUNDS_A_BLOCK;
    const settled = (LOOKS as readonly number[]).includes(pairs) && isSettled(run.verdict('looks'));
    if (!measureMore({ pairs, elapsedNs: pairs, settled }, budget).measureMore) return run.verdict('looks');
    for (const sample of scheduleBlock(VARIANTS, block, seed)) run.take(sample, MOST_PAIRS * VARIANTS);
  }
}

type Rule = (run: SimulatedRun, seed: number) => PairedComparison;

const RULES: Record<string, Rule> = {
  '20 pairs': (run, seed) => fixedRun(run, interleaved(seed)),
  'as many pairs as the verdict takes': openRun,
};

function simulateMany(effect: number, shape: string, stream: number, rule: Rule, noise = NOISE): PairedComparison[] {
  return [...Array(RUNS).keys()].map((run) =>
    rule(new SimulatedRun(effect, noise, shape, seededRandom(1 + run, stream)), 1 + run),
  );
}

function countOf(runs: readonly PairedComparison[], verdict: PairedComparison['verdict']): number {
  return runs.filter((run) => run.verdict === verdict).length;
}

for (const [name, rule] of Object.entries(RULES)) {
  describe(`1 000 simulated runs of ${name}, for each shape of drift`, () => {
    for (const [stream, shape] of Object.keys(DRIFTS).entries()) {
      test(`${shape}: identical code is called changed in at most 5 % (1 % of open runs), and mostly the same`, () => {
        const runs = simulateMany(1, shape, 2 * stream, rule);
        const changed = countOf(runs, 'changed');
        assert.ok(
          changed <= (rule === openRun ? 0.01 : 0.05) * RUNS,
          `changed in ${changed} of ${RUNS} (seeds 1 to ${RUNS})`,
        );
        const least = rule === openRun ? 0.95 : 0.75;
        assert.ok(countOf(runs, 'same') >= least * RUNS, `same in ${countOf(runs, 'same')} of ${RUNS}`);
      });

      test(`${shape}: a real 10 % change is found in at least 90 %, in its direction, with the truth in the interval`, () => {
        for (const effect of [1.1, 1 / 1.1]) {
          const runs = simulateMany(effect, shape, 2 * stream + 1, rule);
          assertFound(runs, effect, rule === openRun ? 0.95 : 0.9);
          // A run may be so noisy that it cannot see 10 %, and then its floor says so; hardly one says that there is less.
          const same = runs.filter((run) => run.verdict === 'same');
          const denied = same.filter(({ floor }) => floor < Math.expm1(Math.abs(Math.log(effect)))).length;
          assert.ok(same.length <= 0.02 * RUNS, `same in ${same.length} of ${RUNS}`);
          assert.ok(denied <= 0.005 * RUNS, `denied in ${denied} of ${RUNS}`);
        }
      });
    }
  });
}

test('a planted 5 % is found in at least 95 % of runs that go on while their verdict is open', () => {
  for (const effect of [1.05, 1 / 1.05]) {
    const found = countOf(simulateMany(effect, 'random walk', 201, openRun), 'changed');
    assert.ok(found >= 0.95 * RUNS, `${effect} found in ${found} of ${RUNS} (seeds 1 to ${RUNS})`);
  }
});

describe('a machine that is twice as noisy', () => {
  test('twenty pairs find 10 % too rarely; going on while the verdict is open finds it, and still invents nothing', () => {
    const found = (runs: readonly PairedComparison[]) => countOf(runs, 'changed');
    assert.ok(found(simulateMany(1.1, 'wave', 90, RULES['20 pairs']!, 2 * NOISE)) < 0.6 * RUNS);
    assertFound(simulateMany(1.1, 'wave', 90, openRun, 2 * NOISE), 1.1, 0.95);
    const identical = found(simulateMany(1, 'wave', 91, openRun, 2 * NOISE));
    assert.ok(identical <= 0.05 * RUNS, `changed in ${identical} of ${RUNS}`);
  });
});

test('wider intervals earn their keep: at the width of a single look, one of five looks excludes the truth too often', () => {
  const missed = (ending: 'fixed' | 'looks') => {
    const runs = [...Array(RUNS).keys()].map((index) => {
      const run = new SimulatedRun(1, NOISE, 'wave', seededRandom(1 + index, 92));
      return LOOKS.some((look, number) => {
        for (let block = (LOOKS[number - 1] ?? 0) / ROUNDS_A_BLOCK; block < look / ROUNDS_A_BLOCK; block++)
          for (const sample of scheduleBlock(VARIANTS, block, 1 + index)) run.take(sample, MOST_PAIRS * VARIANTS);
        const { interval } = run.verdict(ending);
        return interval.low > 1 || interval.high < 1;
      });
    });
    return runs.filter((excluded) => excluded).length;
  };
  const [narrow, wide] = [missed('fixed'), missed('looks')];
  assert.ok(narrow >= 0.1 * RUNS, `at 95 %: ${narrow} of ${RUNS}`);
  assert.ok(wide <= 0.07 * RUNS, `as taken: ${wide} of ${RUNS}`);
});

test('the schedule earns its keep: one variant after the other, drift alone looks like a difference', () => {
  const outside = (schedule: (seed: number) => ScheduledSample[]) =>
    simulateMany(1, 'steady slowdown', 100, (run, seed) => fixedRun(run, schedule(seed))).filter(
      ({ interval }) => interval.low > 1 || interval.high < 1,
    ).length;
  const [wrong, wrongPaired] = [outside(oneAfterTheOther), outside(interleaved)];
  assert.ok(wrong >= 0.15 * RUNS, `sequential: interval excludes 1 in ${wrong} of ${RUNS}`);
  assert.ok(wrongPaired <= 0.09 * RUNS, `interleaved: interval excludes 1 in ${wrongPaired} of ${RUNS}`);
});

function assertFound(runs: readonly PairedComparison[], effect: number, least: number): void {
  const direction = effect > 1 ? 'higher' : 'lower';
  const found = runs.filter((run) => run.verdict === 'changed' && run.direction === direction).length;
  const held = runs.filter(({ interval }) => interval.low <= effect && effect <= interval.high).length;
  assert.ok(found >= least * RUNS, `${effect} found in ${found} of ${RUNS} (seeds 1 to ${RUNS})`);
  assert.ok(held >= least * RUNS, `the interval held ${effect} in ${held} of ${RUNS}`);
}
