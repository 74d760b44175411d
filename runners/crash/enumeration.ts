/**
 * The crash states of one point, as vectors: one choice for each atom. Every combination where there are few enough; otherwise
 * an ordered sample that starts with the states that mistakes show in most often, and ends with seeded random ones.
 */
import { Prng } from '../../workloads/prng.ts';
import type { CrashPoint, SectorAtom } from './crash-points.ts';

/** Choice index of each atom; reused, so copy it to keep it. */
export type StateVector = Uint16Array;

export interface StatePlan {
  /** How many vectors there are in all; Infinity when too many to count. */
  readonly total: number;
  readonly exhaustive: boolean;
  vectors(): Iterable<StateVector>;
}

/** All subsets of so many writes are tried; of more, only some. */
const WRITE_SUBSETS_MAX = 10;

/** Exhaustive up to `budget` vectors; beyond that at most `budget`, of which some may be equal. */
export function planStates(point: CrashPoint, budget: number, seed: number): StatePlan {
  const { atoms } = point;
  const total = atoms.reduce((product, { choices }) => product * choices.length, 1);
  if (total <= budget) return { total, exhaustive: true, vectors: () => everyVector(atoms) };
  return { total, exhaustive: false, vectors: () => firstOf(orderedSample(atoms, seed + point.index), budget) };
}

/** Counts up like an odometer with wheels of different size. */
function* everyVector(atoms: readonly SectorAtom[]): Generator<StateVector> {
  const vector = new Uint16Array(atoms.length);
  for (;;) {
    yield vector;
    let wheel = 0;
    while (wheel < atoms.length && vector[wheel] === atoms[wheel]!.choices.length - 1) vector[wheel++] = 0;
    if (wheel === atoms.length) return;
    vector[wheel]!++;
  }
}

function* firstOf(vectors: Iterable<StateVector>, count: number): Generator<StateVector> {
  let left = count;
  for (const vector of vectors) {
    if (left-- <= 0) return;
    yield vector;
  }
}

function* orderedSample(atoms: readonly SectorAtom[], seed: number): Generator<StateVector> {
  const none = new Uint16Array(atoms.length);
  const all = Uint16Array.from(atoms, ({ choices }) => choices.length - 1);
  yield none;
  yield all;
  yield* changedSingly(none, atoms);
  yield* changedSingly(all, atoms);
  yield* byWholeWrites(atoms);
  yield* changedInPairs(none, all);
  yield* changedInPairs(all, none);
  yield* randomly(atoms, new Prng(seed));
}

/** Each atom alone at each of its other choices. */
function* changedSingly(base: StateVector, atoms: readonly SectorAtom[]): Generator<StateVector> {
  const vector = base.slice();
  for (let atom = 0; atom < atoms.length; atom++) {
    for (let choice = 0; choice < atoms[atom]!.choices.length; choice++) {
      if (choice === base[atom]) continue;
      vector[atom] = choice;
      yield vector;
    }
    vector[atom] = base[atom]!;
  }
}

function* changedInPairs(base: StateVector, other: StateVector): Generator<StateVector> {
  const vector = base.slice();
  for (let first = 0; first < vector.length; first++) {
    vector[first] = other[first]!;
    for (let second = first + 1; second < vector.length; second++) {
      vector[second] = other[second]!;
      yield vector;
      vector[second] = base[second]!;
    }
    vector[first] = base[first]!;
  }
}

/** Prefixes and suffixes in the order of writing; then, of few writes, every subset. A write is persisted whole or not at all. */
function* byWholeWrites(atoms: readonly SectorAtom[]): Generator<StateVector> {
  const writes = wholeWrites(atoms);
  const vector = new Uint16Array(atoms.length);
  const persist = (isPersisted: (index: number) => boolean): StateVector => {
    vector.fill(0);
    writes.forEach((write, index) => {
      if (isPersisted(index)) for (const [atom, choice] of write) vector[atom] = choice;
    });
    return vector;
  };
  for (let end = 1; end < writes.length; end++) yield persist((index) => index < end);
  for (let start = 1; start < writes.length; start++) yield persist((index) => index >= start);
  if (writes.length > WRITE_SUBSETS_MAX) return;
  for (let subset = 0; subset < 2 ** writes.length; subset++) {
    yield persist((index) => Math.floor(subset / 2 ** index) % 2 === 1);
  }
}

/** For each write, in order, the atoms that it touches and the choice that it makes there. */
function wholeWrites(atoms: readonly SectorAtom[]): (readonly [number, number])[][] {
  const bySequence = new Map<number, [number, number][]>();
  atoms.forEach(({ writtenBy }, atom) => {
    writtenBy.forEach((sequences, choice) => {
      for (const sequence of sequences) {
        if (!bySequence.has(sequence)) bySequence.set(sequence, []);
        bySequence.get(sequence)!.push([atom, choice]);
      }
    });
  });
  return [...bySequence].sort(([first], [second]) => first - second).map(([, touched]) => touched);
}

/** Uniform states, states with little persisted and states with little missing, in turn. */
function* randomly(atoms: readonly SectorAtom[], random: Prng): Generator<StateVector> {
  const vector = new Uint16Array(atoms.length);
  for (let round = 0; ; round++) {
    const few = 2 / atoms.length;
    for (let atom = 0; atom < atoms.length; atom++) {
      const count = atoms[atom]!.choices.length;
      if (round % 3 === 0) vector[atom] = random.below(count);
      else {
        const isUnusual = random.chance(few);
        const usual = round % 3 === 1 ? 0 : count - 1;
        vector[atom] = isUnusual ? random.below(count) : usual;
      }
    }
    yield vector;
  }
}
