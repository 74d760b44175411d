/**
 * Seeded random numbers for schedules and permutation tests: the same seed gives the same sequence on every machine,
 * so that a run can be repeated and a verdict recomputed. Not for cryptography. Not the generator of the workloads either: results
 * import nothing, and stored runs are resumed by the schedule that this one gives.
 *
 * Generator: xoshiro128** (Blackman and Vigna 2018), its state filled by splitmix32 from the seed and a stream number.
 */

export interface SeededRandom {
  /** Uniform in [0, 1), 32 random bits. */
  next(): number;
  /** Uniform integer in [0, limit), 1 <= limit <= 2^32. */
  below(limit: number): number;
}

/** A generator for `seed`; different `stream` numbers give independent sequences of the same seed. */
export function seededRandom(seed: number, stream = 0): SeededRandom {
  const fill = splitmix32((Math.imul(stream + 1, 0x9e3779b9) ^ seed ^ Math.trunc(seed / 2 ** 32)) >>> 0);
  let a = fill();
  let b = fill();
  let c = fill();
  let d = fill();
  const bits = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
  return {
    next: () => bits() / 2 ** 32,
    below: (limit) => Math.floor((bits() / 2 ** 32) * limit),
  };
}

/** Shuffles `items` in place (Fisher-Yates) and returns it. */
export function shuffle<Items extends unknown[] | Float64Array>(items: Items, random: SeededRandom): Items {
  for (let last = items.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const kept = items[last];
    items[last] = items[other];
    items[other] = kept;
  }
  return items;
}

function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}

function rotateLeft(value: number, places: number): number {
  return (value << places) | (value >>> (32 - places));
}
