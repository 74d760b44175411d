/** How the victim is chosen when a table needs a slot. The lowest slot wins a tie in all of them. */
import { invariant } from '../base/invariant.ts';
import type { EntryStore } from './entry-store.ts';

/**
 * `use-count`: the least used, counts never fade. `aging`: the fewest hits, and every search for a victim halves the hits of each
 * unpinned entry that it passes. Both scan all slots, as history did. `lru`: the one released longest ago, in constant time.
 */
export type Replacement = 'use-count' | 'aging' | 'lru';

export interface VictimChooser {
  /** A table was put into the slot, which was empty; it is pinned, which is its first use. */
  loaded(slot: number): void;
  /** The slot's table was asked for; it is pinned now. */
  used(slot: number): void;
  /** The last pin on the slot's table has ended. */
  unpinned(slot: number): void;
  /** The unpinned slot has become empty. */
  emptied(slot: number): void;
  /** An unpinned slot, empty ones first. */
  choose(): number;
}

export function createChooser(replacement: Replacement, entries: EntryStore): VictimChooser {
  return replacement === 'lru' ? new LeastRecentlyUsed(entries.capacity) : new ScanningChooser(replacement, entries);
}

/** Hits that a newly loaded table has with its first use, so that `aging` does not replace it at once. */
const FIRST_HITS = { 'use-count': 1, aging: 33 } as const;

class ScanningChooser implements VictimChooser {
  readonly #replacement: 'use-count' | 'aging';
  readonly #firstHits: number;
  readonly #entries: EntryStore;

  constructor(replacement: 'use-count' | 'aging', entries: EntryStore) {
    this.#replacement = replacement;
    this.#firstHits = FIRST_HITS[replacement];
    this.#entries = entries;
  }

  loaded(slot: number): void {
    this.#entries.setHits(slot, this.#firstHits);
  }

  used(slot: number): void {
    this.#entries.setHits(slot, this.#entries.hitsOf(slot) + 1);
  }

  unpinned(): void {}

  emptied(slot: number): void {
    this.#entries.setHits(slot, 0);
  }

  choose(): number {
    const entries = this.#entries;
    const fades = this.#replacement === 'aging';
    let victim = -1;
    let fewestHits = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < entries.capacity; slot++) {
      if (entries.pinsOf(slot) > 0) continue;
      const hits = entries.hitsOf(slot);
      if (hits < fewestHits) {
        fewestHits = hits;
        victim = slot;
      }
      if (fades) entries.setHits(slot, hits >>> 1);
    }
    invariant(victim >= 0, 'some table of the cache is unpinned');
    return victim;
  }
}

/** A ring of the unpinned slots, the next victim first; the head of the ring is one place past the last slot. */
class LeastRecentlyUsed implements VictimChooser {
  readonly #head: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(capacity: number) {
    this.#head = capacity;
    this.#next = Int32Array.from({ length: capacity + 1 }, (_, slot) => (slot === capacity ? 0 : slot + 1));
    this.#previous = Int32Array.from({ length: capacity + 1 }, (_, slot) => (slot === 0 ? capacity : slot - 1));
  }

  loaded(slot: number): void {
    this.#unlink(slot);
  }

  used(slot: number): void {
    this.#unlink(slot);
  }

  unpinned(slot: number): void {
    this.#insertAfter(this.#previous[this.#head]!, slot);
  }

  emptied(slot: number): void {
    this.#unlink(slot);
    this.#insertAfter(this.#head, slot);
  }

  choose(): number {
    const victim = this.#next[this.#head]!;
    invariant(victim !== this.#head, 'some table of the cache is unpinned');
    return victim;
  }

  /** Leaves the slot as a ring of its own, so that a second time does nothing. */
  #unlink(slot: number): void {
    const next = this.#next[slot]!;
    const previous = this.#previous[slot]!;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#next[slot] = slot;
    this.#previous[slot] = slot;
  }

  #insertAfter(place: number, slot: number): void {
    const next = this.#next[place]!;
    this.#next[place] = slot;
    this.#previous[slot] = place;
    this.#next[slot] = next;
    this.#previous[next] = slot;
  }
}
