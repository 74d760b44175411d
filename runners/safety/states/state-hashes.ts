/**
 * Hashes of states, so that equal ones are counted once. A state's hash is the exclusive or of its sectors' hashes, and changes
 * in constant time with one sector.
 */
import { mix32 } from '../../../workloads/prng.ts';

/** Of a file as it differs from what it was at first. */
export class ContentHash {
  #high = 0;
  #low = 0;

  /** A number below 2^53. */
  get value(): number {
    return (this.#high % 2 ** 20) * 2 ** 32 + this.#low;
  }

  /** The sector holds another content, by number, than before. */
  replace(sector: number, before: number, after: number): void {
    this.#high = (this.#high ^ hashOfSector(sector, before, 1) ^ hashOfSector(sector, after, 1)) >>> 0;
    this.#low = (this.#low ^ hashOfSector(sector, before, 2) ^ hashOfSector(sector, after, 2)) >>> 0;
  }

  copy(): ContentHash {
    const copy = new ContentHash();
    copy.#high = this.#high;
    copy.#low = this.#low;
    return copy;
  }
}

/** 32 bits for `content` in `sector`; `salt` gives independent hashes. */
function hashOfSector(sector: number, content: number, salt: number): number {
  return mix32(mix32(sector + salt * 0x9e3779b9) ^ mix32(content + 0x85ebca6b * salt));
}

const FIRST_SLOTS = 256;

/** A set of numbers, -1 excepted, that grows up to a bound: once that is reached, it takes no more. */
export class StateHashes {
  #size = 0;
  #slots = new Float64Array(FIRST_SLOTS).fill(-1);
  readonly #most: number;

  /** Remembers at most `most` numbers. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many different ones were added; a lower bound once full. */
  get size(): number {
    return this.#size;
  }

  /** True when `hash` is new, or cannot be remembered any more. */
  add(hash: number): boolean {
    const slot = this.#find(hash);
    if (this.#slots[slot] === hash) return false;
    if (this.#size >= this.#most) return true;
    this.#slots[slot] = hash;
    this.#size++;
    if (this.#size * 2 > this.#slots.length) this.#grow();
    return true;
  }

  /** The slot that holds `hash`, or the empty one where it belongs. */
  #find(hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = (mix32(hash) ^ mix32(Math.floor(hash / 2 ** 32))) & mask;
    while (this.#slots[slot] !== -1 && this.#slots[slot] !== hash) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Float64Array(old.length * 4).fill(-1);
    for (const hash of old) if (hash !== -1) this.#slots[this.#find(hash)] = hash;
  }
}
