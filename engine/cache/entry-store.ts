/**
 * The metadata of a table cache's entries, in three memory layouts with one contract.
 *
 * `unpacked` is one object an entry, as a program writes it first; `packed` is a few typed arrays, one allocation for all. Both
 * look a table up by scanning, as history did. `indexed` is packed, with a map from offset to slot next to it.
 * They behave the same to the last count: the difference is bytes per entry and nanoseconds per lookup, and is measured.
 *
 * An entry is empty while its offset is 0: no table lies at offset 0, the header does.
 */

/** The layouts of history, stages S1 to S2 and S3 on. */
const HISTORICAL_LAYOUTS = ['unpacked', 'packed'] as const;
export type HistoricalLayout = (typeof HISTORICAL_LAYOUTS)[number];
export type CacheLayout = HistoricalLayout | 'indexed';

export interface EntryStore {
  readonly capacity: number;
  /** Slot of the table at `offset`, or -1. */
  find(offset: number): number;
  offsetOf(slot: number): number;
  setOffset(slot: number, offset: number): void;
  hitsOf(slot: number): number;
  setHits(slot: number, hits: number): void;
  pinsOf(slot: number): number;
  /** Returns how many there are then. */
  addPins(slot: number, change: number): number;
  /** Dirty bytes are [dirtyFrom, dirtyTo); an entry is clean when they are equal. */
  dirtyFrom(slot: number): number;
  dirtyTo(slot: number): number;
  setDirty(slot: number, from: number, to: number): void;
  /** The first slot from `slot` on that is dirty, or -1: asked of both caches at each flush. */
  nextDirty(slot: number): number;
}

export function createEntryStore(layout: CacheLayout, capacity: number): EntryStore {
  if (layout === 'unpacked') return new UnpackedEntries(capacity);
  return layout === 'packed' ? new PackedEntries(capacity) : new IndexedEntries(capacity);
}

/** Offsets are 64-bit floats (exact to 8 PiB); the rest are 32-bit counters. One buffer, 24 bytes an entry. */
class PackedEntries implements EntryStore {
  readonly capacity: number;
  readonly #offsets: Float64Array;
  readonly #hits: Int32Array;
  readonly #pins: Int32Array;
  readonly #dirtyFrom: Int32Array;
  readonly #dirtyTo: Int32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    const buffer = new ArrayBuffer(capacity * (8 + 4 * 4));
    this.#offsets = new Float64Array(buffer, 0, capacity);
    const words = (index: number) => new Int32Array(buffer, capacity * (8 + 4 * index), capacity);
    this.#hits = words(0);
    this.#pins = words(1);
    this.#dirtyFrom = words(2);
    this.#dirtyTo = words(3);
  }

  find(offset: number): number {
    const offsets = this.#offsets;
    for (let slot = 0; slot < offsets.length; slot++) if (offsets[slot] === offset) return slot;
    return -1;
  }

  offsetOf(slot: number): number {
    return this.#offsets[slot]!;
  }
  setOffset(slot: number, offset: number): void {
    this.#offsets[slot] = offset;
  }
  hitsOf(slot: number): number {
    return this.#hits[slot]!;
  }
  setHits(slot: number, hits: number): void {
    this.#hits[slot] = hits;
  }
  pinsOf(slot: number): number {
    return this.#pins[slot]!;
  }
  addPins(slot: number, change: number): number {
    return (this.#pins[slot]! += change);
  }
  dirtyFrom(slot: number): number {
    return this.#dirtyFrom[slot]!;
  }
  dirtyTo(slot: number): number {
    return this.#dirtyTo[slot]!;
  }
  setDirty(slot: number, from: number, to: number): void {
    this.#dirtyFrom[slot] = from;
    this.#dirtyTo[slot] = to;
  }
  nextDirty(slot: number): number {
    const from = this.#dirtyFrom;
    const to = this.#dirtyTo;
    for (let at = slot; at < to.length; at++) if (to[at]! > from[at]!) return at;
    return -1;
  }
}

/** Finds a table without looking at the others. */
class IndexedEntries extends PackedEntries {
  readonly #slots = new Map<number, number>();

  override find(offset: number): number {
    return this.#slots.get(offset) ?? -1;
  }

  override setOffset(slot: number, offset: number): void {
    this.#slots.delete(this.offsetOf(slot));
    if (offset !== 0) this.#slots.set(offset, slot);
    super.setOffset(slot, offset);
  }
}

interface Entry {
  dirtyFrom: number;
  offset: number;
  pins: number;
  dirtyTo: number;
  hits: number;
}

class UnpackedEntries implements EntryStore {
  readonly capacity: number;
  readonly #entries: Entry[];

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#entries = Array.from({ length: capacity }, () => ({ dirtyFrom: 0, offset: 0, pins: 0, dirtyTo: 0, hits: 0 }));
  }

  find(offset: number): number {
    const entries = this.#entries;
    for (let slot = 0; slot < entries.length; slot++) if (entries[slot]!.offset === offset) return slot;
    return -1;
  }

  offsetOf(slot: number): number {
    return this.#entries[slot]!.offset;
  }
  setOffset(slot: number, offset: number): void {
    this.#entries[slot]!.offset = offset;
  }
  hitsOf(slot: number): number {
    return this.#entries[slot]!.hits;
  }
  setHits(slot: number, hits: number): void {
    this.#entries[slot]!.hits = hits;
  }
  pinsOf(slot: number): number {
    return this.#entries[slot]!.pins;
  }
  addPins(slot: number, change: number): number {
    return (this.#entries[slot]!.pins += change);
  }
  dirtyFrom(slot: number): number {
    return this.#entries[slot]!.dirtyFrom;
  }
  dirtyTo(slot: number): number {
    return this.#entries[slot]!.dirtyTo;
  }
  setDirty(slot: number, from: number, to: number): void {
    const entry = this.#entries[slot]!;
    entry.dirtyFrom = from;
    entry.dirtyTo = to;
  }
  nextDirty(slot: number): number {
    const entries = this.#entries;
    for (let at = slot; at < entries.length; at++) {
      const { dirtyFrom, dirtyTo } = entries[at]!;
      if (dirtyTo > dirtyFrom) return at;
    }
    return -1;
  }
}
