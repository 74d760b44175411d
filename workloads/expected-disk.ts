/**
 * What every sector of a guest's disk must hold: a model to verify images against, by name of the write that made it.
 *
 * Invariants:
 *  1. A sector is a 32-bit number: {@link ZEROS}, {@link UNSPECIFIED}, or the serial of the write whose data it holds.
 *  2. Sectors live in pages of {@link PAGE_SECTORS}, made on the first change: a disk costs 4 bytes for each sector
 *     near one that was ever written, and 8 a page for the rest.
 *  3. A page is changed only while this disk alone owns it; saved states share pages until one side changes them.
 */
import { SECTOR_BYTES } from '../engine/base/units.ts';
import { describeSector, fillGuestData, MAX_WRITE_SERIAL, type SectorContent, sectorText } from './guest-data.ts';

const PAGE_SECTORS = 2048;

/** The sector reads as zeros. */
export const ZEROS = 0;
/** The sector may hold anything: nobody promised (a discard that is no multiple of a cluster). */
export const UNSPECIFIED = 0xffff_ffff;

/** Bytes compared at a time, so that verifying a long read needs little memory. */
const COMPARED_BYTES = 256 * 1024;

/** The first sector that is not as expected. */
export interface Difference {
  readonly guestOffset: number;
  /** Serial of the write expected there, or {@link ZEROS}. */
  readonly expected: number;
  readonly found: SectorContent;
  /** One line: where, what was expected, what was found. */
  readonly message: string;
}

/** A stretch of the disk in bytes. */
export interface DiskRange {
  readonly offset: number;
  readonly length: number;
}

type Pages = (Uint32Array | undefined)[];

export class ExpectedDisk {
  readonly sizeBytes: number;
  readonly seed: number;
  readonly #initial: number;
  readonly #saved = new Map<string, Pages>();
  readonly #scratch = new Uint8Array(COMPARED_BYTES);
  #pages: Pages;
  #owned: Uint8Array;
  /** One a page: changed in this or in any earlier state. */
  readonly #touched: Uint8Array;

  /**
   * A disk of `sizeBytes` (a multiple of 512) whose data comes from `seed`. Sectors never written hold zeros, or, over a
   * backing image filled by one write, what that write put there (`initialSerial`).
   */
  constructor(sizeBytes: number, seed: number, initialSerial: number = ZEROS) {
    if (sizeBytes % SECTOR_BYTES !== 0) throw new RangeError(`disk size ${sizeBytes} is not a multiple of 512`);
    this.sizeBytes = sizeBytes;
    this.seed = seed;
    this.#initial = initialSerial;
    const pageCount = Math.ceil(sizeBytes / SECTOR_BYTES / PAGE_SECTORS);
    this.#pages = new Array<Uint32Array | undefined>(pageCount).fill(undefined);
    this.#owned = new Uint8Array(pageCount);
    this.#touched = new Uint8Array(pageCount);
  }

  /** Bytes held by the pages of this disk and of its saved states, shared ones counted once. */
  get heldBytes(): number {
    const pages = new Set<Uint32Array>();
    for (const list of [this.#pages, ...this.#saved.values()]) for (const page of list) if (page) pages.add(page);
    return pages.size * PAGE_SECTORS * Uint32Array.BYTES_PER_ELEMENT;
  }

  /** The range holds the data of write `serial` from now on. */
  write(offset: number, length: number, serial: number): void {
    if (!(serial >= 1 && serial <= MAX_WRITE_SERIAL)) throw new RangeError(`write serial ${serial} out of range`);
    this.#set(offset, length, serial);
  }

  /** The range reads as zeros from now on. */
  zero(offset: number, length: number): void {
    this.#set(offset, length, ZEROS);
  }

  /** Nothing is promised about the range from now on. */
  forget(offset: number, length: number): void {
    this.#set(offset, length, UNSPECIFIED);
  }

  /** What the sector at `offset` must hold: a write serial, {@link ZEROS} or {@link UNSPECIFIED}. */
  at(offset: number): number {
    this.#check(offset, SECTOR_BYTES);
    return this.#sector(offset / SECTOR_BYTES);
  }

  /** Keeps the present state under `name`, in place of one of that name. */
  save(name: string): void {
    this.#saved.set(name, this.#pages.slice());
    this.#owned.fill(0);
  }

  /** Goes back to the state saved as `name`, which is kept. */
  restore(name: string): void {
    const pages = this.#saved.get(name);
    if (pages === undefined) throw new RangeError(`no saved state "${name}"`);
    this.#pages = pages.slice();
    this.#owned.fill(0);
  }

  /** Drops the state saved as `name`. */
  remove(name: string): void {
    if (!this.#saved.delete(name)) throw new RangeError(`no saved state "${name}"`);
  }

  /** The stretches that were changed in this state or in one gone back from, rounded outwards to pages, each at most `maxBytes` (a multiple of 512) long. */
  *changedRanges(maxBytes = 1024 * 1024): Generator<DiskRange> {
    const pageBytes = PAGE_SECTORS * SECTOR_BYTES;
    for (let index = 0; index < this.#pages.length; index++) {
      if (this.#touched[index] === 0) continue;
      const end = Math.min((index + 1) * pageBytes, this.sizeBytes);
      for (let offset = index * pageBytes; offset < end; offset += maxBytes) {
        yield { offset, length: Math.min(maxBytes, end - offset) };
      }
    }
  }

  /** Fills `into` with what the disk must hold at `offset`; unspecified sectors become zeros. */
  read(offset: number, into: Uint8Array): void {
    this.#check(offset, into.length);
    for (const run of this.#runs(offset, into.length)) {
      const part = into.subarray(run.offset - offset, run.offset - offset + run.length);
      if (run.serial === ZEROS || run.serial === UNSPECIFIED) part.fill(0);
      else fillGuestData(part, run.serial, run.offset, this.seed);
    }
  }

  /** Compares `found`, read at `offset`, with what must be there; `undefined` when all of it agrees. */
  firstDifference(offset: number, found: Uint8Array): Difference | undefined {
    this.#check(offset, found.length);
    for (const run of this.#runs(offset, found.length)) {
      if (run.serial === UNSPECIFIED) continue;
      for (let done = 0; done < run.length; done += COMPARED_BYTES) {
        const at = run.offset + done;
        const length = Math.min(COMPARED_BYTES, run.length - done);
        const difference = this.#differenceInRun(run.serial, at, found.subarray(at - offset, at - offset + length));
        if (difference !== undefined) return difference;
      }
    }
    return undefined;
  }

  #differenceInRun(serial: number, offset: number, found: Uint8Array): Difference | undefined {
    const expected = this.#scratch.subarray(0, found.length);
    if (serial === ZEROS) expected.fill(0);
    else fillGuestData(expected, serial, offset, this.seed);
    if (Buffer.compare(expected, found) === 0) return undefined;
    let at = 0;
    while (Buffer.compare(sectorOf(expected, at), sectorOf(found, at)) === 0) at += SECTOR_BYTES;
    const content = describeSector(sectorOf(found, at));
    const wanted = serial === ZEROS ? 'zeros' : `write ${serial}`;
    const message = `guest offset ${offset + at}: expected ${wanted}, found ${sectorText(content, this.seed)}`;
    return { guestOffset: offset + at, expected: serial, found: content, message };
  }

  /** The range cut into stretches of one serial. */
  *#runs(offset: number, length: number): Generator<DiskRange & { readonly serial: number }> {
    const end = (offset + length) / SECTOR_BYTES;
    for (let sector = offset / SECTOR_BYTES; sector < end; ) {
      const first = sector;
      const serial = this.#sector(first);
      sector = this.#endOfRun(first, end, serial);
      yield { offset: first * SECTOR_BYTES, length: (sector - first) * SECTOR_BYTES, serial };
    }
  }

  #endOfRun(first: number, end: number, serial: number): number {
    let sector = first;
    while (sector < end) {
      const inPage = sector % PAGE_SECTORS;
      const stop = Math.min(PAGE_SECTORS, inPage + end - sector);
      const page = this.#pages[(sector - inPage) / PAGE_SECTORS];
      if (page === undefined && this.#initial !== serial) return sector;
      for (let index = inPage; page !== undefined && index < stop; index++) {
        if (page[index] !== serial) return sector + index - inPage;
      }
      sector += stop - inPage;
    }
    return end;
  }

  #sector(sector: number): number {
    const inPage = sector % PAGE_SECTORS;
    return this.#pages[(sector - inPage) / PAGE_SECTORS]?.[inPage] ?? this.#initial;
  }

  #set(offset: number, length: number, value: number): void {
    this.#check(offset, length);
    const end = (offset + length) / SECTOR_BYTES;
    for (let sector = offset / SECTOR_BYTES; sector < end; ) {
      const inPage = sector % PAGE_SECTORS;
      const stop = Math.min(PAGE_SECTORS, inPage + end - sector);
      const index = (sector - inPage) / PAGE_SECTORS;
      // Zeros where only zeros ever were change nothing: a discard of the whole disk must not cost memory for it.
      const unchanged = this.#pages[index] === undefined && value === this.#initial;
      if (!unchanged) this.#ownedPage(index).fill(value, inPage, stop);
      sector += stop - inPage;
    }
  }

  #ownedPage(index: number): Uint32Array {
    const page = this.#pages[index];
    if (page !== undefined && this.#owned[index] === 1) return page;
    const own = page === undefined ? new Uint32Array(PAGE_SECTORS).fill(this.#initial) : page.slice();
    this.#pages[index] = own;
    this.#owned[index] = 1;
    this.#touched[index] = 1;
    return own;
  }

  #check(offset: number, length: number): void {
    const aligned = offset % SECTOR_BYTES === 0 && length % SECTOR_BYTES === 0;
    if (aligned && offset >= 0 && length >= 0 && offset + length <= this.sizeBytes) return;
    throw new RangeError(`${length} bytes at ${offset} are not whole sectors of a disk of ${this.sizeBytes} bytes`);
  }
}

function sectorOf(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.subarray(at, at + SECTOR_BYTES);
}
