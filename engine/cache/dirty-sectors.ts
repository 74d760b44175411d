/**
 * Which sectors of the tables in a cache have changed, so that a policy writes no others: a table of 64 KiB in which one entry
 * changed costs one sector.
 */
import { SECTOR_BYTES } from '../base/units.ts';
import type { CachedTable, CacheObserver } from './cached-table.ts';

/** Bytes [from, to) of a table; both are multiples of the sector size. */
export interface DirtyRange {
  readonly from: number;
  readonly to: number;
}

export class DirtySectors implements CacheObserver {
  readonly #sectorBytes: number;
  /** 1 for each sector that has changed; only tables that are dirty are here. */
  readonly #sectors = new Map<CachedTable, Uint8Array>();

  /** `sectorBytes`: what the storage writes as one, 512 or 4096 bytes. */
  constructor(sectorBytes: number = SECTOR_BYTES) {
    this.#sectorBytes = sectorBytes;
  }

  /** The dirty tables, in the order of the file. */
  tables(): CachedTable[] {
    return [...this.#sectors.keys()].sort((a, b) => a.offset - b.offset);
  }

  get isEmpty(): boolean {
    return this.#sectors.size === 0;
  }

  dirtying(table: CachedTable, from: number, to: number): void {
    let sectors = this.#sectors.get(table);
    if (sectors === undefined) {
      sectors = new Uint8Array(Math.ceil(table.bytes.length / this.#sectorBytes));
      this.#sectors.set(table, sectors);
    }
    sectors.fill(1, Math.floor(from / this.#sectorBytes), Math.ceil(to / this.#sectorBytes));
  }

  writtenOut(table: CachedTable): void {
    this.#sectors.delete(table);
  }

  discarded(table: CachedTable): void {
    this.#sectors.delete(table);
  }

  /** What has changed of `table` since it was last written out, neighbours joined, in ascending order. */
  rangesOf(table: CachedTable): DirtyRange[] {
    const sectors = this.#sectors.get(table);
    const ranges: DirtyRange[] = [];
    for (let first = sectors?.indexOf(1) ?? -1; first >= 0; ) {
      const clean = sectors!.indexOf(0, first);
      const end = clean < 0 ? sectors!.length : clean;
      ranges.push({ from: first * this.#sectorBytes, to: Math.min(end * this.#sectorBytes, table.bytes.length) });
      first = sectors!.indexOf(1, end);
    }
    return ranges;
  }
}
