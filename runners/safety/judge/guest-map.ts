/**
 * The judge's own reading of an image: where each guest sector lies, on the disk and in each snapshot. It shares no code with the
 * engine, so that the two must agree. Offsets and lengths in sectors of 512 bytes.
 */
import { SECTOR_BYTES } from '../../../engine/index.ts';
import type { StateFile } from '../states/state-file.ts';

/** Consecutive guest sectors. */
export interface GuestRun {
  readonly guestSector: number;
  readonly sectorCount: number;
  /** `zero` reads as zeros; what no run covers does too, unless there is a backing file. */
  readonly kind: 'data' | 'zero' | 'compressed';
  /** Of the first sector; for `compressed` of the sector in which the stream starts. */
  readonly hostSector: number;
  /** Of the compressed stream, in bytes. */
  readonly stream: { readonly offset: number; readonly lengthBytes: number } | null;
}

export interface ListedSnapshot {
  readonly name: string;
  readonly l1Offset: number;
  readonly l1Entries: number;
}

/** The image cannot be read as the specification says. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

const L1_ENTRIES_MAX = 65_536;
const SNAPSHOTS_MAX = 64;
const TWO_POW_32 = 2 ** 32;

/** Where the guest's sectors lie in an image. */
export interface ImageView {
  readonly reader: GuestMapReader;
  readonly disk: readonly GuestRun[];
  readonly snapshots: readonly { readonly listed: ListedSnapshot; readonly runs: readonly GuestRun[] }[];
}

export class GuestMapReader {
  readonly #file: StateFile;
  readonly #header: DataView;
  readonly #clusterBits: number;
  readonly #clusterBytes: number;
  readonly #extended: boolean;

  /** Throws Unreadable when the header makes no sense. */
  constructor(file: StateFile) {
    this.#file = file;
    this.#header = this.#view(0, 112);
    const version = this.#header.getUint32(4);
    this.#clusterBits = this.#header.getUint32(20);
    if (this.#header.getUint32(0) !== 0x514649fb || this.#clusterBits < 9 || this.#clusterBits > 21) {
      throw new Unreadable('the header is not that of a qcow2 image');
    }
    this.#clusterBytes = 2 ** this.#clusterBits;
    this.#extended = version >= 3 && Math.floor(this.#header.getUint32(76) / 16) % 2 === 1;
  }

  get clusterBits(): number {
    return this.#clusterBits;
  }

  get sizeBytes(): number {
    return this.#uint64(this.#header, 24);
  }

  /** Every run begins at a multiple of this number of sectors, and is as long. */
  get runSectors(): number {
    return this.#clusterBytes / SECTOR_BYTES / (this.#extended ? 32 : 1);
  }

  get isDirty(): boolean {
    return this.#header.getUint32(4) >= 3 && this.#header.getUint32(76) % 2 === 1;
  }

  get usesZstd(): boolean {
    return this.#header.getUint32(4) >= 3 && this.#header.getUint32(100) > 104 && this.#header.getUint8(104) === 1;
  }

  /** The active disk, including the VM state that follows it. */
  disk(): GuestRun[] {
    return this.map(this.#uint64(this.#header, 40), this.#header.getUint32(36));
  }

  snapshots(): ListedSnapshot[] {
    const count = this.#header.getUint32(60);
    if (count > SNAPSHOTS_MAX) throw new Unreadable(`the header says that there are ${count} snapshots`);
    const list: ListedSnapshot[] = [];
    let at = this.#uint64(this.#header, 64);
    for (let index = 0; index < count; index++) {
      const fixed = this.#view(at, 40);
      const idBytes = fixed.getUint16(12);
      const nameBytes = fixed.getUint16(14);
      const nameAt = at + 40 + fixed.getUint32(36) + idBytes;
      if (nameAt > this.#file.sizeBytes()) throw new Unreadable(`snapshot table entry ${index} leaves the file`);
      const name = this.#view(nameAt, nameBytes);
      list.push({
        name: Buffer.from(name.buffer, name.byteOffset, nameBytes).toString('latin1'),
        l1Offset: this.#uint64(fixed, 0),
        l1Entries: fixed.getUint32(8),
      });
      at = Math.ceil((nameAt + nameBytes) / 8) * 8;
    }
    return list;
  }

  /** What the L1 table at `l1Offset` maps. */
  map(l1Offset: number, l1Entries: number): GuestRun[] {
    if (l1Entries > L1_ENTRIES_MAX) throw new Unreadable(`an L1 table of ${l1Entries} entries`);
    const l1 = this.#view(l1Offset, l1Entries * 8);
    const runs: GuestRun[] = [];
    for (let index = 0; index < l1Entries; index++) {
      const l2Offset = hostOffset(l1.getUint32(index * 8), l1.getUint32(index * 8 + 4));
      if (l2Offset === 0) continue;
      if (l2Offset % this.#clusterBytes !== 0) throw new Unreadable(`L2 table offset ${l2Offset} (L1 index ${index})`);
      this.#mapTable(runs, l2Offset, index);
    }
    return runs;
  }

  #mapTable(runs: GuestRun[], l2Offset: number, l1Index: number): void {
    const entryBytes = this.#extended ? 16 : 8;
    const entryCount = this.#clusterBytes / entryBytes;
    const table = this.#view(l2Offset, this.#clusterBytes);
    for (let index = 0; index < entryCount; index++) {
      const high = table.getUint32(index * entryBytes);
      const low = table.getUint32(index * entryBytes + 4);
      if (high === 0 && low === 0 && !this.#extended) continue;
      const guestSector = ((l1Index * entryCount + index) * this.#clusterBytes) / SECTOR_BYTES;
      if (isCompressed(high)) runs.push(this.#compressedRun(guestSector, high, low));
      else if (this.#extended) this.#subclusterRuns(runs, guestSector, table, index * entryBytes);
      else runs.push(this.#run(guestSector, this.#clusterBytes / SECTOR_BYTES, low % 2 === 1, hostOffset(high, low)));
    }
  }

  #run(guestSector: number, sectorCount: number, isZero: boolean, offset: number): GuestRun {
    if (!isZero && offset % SECTOR_BYTES !== 0) throw new Unreadable(`data offset ${offset}`);
    return {
      guestSector,
      sectorCount,
      kind: isZero ? 'zero' : 'data',
      hostSector: offset / SECTOR_BYTES,
      stream: null,
    };
  }

  #compressedRun(guestSector: number, high: number, low: number): GuestRun {
    const offset = (high % 2 ** (38 - this.#clusterBits)) * TWO_POW_32 + low;
    const extraSectors = Math.floor((high % 2 ** 30) / 2 ** (38 - this.#clusterBits));
    return {
      guestSector,
      sectorCount: this.#clusterBytes / SECTOR_BYTES,
      kind: 'compressed',
      hostSector: Math.floor(offset / SECTOR_BYTES),
      stream: { offset, lengthBytes: (extraSectors + 1) * SECTOR_BYTES - (offset % SECTOR_BYTES) },
    };
  }

  #subclusterRuns(runs: GuestRun[], guestSector: number, table: DataView, at: number): void {
    const offset = hostOffset(table.getUint32(at), table.getUint32(at + 4));
    const zeros = table.getUint32(at + 8);
    const allocated = table.getUint32(at + 12);
    const sectors = this.#clusterBytes / SECTOR_BYTES / 32;
    for (let index = 0; index < 32; index++) {
      const isZero = Math.floor(zeros / 2 ** index) % 2 === 1;
      const isAllocated = Math.floor(allocated / 2 ** index) % 2 === 1;
      if (!isZero && !isAllocated) continue;
      const hostBytes = offset + (index * this.#clusterBytes) / 32;
      runs.push(this.#run(guestSector + index * sectors, sectors, isZero, hostBytes));
    }
  }

  #uint64(view: DataView, at: number): number {
    return view.getUint32(at) * TWO_POW_32 + view.getUint32(at + 4);
  }

  /** Bytes of the file where they lie, or a copy where the range leaves it. */
  #view(offset: number, lengthBytes: number): DataView {
    if (offset + lengthBytes <= this.#file.sizeBytes()) {
      const part = this.#file.bytes(offset, lengthBytes);
      return new DataView(part.buffer, part.byteOffset, lengthBytes);
    }
    if (!Number.isSafeInteger(offset)) throw new Unreadable(`a table at offset ${offset}`);
    const copy = new Uint8Array(lengthBytes);
    this.#file.read(offset, copy, 'l2');
    return new DataView(copy.buffer);
  }
}

function hostOffset(high: number, low: number): number {
  return (high % 0x0100_0000) * TWO_POW_32 + (low - (low % 512));
}

function isCompressed(high: number): boolean {
  return Math.floor(high / 2 ** 30) % 2 === 1;
}
