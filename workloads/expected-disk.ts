/**
 * What every sector of a guest's disk must hold: a model to verify images against, by name of the write that made it.
 *
 * Invariants:
 *  1. A sector is a 32-bit number: {@link ZEROS}, {@link UNSPECIFIED}, or the serial of the write whose data it holds.
 *  2. A disk costs 4 bytes for each sector near one that was ever written, and nothing for the rest (see sector-map.ts).
 */
import { SECTOR_BYTES } from '../engine/base/units.ts';
import { describeSector, fillGuestData, MAX_WRITE_SERIAL, type SectorContent, sectorText } from './guest-data.ts';
import { PAGE_SECTORS, SectorMap, type SectorState } from './sector-map.ts';

/** The sector reads as zeros. */
export const ZEROS = 0;
/** The sector may hold anything: nobody promised (a discard that is no multiple of a cluster). */
export const UNSPECIFIED = 0xffff_ffff;

const PAGE_BYTES = PAGE_SECTORS * SECTOR_BYTES;

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

export class ExpectedDisk {
  readonly sizeBytes: number;
  readonly seed: number;
  readonly #sectors: SectorMap;
  readonly #saved = new Map<string, SectorState>();
  readonly #scratch = new Uint8Array(COMPARED_BYTES);

  /**
   * A disk of `sizeBytes` (a multiple of 512) whose data comes from `seed`. Sectors never written hold zeros, or, over a
   * backing image filled by one write, what that write put there (`initialSerial`).
   */
  constructor(sizeBytes: number, seed: number, initialSerial: number = ZEROS) {
    if (sizeBytes % SECTOR_BYTES !== 0) throw new RangeError(`disk size ${sizeBytes} is not a multiple of 512`);
    this.sizeBytes = sizeBytes;
    this.seed = seed;
    this.#sectors = new SectorMap(sizeBytes / SECTOR_BYTES, initialSerial);
  }

  /** Bytes held by the pages of this disk and of its saved states, shared ones counted once. */
  get heldBytes(): number {
    return this.#sectors.heldBytes(this.#saved.values());
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
    return this.#sectors.get(offset / SECTOR_BYTES);
  }

  /** Keeps the present state under `name`, in place of one of that name. */
  save(name: string): void {
    this.#saved.set(name, this.#sectors.save());
  }

  /** Goes back to the state saved as `name`, which is kept. */
  restore(name: string): void {
    const state = this.#saved.get(name);
    if (state === undefined) throw new RangeError(`no saved state "${name}"`);
    this.#sectors.restore(state);
  }

  /** Drops the state saved as `name`. */
  remove(name: string): void {
    if (!this.#saved.delete(name)) throw new RangeError(`no saved state "${name}"`);
  }

  /** The stretches that were changed in this state or in one gone back from, rounded outwards to pages, each at most `maxBytes` (a multiple of 512) long. */
  *changedRanges(maxBytes = 1024 * 1024): Generator<DiskRange> {
    for (const sector of this.#sectors.touchedPages()) {
      const start = sector * SECTOR_BYTES;
      const end = Math.min(start + PAGE_BYTES, this.sizeBytes);
      for (let offset = start; offset < end; offset += maxBytes) {
        yield { offset, length: Math.min(maxBytes, end - offset) };
      }
    }
  }

  /** The parts of a range that are in no {@link changedRanges}. */
  *unchangedParts(offset: number, length: number): Generator<DiskRange> {
    const last = (offset + length) / SECTOR_BYTES;
    for (let sector = offset / SECTOR_BYTES; sector < last; ) {
      const { isTouched, end } = this.#sectors.endOfTouched(sector, last);
      if (!isTouched) yield { offset: sector * SECTOR_BYTES, length: (end - sector) * SECTOR_BYTES };
      sector = end;
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
      const serial = this.#sectors.get(first);
      sector = this.#sectors.endOfRun(first, end);
      yield { offset: first * SECTOR_BYTES, length: (sector - first) * SECTOR_BYTES, serial };
    }
  }

  #set(offset: number, length: number, value: number): void {
    this.#check(offset, length);
    this.#sectors.set(offset / SECTOR_BYTES, (offset + length) / SECTOR_BYTES, value);
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
