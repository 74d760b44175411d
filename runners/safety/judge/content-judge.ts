/**
 * Compares what the guest finds in one disk (the active one, or a snapshot) with what it may find, for the states of one point.
 *
 * From state to state most guest sectors lie where they lay and hold what they held, so the outcome for a run of them is
 * remembered as long as none of its sectors is among those that the states of this point differ in.
 */
import { SECTOR_BYTES } from '../../../engine/index.ts';
import { allows, type SectorValues } from '../requests/guest-oracle.ts';
import type { StateFile } from '../states/state-file.ts';
import { readRun } from './guest-content.ts';
import type { GuestRun } from './guest-map.ts';

/** A guest sector and a value that it reads as though it must not. */
export interface WrongSector {
  readonly sector: number;
  readonly value: number;
}

const NOTHING_WRONG: readonly WrongSector[] = [];

export class ContentJudge {
  readonly #file: StateFile;
  readonly #looseData: ReadonlyMap<number, readonly number[]>;
  readonly #sectors: SectorValues;
  readonly #atomSectors: ReadonlySet<number>;
  readonly #known = new Map<number | string, readonly WrongSector[]>();
  /** Guest sectors, one for each run of `#granule`, that must not read as zeros. */
  readonly #notZero = new Map<number, number>();
  readonly #granule: number;

  /** `granule`: every run begins at a multiple of it, in sectors, and is as long or longer. */
  constructor(
    file: StateFile,
    looseData: ReadonlyMap<number, readonly number[]>,
    sectors: SectorValues,
    atomSectors: ReadonlySet<number>,
    granule: number,
  ) {
    this.#file = file;
    this.#looseData = looseData;
    this.#sectors = sectors;
    this.#atomSectors = atomSectors;
    this.#granule = granule;
    for (const [sector, cell] of sectors) {
      const start = sector - (sector % granule);
      if (!this.#notZero.has(start) && !allows(cell, 0)) this.#notZero.set(start, sector);
    }
  }

  /** Everything wrong with the disk that `runs` map. */
  judge(runs: readonly GuestRun[], usesZstd: boolean): WrongSector[] {
    const wrong: WrongSector[] = [];
    const covered = new Set<number>();
    for (const run of runs) {
      for (let start = 0; start < run.sectorCount; start += this.#granule) covered.add(run.guestSector + start);
      for (const sector of this.#judgeRun(run, usesZstd)) wrong.push(sector);
    }
    for (const [start, sector] of this.#notZero) if (!covered.has(start)) wrong.push({ sector, value: 0 });
    return wrong;
  }

  #judgeRun(run: GuestRun, usesZstd: boolean): readonly WrongSector[] {
    if (!this.#isSettled(run)) return this.#wrongIn(run, usesZstd);
    const key = keyOf(run);
    let wrong = this.#known.get(key);
    if (wrong === undefined) {
      wrong = this.#wrongIn(run, usesZstd);
      this.#known.set(key, wrong);
    }
    return wrong;
  }

  /** True when the run holds the same in all states of the point in which the file is long enough for it. */
  #isSettled(run: GuestRun): boolean {
    if (run.kind === 'zero') return true;
    const first = run.hostSector;
    const offset = run.stream?.offset ?? first * SECTOR_BYTES;
    const end = offset + (run.stream?.lengthBytes ?? run.sectorCount * SECTOR_BYTES);
    if (end > this.#file.sizeBytes()) return false;
    if (this.#atomSectors.size === 0) return true;
    for (let sector = first; sector * SECTOR_BYTES < end; sector++) if (this.#atomSectors.has(sector)) return false;
    return true;
  }

  #wrongIn(run: GuestRun, usesZstd: boolean): readonly WrongSector[] {
    const wrong: WrongSector[] = [];
    const endSector = Math.floor(this.#file.sizeBytes() / SECTOR_BYTES);
    const isLoose = (index: number) =>
      run.kind === 'data' && run.hostSector + index < endSector && this.#looseData.has(run.hostSector + index);
    const values = readRun(this.#file, run, usesZstd, isLoose);
    for (let index = 0; index < run.sectorCount; index++) {
      const sector = run.guestSector + index;
      const cell = this.#sectors.get(sector);
      const loose = isLoose(index) ? this.#looseData.get(run.hostSector + index) : undefined;
      for (const value of loose ?? [values[index]!]) if (!allows(cell, value)) wrong.push({ sector, value });
    }
    return wrong.length === 0 ? NOTHING_WRONG : wrong;
  }
}

/** Sectors below 2^26 (32 GiB) make a number, which is quicker. */
function keyOf({ guestSector, hostSector, kind, stream }: GuestRun): number | string {
  const isSmall = guestSector < 2 ** 26 && hostSector < 2 ** 26;
  if (stream !== null || !isSmall)
    return `${guestSector} ${hostSector} ${kind} ${stream?.offset} ${stream?.lengthBytes}`;
  return guestSector * 2 ** 26 + (kind === 'zero' ? 0 : hostSector);
}
