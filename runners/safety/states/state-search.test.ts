/** Searching by what was looked at against trying everything, with judges of any shape. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { SectorAtom } from './crash-points.ts';
import type { StateVector } from './enumeration.ts';
import { searchStates } from './state-search.ts';

/** A judge as a decision: looks at one atom, and continues by what it holds. */
type Judge = { readonly verdict: number } | { readonly atom: number; readonly onOld: Judge; readonly onNew: Judge };

const ATOMS_MAX = 7;

const { judge: anyJudge } = fc.letrec<{ judge: Judge }>((tie) => ({
  judge: fc.oneof(
    { maxDepth: 5 },
    fc.record({ verdict: fc.nat(9) }),
    fc.record({ atom: fc.nat(ATOMS_MAX - 1), onOld: tie('judge'), onNew: tie('judge') }),
  ),
}));

function atomsOf(choiceCounts: readonly number[]): SectorAtom[] {
  return choiceCounts.map((count, sector) => {
    const choices = Array.from({ length: count }, (_, choice) => choice);
    return { sector, choices, writtenBy: choices.map(() => []) };
  });
}

function verdictOf(judge: Judge, vector: StateVector, lookedAt: Set<number> = new Set()): number {
  if ('verdict' in judge) return judge.verdict;
  if (judge.atom >= vector.length) return verdictOf(judge.onOld, vector, lookedAt);
  lookedAt.add(judge.atom);
  return verdictOf(vector[judge.atom] === 0 ? judge.onOld : judge.onNew, vector, lookedAt);
}

function* everyVector(counts: readonly number[], vector: number[] = []): Generator<StateVector> {
  if (vector.length === counts.length) yield Uint16Array.from(vector);
  else for (let choice = 0; choice < counts[vector.length]!; choice++) yield* everyVector(counts, [...vector, choice]);
}

const anyChoiceCounts = fc.array(fc.integer({ min: 2, max: 3 }), { minLength: 0, maxLength: ATOMS_MAX });

describe('a search by what the judge looks at', () => {
  test('meets every verdict that there is, no state twice, and covers all states exactly once', () => {
    fc.assert(
      fc.property(anyChoiceCounts, anyJudge, (counts, judge) => {
        const found = new Set<number>();
        const judged = new Set<string>();
        const { complete, covered } = searchStates(atomsOf(counts), 2 ** 16, (vector) => {
          assert.ok(!judged.has(vector.join()), 'judged twice');
          judged.add(vector.join());
          const lookedAt = new Set<number>();
          found.add(verdictOf(judge, vector, lookedAt));
          return (atom) => lookedAt.has(atom);
        });
        const all = [...everyVector(counts)];
        assert.equal(complete, true);
        assert.equal(covered, all.length);
        assert.deepEqual([...found].sort(), [...new Set(all.map((vector) => verdictOf(judge, vector)))].sort());
      }),
      { seed: 20_261_123, numRuns: 500 },
    );
  });

  test('what is never looked at costs one state, however many there are', () => {
    const atoms = atomsOf(new Array<number>(400).fill(2));
    let states = 0;
    const { complete, covered } = searchStates(atoms, 10, () => {
      states++;
      return (atom) => atom === 7;
    });
    assert.deepEqual({ complete, states, covered }, { complete: true, states: 2, covered: 2 ** 400 });
  });

  test('an atom is open until the path to the state has settled it', () => {
    const opens: string[] = [];
    searchStates(atomsOf([2, 2, 2]), 100, (vector, isOpen) => {
      opens.push(`${vector.join('')} ${[0, 1, 2].map((atom) => (isOpen(atom) ? 'o' : 's')).join('')}`);
      return (atom) => atom < 2;
    });
    assert.deepEqual(opens, ['000 ooo', '100 soo', '110 sso', '010 sso']);
  });

  test('the budget ends it, and that is said', () => {
    const atoms = atomsOf(new Array<number>(20).fill(2));
    let states = 0;
    const outcome = searchStates(atoms, 100, () => {
      states++;
      return () => true;
    });
    assert.deepEqual({ ...outcome, states }, { complete: false, covered: 100, states: 100 });
  });
});
