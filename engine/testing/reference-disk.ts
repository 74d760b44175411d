/** A guest disk as plain as can be, to compare images with: sectors in a map, and named copies of the whole. */
import fs from 'node:fs';
import { SECTOR_BYTES } from '../base/units.ts';

/** A sector once stored is never changed, only replaced, so copies of the disk share them. */
type Sectors = Map<number, Uint8Array>;

const ZEROS = new Uint8Array(SECTOR_BYTES);

export class ReferenceDisk {
  readonly sizeBytes: number;
  #sectors: Sectors = new Map();
  readonly #snapshots = new Map<string, Sectors>();

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  get snapshotNames(): string[] {
    return [...this.#snapshots.keys()];
  }

  read(offset: number, into: Uint8Array): void {
    forEachSector(offset, into.length, (sector, inSector, start, end) => {
      const from = this.#sectors.get(sector) ?? ZEROS;
      into.set(from.subarray(inSector, inSector + end - start), start);
    });
  }

  write(offset: number, bytes: Uint8Array): void {
    forEachSector(offset, bytes.length, (sector, inSector, start, end) => {
      const changed = (this.#sectors.get(sector) ?? ZEROS).slice();
      changed.set(bytes.subarray(start, end), inSector);
      this.#sectors.set(sector, changed);
    });
  }

  takeSnapshot(name: string): void {
    this.#snapshots.set(name, new Map(this.#sectors));
  }

  applySnapshot(name: string): void {
    this.#sectors = new Map(this.#snapshots.get(name));
  }

  deleteSnapshot(name: string): void {
    this.#snapshots.delete(name);
  }

  /** Byte offsets of all sectors that were ever written, in this disk or a copy of it. */
  touchedOffsets(): number[] {
    const all = [this.#sectors, ...this.#snapshots.values()].flatMap((sectors) => [...sectors.keys()]);
    return [...new Set(all)].sort((a, b) => a - b).map((sector) => sector * SECTOR_BYTES);
  }

  /** The same as ranges of neighbours, at most `maxBytes` each. */
  touchedRanges(maxBytes: number): { offset: number; lengthBytes: number }[] {
    const ranges: { offset: number; lengthBytes: number }[] = [];
    for (const offset of this.touchedOffsets()) {
      const last = ranges.at(-1);
      const continues = last !== undefined && last.offset + last.lengthBytes === offset && last.lengthBytes < maxBytes;
      if (continues) last.lengthBytes += SECTOR_BYTES;
      else ranges.push({ offset, lengthBytes: SECTOR_BYTES });
    }
    return ranges;
  }

  /** Writes the disk's first `sizeBytes` bytes into `file`, as holes where nothing was written. */
  toRawFile(file: string): void {
    const descriptor = fs.openSync(file, 'w');
    try {
      fs.ftruncateSync(descriptor, this.sizeBytes);
      for (const [sector, bytes] of this.#sectors) {
        const at = sector * SECTOR_BYTES;
        if (at < this.sizeBytes) fs.writeSync(descriptor, bytes, 0, SECTOR_BYTES, at);
      }
    } finally {
      fs.closeSync(descriptor);
    }
  }
}

function forEachSector(
  offset: number,
  lengthBytes: number,
  visit: (sector: number, inSector: number, start: number, end: number) => void,
): void {
  let start = 0;
  while (start < lengthBytes) {
    const inSector = (offset + start) % SECTOR_BYTES;
    const end = Math.min(lengthBytes, start + SECTOR_BYTES - inSector);
    visit(Math.floor((offset + start) / SECTOR_BYTES), inSector, start, end);
    start = end;
  }
}

/** Bytes that tell where they belong: they depend on `seed` and, but for rare coincidences, on their place. */
export function patternBytes(seed: number, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  for (let at = 0; at < lengthBytes; at++) bytes[at] = (seed * 31 + at * 7 + Math.floor(at / 256) * 13 + 1) % 256;
  return bytes;
}
