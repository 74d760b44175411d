/** Whole calibrations are simulated: models that are true and wrong, on machines that are quiet and busy in several ways. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgePrediction, type PredictionBlock } from './prediction-verdict.ts';
import { type SeededRandom, seededRandom } from './statistics-random.ts';

const RUNS = 1000;
const BLOCKS = 10;
const NOISE = 0.04;

interface Machine {
  /** How much longer a run, or a probe, takes than on a quiet machine: drawn for each. */
  readonly run: (random: SeededRandom) => number;
  readonly probe: (random: SeededRandom) => number;
  readonly tail: number;
  readonly waiting: number;
}

const QUIET: Machine = { run: () => 1, probe: () => 1, tail: 0.05, waiting: 0.01 };
const BUSY: Record<string, Machine> = {
  'a neighbour on the CPUs: runs take twice as long, the middle of a probe hardly longer': {
    ...{ run: () => 2, probe: () => 1.1, tail: 0.1, waiting: 0.8 },
  },
  'bursts on the disk that hit some runs and some probes': {
    ...QUIET,
    run: (random) => (random.below(2) === 0 ? 1 : 1 + 3 * random.next()),
    probe: (random) => (random.below(4) === 0 ? 1 + 2 * random.next() : 1),
  },
  'a steady neighbour on the disk, who delays some syncs by much': { ...QUIET, run: () => 1.6, tail: 0.6 },
};

function gaussian(random: SeededRandom): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** The verdicts on a model that predicts `truth` times what runs take on a quiet machine. */
function verdicts(truth: number, machine: Machine, stream: number) {
  return [...Array(RUNS).keys()].map((run) => {
    const random = seededRandom(1 + run, stream);
    const noisy = (ns: number) => ns * Math.exp(NOISE * gaussian(random));
    const blocks = [...Array(BLOCKS).keys()].map((): PredictionBlock => {
      const probedNs = [noisy(1e8 * machine.probe(random)), noisy(1e8 * machine.probe(random))] as const;
      const measuredNs = [noisy(1.2e8 * machine.run(random)), noisy(1.2e8 * machine.run(random))] as const;
      const predictedNs = truth * ((probedNs[0] + probedNs[1]) / 2 + 0.2e8);
      return { measuredNs, predictedNs: [predictedNs, predictedNs], probedNs, tail: machine.tail };
    });
    return judgePrediction(blocks, machine.waiting);
  });
}

type Word = ReturnType<typeof judgePrediction>['verdict'];
const count = (all: ReturnType<typeof verdicts>, word: Word) => all.filter(({ verdict }) => verdict === word).length;

describe(`1 000 simulated calibrations of ${BLOCKS} blocks`, () => {
  for (const [stream, truth] of [0.92, 1, 1.08].entries()) {
    test(`a quiet machine: a model that predicts ${truth} times the truth is within 15 %`, () => {
      const all = verdicts(truth, QUIET, stream);
      assert.ok(count(all, 'within') >= 0.95 * RUNS, `within in ${count(all, 'within')} (seeds 1 to ${RUNS})`);
      assert.equal(count(all, 'outside'), 0);
    });
  }

  for (const [stream, truth] of [0.7, 1.3].entries()) {
    test(`a quiet machine: a model that predicts ${truth} times the truth is outside`, () => {
      const all = verdicts(truth, QUIET, 10 + stream);
      assert.ok(count(all, 'outside') >= 0.95 * RUNS, `outside in ${count(all, 'outside')} (seeds 1 to ${RUNS})`);
      assert.equal(count(all, 'within'), 0);
    });
  }

  for (const [stream, [what, machine]] of Object.entries(BUSY).entries()) {
    test(`${what}: a true model is never called wrong`, () => {
      const all = verdicts(1, machine, 20 + stream);
      assert.ok(count(all, 'outside') <= 0.01 * RUNS, `outside in ${count(all, 'outside')} (seeds 1 to ${RUNS})`);
      assert.ok(count(all, 'unsure') >= 0.9 * RUNS, `unsure in ${count(all, 'unsure')}`);
      const busy = all.filter(({ reason }) => reason?.startsWith('the machine is busy: '));
      assert.ok(busy.length >= 0.9 * RUNS, `busy in ${busy.length}`);
    });
  }
});

test('the reason is one line; few blocks, or an interval across the border, are unsure without anybody being busy', () => {
  const block = (ratio: number): PredictionBlock => ({
    ...{ measuredNs: [1e8, 1e8], predictedNs: [1e8 * ratio, 1e8 * ratio], probedNs: [1e8, 1e8], tail: 0 },
  });
  assert.match(judgePrediction([block(1)], 0).reason!, /^1 rounds are too few/);
  const across = [1.05, 1.1, 1.14, 1.16, 1.2, 1.25, 1.12, 1.18].map(block);
  const { verdict, interval, reason } = judgePrediction(across, 0);
  assert.equal(verdict, 'unsure');
  assert.ok(interval.low < 1.15 && interval.high > 1.15);
  assert.match(reason!, /^the interval reaches across 15 %: more --rounds/);
});
