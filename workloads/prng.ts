/**
 * The one source of randomness of the workloads: sfc32 (Chris Doty-Humphrey's "small fast counter" generator, 128 bits
 * of state, passes PractRand), seeded through the finaliser of MurmurHash3.
 *
 * Invariant: the sequence depends on the seed and on nothing else, so a seed names a workload on every machine.
 */

/** The finaliser of MurmurHash3: every bit of `value` reaches every bit of the result (an unsigned 32-bit number). */
export function mix32(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A seeded stream of numbers. Not for secrets. */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed` is an integer of which 53 bits count. */
  constructor(seed: number) {
    const high = Math.floor(seed / 2 ** 32);
    this.#a = mix32(seed) | 0;
    this.#b = mix32(high ^ 0x9e3779b9) | 0;
    this.#c = mix32(seed ^ 0x3c6ef372) | 0;
    // Twelve rounds let close seeds drift apart.
    for (let round = 0; round < 12; round++) this.uint32();
  }

  /** The next unsigned 32-bit number. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** The next number of [0, 1), a multiple of 2^-53. */
  fraction(): number {
    return (Math.floor(this.uint32() / 32) * 2 ** 26 + Math.floor(this.uint32() / 64)) / 2 ** 53;
  }

  /** An integer of [0, bound), `bound` a positive integer up to 2^53. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  /** An integer of [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of `items`, which has at least one. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  /** Shuffles `items` in place (Fisher-Yates) and returns them. */
  shuffle<Items extends { length: number; [index: number]: number }>(items: Items): Items {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const value = items[last]!;
      items[last] = items[other]!;
      items[other] = value;
    }
    return items;
  }
}
