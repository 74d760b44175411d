import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { changePoints, exactChanges } from './change-points.ts';
import { type SeededRandom, seededRandom } from './statistics-random.ts';

const COMMITS = 100;
const NOISE = 0.04;

function gaussian(random: SeededRandom): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** A series of noisy points around `level(index)`; one point in 30 is up to half as high again. */
function series(seed: number, level: (index: number) => number): number[] {
  const random = seededRandom(seed, 99);
  return Array.from({ length: COMMITS }, (_, index) => {
    const stray = random.below(30) === 0 ? 1 + 0.5 * random.next() : 1;
    return 1e9 * level(index) * stray * Math.exp(NOISE * gaussian(random));
  });
}

describe('change points of noisy series', () => {
  test('the Nile at Aswan, 1871 to 1970: one change, with the year 1899 the first at the new level (Cobb 1978)', () => {
    const nile = [
      1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
      1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969, 831,
      726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781, 865, 845,
      944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050, 918,
      986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
    ];
    const changes = changePoints(nile);
    assert.deepEqual(
      changes.map(({ index }) => 1871 + index),
      [1899],
    );
    assert.ok(changes[0]!.p <= 0.001);
  });

  test('400 series of 100 identical commits: at most 2 false alarms in all; comparing neighbours raises thousands', () => {
    let alarms = 0;
    let neighbourAlarms = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const values = series(seed, () => 1);
      alarms += changePoints(values, { seed }).length;
      neighbourAlarms += values.filter(
        (value, index) => index > 0 && Math.abs(value / values[index - 1]! - 1) > 0.05,
      ).length;
    }
    assert.ok(alarms <= 2, `${alarms} false alarms in 40 000 commits (seeds 1 to 400)`);
    assert.ok(neighbourAlarms > 4000, `${neighbourAlarms}`);
  });

  for (const [name, factor] of [
    ['slower', 1.1],
    ['faster', 1 / 1.1],
  ] as const) {
    test(`a step to 10 % ${name} is found once, within 5 commits, in at least 54 of 60 series`, () => {
      let found = 0;
      for (let seed = 1; seed <= 60; seed++) {
        const at = 10 + ((seed * 37) % 81);
        const changes = changePoints(
          series(seed, (index) => (index < at ? 1 : factor)),
          { seed },
        );
        const [change] = changes;
        if (changes.length !== 1 || change === undefined) continue;
        if (Math.abs(change.index - at) <= 5 && Math.abs(change.ratio / factor - 1) < 0.05) found++;
      }
      assert.ok(found >= 54, `found in ${found} of 60 (seeds 1 to 60)`);
    });
  }

  test('a regression and its repair 20 commits later are two changes', () => {
    let found = 0;
    for (let seed = 1; seed <= 30; seed++) {
      const changes = changePoints(
        series(seed, (index) => (index >= 40 && index < 60 ? 1.15 : 1)),
        { seed },
      );
      if (changes.length === 2 && Math.abs(changes[0]!.index - 40) <= 3 && Math.abs(changes[1]!.index - 60) <= 3)
        found++;
    }
    assert.ok(found >= 26, `found in ${found} of 30 (seeds 1 to 30)`);
  });

  test('a certain change below the least effect is not reported, and its levels are joined', () => {
    const quiet = Array.from({ length: 60 }, (_, index) => (index < 30 ? 100 : 101) + (index % 7) / 100);
    assert.deepEqual(changePoints(quiet), []);
    assert.equal(changePoints(quiet, { leastEffect: 0.005 }).length, 1);
    const both = quiet.map((value, index) => (index < 45 ? value : value * 1.2));
    assert.deepEqual(
      changePoints(both).map(({ index }) => index),
      [45],
    );
  });

  test('one wild point, a constant series and a series too short to tell are no change', () => {
    const values = series(5, () => 1);
    values[50] = 1e12;
    assert.deepEqual(changePoints(values), []);
    assert.deepEqual(changePoints(Array(50).fill(7)), []);
    assert.deepEqual(changePoints([1, 1, 2, 2, 2]), []);
    assert.deepEqual(changePoints([]), []);
  });

  test('the same series gives the same answer', () => {
    const values = series(3, (index) => (index < 50 ? 1 : 1.1));
    assert.deepEqual(changePoints(values), changePoints(values));
  });

  test('points without a ratio are refused', () => {
    assert.throws(() => changePoints([1, 0, 2]), /positive points, not 0/);
    assert.throws(() => changePoints([1, Number.NaN]), /positive points, not NaN/);
  });
});

describe('changes of exact series', () => {
  test('every difference, and only differences', () => {
    assert.deepEqual(exactChanges([400, 400, 401, 401, 400]), [
      { index: 2, before: 400, after: 401 },
      { index: 4, before: 401, after: 400 },
    ]);
    assert.deepEqual(exactChanges([5, 5, 5]), []);
    assert.deepEqual(exactChanges([]), []);
  });
});
