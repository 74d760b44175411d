/**
 * A number for each sector of a disk of any size, with saved states that share what neither side has changed since.
 *
 * Invariants:
 *  1. Memory and time go by what was set, not by the size of the disk: a page of {@link PAGE_SECTORS} is made on its first
 *     change, and a region of {@link REGION_PAGES} pages that is set as a whole is one number.
 *  2. A node is changed only in the generation that made it; saving begins a new generation, so that saved nodes stay as they are.
 */

export const PAGE_SECTORS = 2048;
const REGION_PAGES = 1024;
const REGION_SECTORS = PAGE_SECTORS * REGION_PAGES;

interface Page {
  readonly generation: number;
  readonly sectors: Uint32Array;
}

interface Region {
  readonly generation: number;
  /** Undefined where every sector has the initial value. */
  readonly pages: (Page | undefined)[];
}

/** A number: every sector of the region has this value. */
type Node = number | Region;

/** A saved state. */
export type SectorState = ReadonlyMap<number, Node>;

export class SectorMap {
  readonly #sectorCount: number;
  readonly #initial: number;
  #regions: Map<number, Node> = new Map();
  #generation = 0;
  /** By region: one a page, changed in this or in any earlier state. */
  readonly #touched = new Map<number, Uint8Array>();

  constructor(sectorCount: number, initial: number) {
    this.#sectorCount = sectorCount;
    this.#initial = initial;
  }

  get(sector: number): number {
    const region = this.#regions.get(Math.floor(sector / REGION_SECTORS));
    if (region === undefined) return this.#initial;
    if (typeof region === 'number') return region;
    const inRegion = sector % REGION_SECTORS;
    const page = region.pages[Math.floor(inRegion / PAGE_SECTORS)];
    return page === undefined ? this.#initial : page.sectors[inRegion % PAGE_SECTORS]!;
  }

  /** Where the sectors from `first` on, at most up to `end`, stop having the value of the first. */
  endOfRun(first: number, end: number): number {
    const value = this.get(first);
    let sector = first;
    while (sector < end) {
      const index = Math.floor(sector / REGION_SECTORS);
      const stop = Math.min(end, (index + 1) * REGION_SECTORS);
      const region = this.#regions.get(index);
      const found = typeof region === 'object' ? this.#endInRegion(region, index, sector, stop, value) : stop;
      const uniform = region === undefined ? this.#initial : region;
      if (typeof uniform === 'number' && uniform !== value) return sector;
      if (found < stop) return found;
      sector = stop;
    }
    return end;
  }

  #endInRegion({ pages }: Region, index: number, first: number, end: number, value: number): number {
    for (let sector = first; sector < end; ) {
      const inPage = sector % PAGE_SECTORS;
      const stop = Math.min(end, sector - inPage + PAGE_SECTORS);
      const page = pages[Math.floor((sector - index * REGION_SECTORS) / PAGE_SECTORS)];
      if (page === undefined && this.#initial !== value) return sector;
      for (let at = inPage; page !== undefined && at < inPage + stop - sector; at++) {
        if (page.sectors[at] !== value) return sector + at - inPage;
      }
      sector = stop;
    }
    return end;
  }

  /** Sets the sectors [first, end). */
  set(first: number, end: number, value: number): void {
    for (let sector = first; sector < end; ) {
      const index = Math.floor(sector / REGION_SECTORS);
      const start = index * REGION_SECTORS;
      const stop = Math.min(end, start + REGION_SECTORS);
      const isWhole = sector === start && stop === Math.min(start + REGION_SECTORS, this.#sectorCount);
      // The initial value where nothing else ever was changes nothing: a discard of the whole disk must cost no memory.
      if (this.#regions.has(index) || value !== this.#initial) {
        if (isWhole && value !== this.#initial) this.#setRegion(index, value);
        else this.#setPages(index, sector - start, stop - start, value);
      }
      sector = stop;
    }
  }

  #setRegion(index: number, value: number): void {
    this.#regions.set(index, value);
    this.#touchedIn(index).fill(1);
  }

  #setPages(index: number, first: number, end: number, value: number): void {
    const region = this.#ownedRegion(index);
    const touched = this.#touchedIn(index);
    for (let sector = first; sector < end; ) {
      const number = Math.floor(sector / PAGE_SECTORS);
      const inPage = sector % PAGE_SECTORS;
      const stop = Math.min(end, (number + 1) * PAGE_SECTORS);
      const isWhole = inPage === 0 && stop - sector === PAGE_SECTORS;
      const page = region.pages[number];
      if (page !== undefined && isWhole && value === this.#initial) {
        region.pages[number] = undefined;
      } else if (page !== undefined || value !== this.#initial) {
        this.#ownedPage(region, number).fill(value, inPage, inPage + stop - sector);
        touched[number] = 1;
      }
      sector = stop;
    }
  }

  #ownedRegion(index: number): Region {
    const found = this.#regions.get(index);
    if (typeof found === 'object' && found.generation === this.#generation) return found;
    const pages = typeof found === 'object' ? found.pages.slice() : this.#pagesOf(found ?? this.#initial);
    const own = { generation: this.#generation, pages };
    this.#regions.set(index, own);
    return own;
  }

  /** All pages of a region in which every sector has the value. */
  #pagesOf(value: number): (Page | undefined)[] {
    if (value === this.#initial) return new Array<undefined>(REGION_PAGES).fill(undefined);
    // An older generation: one page that all share until each is changed.
    const shared = { generation: -1, sectors: new Uint32Array(PAGE_SECTORS).fill(value) };
    return new Array<Page>(REGION_PAGES).fill(shared);
  }

  #ownedPage(region: Region, number: number): Uint32Array {
    const page = region.pages[number];
    if (page !== undefined && page.generation === this.#generation) return page.sectors;
    const sectors = page === undefined ? new Uint32Array(PAGE_SECTORS).fill(this.#initial) : page.sectors.slice();
    region.pages[number] = { generation: this.#generation, sectors };
    return sectors;
  }

  #touchedIn(index: number): Uint8Array {
    const found = this.#touched.get(index);
    if (found !== undefined) return found;
    const made = new Uint8Array(REGION_PAGES);
    this.#touched.set(index, made);
    return made;
  }

  /** The present state, to {@link restore}. */
  save(): SectorState {
    this.#generation++;
    return new Map(this.#regions);
  }

  restore(state: SectorState): void {
    this.#generation++;
    this.#regions = new Map(state);
  }

  /** Where the pages from that of `first` on, at most up to `end`, stop being touched, or untouched, as it is. */
  endOfTouched(first: number, end: number): { readonly isTouched: boolean; readonly end: number } {
    const isTouched = this.#isTouched(first);
    for (let sector = first; sector < end; ) {
      if (this.#isTouched(sector) !== isTouched) return { isTouched, end: sector };
      const step = this.#touched.has(Math.floor(sector / REGION_SECTORS)) ? PAGE_SECTORS : REGION_SECTORS;
      sector += step - (sector % step);
    }
    return { isTouched, end };
  }

  #isTouched(sector: number): boolean {
    const pages = this.#touched.get(Math.floor(sector / REGION_SECTORS));
    return pages?.[Math.floor((sector % REGION_SECTORS) / PAGE_SECTORS)] === 1;
  }

  /** The first sectors of the pages that are touched, in order. */
  *touchedPages(): Generator<number> {
    for (const [index, pages] of [...this.#touched].sort(([a], [b]) => a - b)) {
      for (let number = 0; number < REGION_PAGES; number++) {
        const sector = index * REGION_SECTORS + number * PAGE_SECTORS;
        if (pages[number] === 1 && sector < this.#sectorCount) yield sector;
      }
    }
  }

  /** Bytes in the pages of this state and of `saved`, shared ones counted once. */
  heldBytes(saved: Iterable<SectorState>): number {
    const held = new Set<Uint32Array>();
    for (const regions of [this.#regions, ...saved]) {
      for (const region of regions.values()) {
        if (typeof region === 'object') for (const page of region.pages) if (page) held.add(page.sectors);
      }
    }
    return held.size * PAGE_SECTORS * Uint32Array.BYTES_PER_ELEMENT;
  }
}
