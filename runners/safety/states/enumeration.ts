/**
 * A sample of the crash states of one point, as vectors: one choice for each atom. It starts with the states that mistakes show in
 * most often, and ends with seeded random ones.
 */
import { Prng } from '../../../workloads/prng.ts';
import { coveringRows } from './covering-array.ts';
import type { CrashPoint, SectorAtom } from './crash-points.ts';
import { ContentHash, StateHashes } from './state-hashes.ts';

/** Choice index of each atom; reused, so copy it to keep it. */
export type StateVector = Uint16Array;

/** All subsets of up to this many writes are tried; of more, only some. */
const WRITE_SUBSETS_MAX = 10;
const PROPOSALS_PER_STATE = 16;

/** Up to `most` states, none of them twice and none that is in `tried`; adds them to it. The vector is reused: copy it to keep it. */
export function* sampleStates(
  { atoms, index }: Pick<CrashPoint, 'atoms' | 'index'>,
  most: number,
  seed: number,
  tried: TriedStates,
): Generator<StateVector> {
  const total = atoms.reduce((product, { choices }) => product * choices.length, 1);
  let left = Math.min(most, total - tried.size);
  // Of a small space the random states are soon all repetitions.
  let proposals = PROPOSALS_PER_STATE * left + atoms.length ** 2;
  for (const vector of orderedSample(atoms, seed + index)) {
    if (left === 0 || proposals-- === 0) return;
    if (!tried.add(vector)) continue;
    left--;
    yield vector;
  }
}

/** Remembers vectors of one point by their hash. */
export class TriedStates {
  readonly #hashes: StateHashes;

  constructor(most: number) {
    this.#hashes = new StateHashes(most);
  }

  get size(): number {
    return this.#hashes.size;
  }

  /** False when the vector was there before. */
  add(vector: StateVector): boolean {
    const hash = new ContentHash();
    vector.forEach((choice, atom) => {
      if (choice > 0) hash.replace(atom, 0, choice);
    });
    return this.#hashes.add(hash.value);
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
  yield* inThrees(atoms);
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

/** Any three atoms in every pattern of durable and new content, for each content in turn that is not durable. */
function* inThrees(atoms: readonly SectorAtom[]): Generator<StateVector> {
  const vector = new Uint16Array(atoms.length);
  const mostChoices = atoms.reduce((most, { choices }) => Math.max(most, choices.length), 0);
  for (let newer = mostChoices - 1; newer > 0; newer--) {
    for (const row of coveringRows(atoms.length)) {
      for (let atom = 0; atom < vector.length; atom++) {
        vector[atom] = row(atom) * Math.min(newer, atoms[atom]!.choices.length - 1);
      }
      yield vector;
    }
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
