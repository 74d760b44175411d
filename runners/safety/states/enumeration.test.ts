/** The sample of a point with too many states: what it is sure to contain, and that it repeats nothing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { coveringRows } from './covering-array.ts';
import type { SectorAtom } from './crash-points.ts';
import { sampleStates, TriedStates } from './enumeration.ts';

function atomsOf(counts: readonly number[]): SectorAtom[] {
  return counts.map((count, sector) => {
    const choices = Array.from({ length: count }, (_, choice) => choice);
    return { sector, choices, writtenBy: choices.map((choice) => (choice === 0 ? [] : [sector + choice])) };
  });
}

function sampled(counts: readonly number[], most: number, tried = new TriedStates(2 ** 16)): string[] {
  const states: string[] = [];
  for (const vector of sampleStates({ atoms: atomsOf(counts), index: 3 }, most, 1, tried)) states.push(vector.join());
  return states;
}

describe('a covering array', () => {
  for (const columns of [3, 4, 5, 9, 33]) {
    test(`of ${columns} columns shows all eight patterns in any three`, () => {
      const rows = [...coveringRows(columns)].map((row) => Array.from({ length: columns }, (_, column) => row(column)));
      assert.equal(rows.length, 2 * 2 ** Math.ceil(Math.log2(columns)));
      for (let a = 0; a < columns; a++)
        for (let b = a + 1; b < columns; b++)
          for (let c = b + 1; c < columns; c++)
            assert.equal(new Set(rows.map((row) => row[a]! * 4 + row[b]! * 2 + row[c]!)).size, 8, `${a}, ${b}, ${c}`);
    });
  }
});

describe('a sample', () => {
  test('repeats no state, and none that was tried before', () => {
    const counts = [2, 3, 2, 2, 3];
    const tried = new TriedStates(100);
    tried.add(Uint16Array.of(0, 0, 0, 0, 0));
    tried.add(Uint16Array.of(1, 2, 1, 1, 2));
    const states = sampled(counts, 60, tried);
    assert.equal(new Set(states).size, states.length);
    assert.ok(!states.includes('0,0,0,0,0') && !states.includes('1,2,1,1,2'));
  });

  test('of more than there are is all there are, and ends', () => {
    assert.equal(sampled([2, 3, 2], 1000).length, 12);
    assert.equal(sampled([], 1000).length, 1);
  });

  test('is no larger than asked for', () => {
    assert.equal(sampled(new Array<number>(40).fill(2), 500).length, 500);
  });

  test('has nothing, everything, each alone, each missing, each pair, and three in every pattern', () => {
    const size = 24;
    const states = new Set(sampled(new Array<number>(size).fill(2), 1000));
    const vectorOf = (on: readonly number[], invert = 0) =>
      Array.from({ length: size }, (_, atom) => (on.includes(atom) ? 1 - invert : invert)).join();
    assert.ok(states.has(vectorOf([])) && states.has(vectorOf([], 1)));
    for (let a = 0; a < size; a++) {
      assert.ok(states.has(vectorOf([a])) && states.has(vectorOf([a], 1)), `atom ${a}`);
      for (let b = a + 1; b < size; b++) assert.ok(states.has(vectorOf([a, b])) && states.has(vectorOf([a, b], 1)));
    }
    const rows = [...states].map((state) => state.split(',').map(Number));
    for (const [a, b, c] of [
      [0, 1, 2],
      [5, 11, 23],
      [7, 8, 15],
    ] as const) {
      assert.equal(new Set(rows.map((row) => row[a]! * 4 + row[b]! * 2 + row[c]!)).size, 8);
    }
  });
});
