/** Remembers which of some sectors were read: what nobody looked at cannot have made a difference. */
import { SECTOR_BYTES } from '../../../engine/index.ts';

export class SectorWatch {
  /** For each sector from {@link #first} on its place in the list, or -1. */
  readonly #places: Int32Array;
  readonly #first: number;
  readonly #seen: Uint8Array;
  /** 1 where the judge itself has written: what it reads there is its own. */
  readonly #overwritten: Uint8Array;

  constructor(sectors: readonly number[]) {
    this.#first = sectors.reduce((least, sector) => Math.min(least, sector), Number.MAX_SAFE_INTEGER);
    const last = sectors.reduce((most, sector) => Math.max(most, sector), this.#first - 1);
    this.#places = new Int32Array(last - this.#first + 1).fill(-1);
    this.#seen = new Uint8Array(sectors.length);
    this.#overwritten = new Uint8Array(sectors.length);
    sectors.forEach((sector, place) => {
      this.#places[sector - this.#first] = place;
    });
  }

  /** Bytes were read; what the judge has overwritten tells nothing, unless the bytes from `before` that are meant. */
  note(offset: number, lengthBytes: number, before = false): void {
    if (lengthBytes <= 0) return;
    const start = Math.max(0, Math.floor(offset / SECTOR_BYTES) - this.#first);
    const end = Math.min(this.#places.length, Math.ceil((offset + lengthBytes) / SECTOR_BYTES) - this.#first);
    for (let index = start; index < end; index++) {
      const place = this.#places[index]!;
      if (place >= 0 && (before || this.#overwritten[place] === 0)) this.#seen[place] = 1;
    }
  }

  /** Bytes were overwritten, or are again what they were. */
  overwrite(offset: number, lengthBytes: number, isOver: boolean): void {
    const start = Math.max(0, Math.ceil(offset / SECTOR_BYTES) - this.#first);
    const end = Math.min(this.#places.length, Math.floor((offset + lengthBytes) / SECTOR_BYTES) - this.#first);
    for (let index = start; index < end; index++) {
      const place = this.#places[index]!;
      if (place >= 0) this.#overwritten[place] = isOver ? 1 : 0;
    }
  }

  /** Whether the sector at this place of the list was read since the last {@link forget}. */
  hasSeen(place: number): boolean {
    return this.#seen[place] === 1;
  }

  forget(): void {
    this.#seen.fill(0);
  }
}
