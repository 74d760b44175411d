import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { comparePaired, isSettled, MORE_PAIRS_MAX } from './comparison.ts';
import { compareMetrics } from './comparison-exact.ts';
import { type Budget, measureMore, scheduleBlock } from './comparison-schedule.ts';

const QUIET = [100, 101, 99, 100, 102, 98, 100, 101, 99, 100];
const scaled = (factor: number, values: readonly number[] = QUIET) => values.map((value) => value * factor);
/** Pairs whose log ratios are spread evenly by `spread` around `ratio`. */
const spread = (ratio: number, width: number) =>
  QUIET.map((value, index) => value * ratio * Math.exp((width * (index - 4.5)) / 4.5));

describe('verdict on paired samples', () => {
  test('a clear effect above the floor has changed, in its direction', () => {
    const slower = comparePaired({ baseline: QUIET, control: QUIET, candidate: scaled(1.1) });
    assert.equal(slower.verdict, 'changed');
    assert.equal(slower.direction, 'higher');
    assert.equal(slower.morePairs, 0);
    assert.equal(comparePaired({ baseline: QUIET, control: QUIET, candidate: scaled(0.9) }).direction, 'lower');
  });

  test('a certain effect below 2 % is the same', () => {
    const result = comparePaired({ baseline: QUIET, control: QUIET, candidate: scaled(1.015) });
    assert.equal(result.verdict, 'same');
    assert.equal(result.direction, 'neither');
    assert.ok(result.interval.low > 1, 'the interval excludes 1, the floor decides');
  });

  test('the least effect can be asked for', () => {
    const samples = { baseline: QUIET, control: QUIET, candidate: scaled(1.015) };
    assert.equal(comparePaired(samples, { leastEffect: 0.01 }).verdict, 'changed');
  });

  test('a control that is off by 12 % silences a 10 % change', () => {
    const result = comparePaired({ baseline: QUIET, control: scaled(1.12), candidate: scaled(1.1) });
    assert.ok(Math.abs(result.floor - 0.12) < 1e-9);
    assert.equal(result.verdict, 'same');
  });

  test('identical code is the same although its interval reaches beyond the noise floor; what it is the same within is stated', () => {
    const usual = comparePaired({ baseline: QUIET, control: spread(1, 0.1), candidate: spread(1.04, 0.1) });
    assert.equal(usual.verdict, 'same');
    assert.ok(usual.interval.high > usual.control!.high, 'beyond what the control alone shows');
    assert.ok(usual.interval.high <= 1 + usual.floor, 'within what is stated');
    const unusual = comparePaired({ baseline: QUIET, control: spread(1, 0.02), candidate: spread(1.04, 0.1) });
    assert.equal(unusual.verdict, 'unsure');
  });

  test('an interval that straddles the floor is unsure, and says how many pairs would settle it', () => {
    const result = comparePaired({ baseline: QUIET, control: null, candidate: spread(1.03, 0.1) });
    assert.equal(result.verdict, 'unsure');
    assert.equal(result.control, null);
    assert.equal(result.morePairs % 2, 0);
    assert.ok(result.morePairs >= 2);
    const noisier = comparePaired({ baseline: QUIET, control: null, candidate: spread(1.03, 0.3) });
    assert.ok(noisier.morePairs > result.morePairs);
  });

  test('the estimate holds: with that many pairs of the same spread the verdict is settled', () => {
    const result = comparePaired({ baseline: QUIET, control: null, candidate: spread(1.06, 0.2) });
    assert.equal(result.verdict, 'unsure');
    const wanted = QUIET.length + 2 * result.morePairs;
    const ratios = Array.from({ length: wanted }, (_, i) => 1.06 * Math.exp(0.2 * ((2 * i) / (wanted - 1) - 1)));
    const more = comparePaired({ baseline: Array(wanted).fill(1), control: null, candidate: ratios });
    assert.equal(more.verdict, 'changed');
  });

  test('an effect just below the floor asks for the most pairs, not for infinitely many', () => {
    const candidate = spread(1.02 - 1e-9, 0.1);
    assert.equal(comparePaired({ baseline: QUIET, control: null, candidate }).morePairs, MORE_PAIRS_MAX);
  });

  test('five pairs settle nothing', () => {
    const five = QUIET.slice(0, 5);
    const result = comparePaired({ baseline: five, control: five, candidate: scaled(2, five) });
    assert.equal(result.verdict, 'unsure');
    assert.equal(result.morePairs, 2);
  });
});

describe('verdict on exact metrics', () => {
  const run = (fsyncs: number, writes = 7) =>
    new Map([
      ['fsyncs', fsyncs],
      ['writes', writes],
    ]);

  test('one run of each side: a difference of one is a finding', () => {
    assert.deepEqual(compareMetrics([run(400)], [run(401)]), {
      verdict: 'different',
      differences: [{ metric: 'fsyncs', baseline: 400, candidate: 401 }],
      nondeterminism: [],
    });
    assert.equal(compareMetrics([run(400)], [run(400)]).verdict, 'equal');
  });

  test('a counter that one side does not have counts 0 there', () => {
    const [difference] = compareMetrics([run(1)], [new Map([...run(1), ['byKind.l2.writes', 3]])]).differences;
    assert.deepEqual(difference, { metric: 'byKind.l2.writes', baseline: 0, candidate: 3 });
  });

  test('a side of a version that did not tell syncs with work apart differs in none of them', () => {
    const [before, after] = [new Map([['fsyncs', 3]]), { fsyncs: 3, workingSyncs: 2, 'workingSyncsByCause.close': 2 }];
    const now = new Map(Object.entries(after));
    assert.equal(compareMetrics([before], [now]).verdict, 'equal');
    assert.equal(compareMetrics([now], [before]).verdict, 'equal');
    const less = new Map(Object.entries({ ...after, workingSyncs: 1, 'workingSyncsByCause.close': 1 }));
    assert.deepEqual(
      compareMetrics([now], [less]).differences.map(({ metric }) => metric),
      ['workingSyncs', 'workingSyncsByCause.close'],
    );
  });

  test('replicas that differ are an error that names side, metric and values', () => {
    const result = compareMetrics([run(400), run(400)], [run(400), run(402), run(400)]);
    assert.equal(result.verdict, 'nondeterministic');
    assert.deepEqual(result.nondeterminism, [{ side: 'candidate', metric: 'fsyncs', values: [400, 402, 400] }]);
  });

  test('a side without a run is refused', () => {
    assert.throws(() => compareMetrics([], [run(1)]), /at least one run/);
  });
});

describe('schedule', () => {
  for (const variants of [1, 2, 3, 5]) {
    test(`${variants} variants: ABBA blocks, each variant as often in each place, orders and rounds without gaps`, () => {
      const samples = [...Array(4 * variants).keys()].flatMap((block) => scheduleBlock(variants, block, 42));
      assert.deepEqual(
        samples.map(({ order }) => order),
        [...samples.keys()],
      );
      const places = new Map<string, number>();
      for (let round = 0; round < 8 * variants; round++) {
        const inRound = samples.filter((sample) => sample.round === round).map(({ variant }) => variant);
        assert.deepEqual(inRound.toSorted(), [...Array(variants).keys()]);
        for (const [place, variant] of inRound.entries()) {
          const key = `${variant}@${place}`;
          places.set(key, (places.get(key) ?? 0) + 1);
        }
        if (round % 2 === 1) {
          const before = samples.filter((sample) => sample.round === round - 1).map(({ variant }) => variant);
          assert.deepEqual(inRound, before.toReversed());
        }
      }
      assert.deepEqual([...places.values()], Array(variants * variants).fill(8));
    });
  }

  test('the seed decides, and nothing else', () => {
    const orders = (seed: number) =>
      [...Array(12).keys()].flatMap((block) => scheduleBlock(3, block, seed).map(({ variant }) => variant)).join('');
    assert.equal(orders(1), orders(1));
    assert.notEqual(orders(1), orders(2));
  });

  test('nonsense is refused', () => {
    assert.throws(() => scheduleBlock(0, 0, 1), /0 variants/);
    assert.throws(() => scheduleBlock(2, -1, 1), /block -1/);
  });
});

describe('number of rounds', () => {
  const budget: Budget = { mostPairs: 100, timeNs: 1000 };
  const reason = (pairs: number, elapsedNs: number, settled: boolean, own: Partial<Budget> = {}) =>
    measureMore({ pairs, elapsedNs, settled }, { ...budget, ...own }).reason;

  test('verdicts are looked at after 20, 30, 44, 66 and 100 pairs, and not in between', () => {
    for (let pairs = 0; pairs < 100; pairs += 2) {
      const { measureMore: more } = measureMore({ pairs, elapsedNs: pairs, settled: true }, budget);
      assert.equal(more, ![20, 30, 44, 66].includes(pairs), `${pairs} pairs`);
      assert.equal(measureMore({ pairs, elapsedNs: pairs, settled: false }, budget).measureMore, true);
    }
    assert.equal(reason(20, 100, true), 'settled');
    assert.equal(reason(20, 100, false), 'unsettled');
    assert.equal(reason(22, 100, true), 'between-looks');
  });

  test('stops at the ceiling and before the time runs out, even before the first look', () => {
    assert.equal(reason(100, 300, false), 'most-pairs');
    assert.equal(reason(20, 300, false, { mostPairs: 20 }), 'most-pairs');
    assert.equal(reason(2, 600, false), 'time');
    assert.equal(reason(2, 500, false), 'between-looks');
  });

  test('a run that ends by looks has wider intervals and a higher floor than one of a fixed number of pairs', () => {
    const thirty = (ratio: number) => Array.from({ length: 30 }, (_, i) => ratio * Math.exp(0.1 * (i / 14.5 - 1)));
    const samples = { baseline: Array<number>(30).fill(1), control: thirty(1), candidate: thirty(1.05) };
    const [fixed, looks] = [comparePaired(samples), comparePaired(samples, { ending: 'looks' })];
    assert.ok(looks.interval.low < fixed.interval.low && looks.interval.high > fixed.interval.high);
    assert.ok(looks.floor > fixed.floor);
    assert.deepEqual([fixed.interval.confidence, looks.interval.confidence], [0.95, 0.95]);
  });

  test('settled is a change, or none where the noise is small', () => {
    assert.ok(isSettled({ verdict: 'changed', floor: 0.2 }));
    assert.ok(isSettled({ verdict: 'same', floor: 0.06 }));
    assert.ok(!isSettled({ verdict: 'same', floor: 0.061 }));
    assert.ok(!isSettled({ verdict: 'unsure', floor: 0.02 }));
  });
});
