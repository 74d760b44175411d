/**
 * The file of one crash state after the other: sectors are put in place and taken back, and whatever a judge writes is undone,
 * so that no state costs a copy of the image.
 */
import {
  type BlockFile,
  type FileExtent,
  SECTOR_BYTES,
  type SyncCause,
  type TableKind,
} from '../../../engine/index.ts';
import type { SectorWatch } from './sector-watch.ts';

/** What can be read of a file, and by whom it matters. */
export interface FileContent {
  sizeBytes(): number;
  read(offset: number, into: Uint8Array, kind: TableKind): void;
  /** A part within the size as little-endian words; both numbers are multiples of 4. {@link look} says what of it matters. */
  words(offset: number, lengthBytes: number): Uint32Array;
  /** What the range holds makes a difference. */
  look(offset: number, lengthBytes: number): void;
}

export class StateFile implements BlockFile, FileContent {
  readonly name: string;
  readonly writesAreDurable = false;
  readonly ignoresSyncs = false;
  readonly sectorsOnly = false;
  readonly readOnly = false;
  #bytes: Uint8Array<ArrayBuffer>;
  #words: Uint32Array;
  #endBytes: number;
  #watch: SectorWatch | null = null;
  /** What writes have replaced since the first open `keep`, one piece after another, and where each piece belongs. */
  #oldBytes = new Uint8Array(4096);
  readonly #oldPieces: { readonly offset: number; readonly at: number; readonly lengthBytes: number }[] = [];
  /** One for each `keep` that waits for its `restore`. */
  readonly #kept: { readonly endBytes: number; readonly pieceCount: number }[] = [];

  constructor(name: string, base: Uint8Array) {
    this.name = name;
    this.#bytes = new Uint8Array(capacityFor(base.length));
    this.#bytes.set(base);
    this.#words = new Uint32Array(this.#bytes.buffer);
    this.#endBytes = base.length;
  }

  /** A part within {@link sizeBytes}, where it lies. Valid until the next write or {@link putSector}. */
  bytes(offset: number, lengthBytes: number): Uint8Array {
    this.look(offset, lengthBytes);
    return this.#bytes.subarray(offset, offset + lengthBytes);
  }

  words(offset: number, lengthBytes: number): Uint32Array {
    return this.#words.subarray(offset / 4, (offset + lengthBytes) / 4);
  }

  look(offset: number, lengthBytes: number): void {
    this.#watch?.note(offset, lengthBytes);
  }

  /** From here on `watch` is called for every read; null ends that. */
  set watch(watch: SectorWatch | null) {
    this.#watch = watch;
  }

  putSector(sector: number, content: Uint8Array): void {
    this.#reserve((sector + 1) * SECTOR_BYTES);
    this.#bytes.set(content, sector * SECTOR_BYTES);
  }

  /** Sectors beyond the end keep their bytes, but read as zeros. */
  setSize(sizeBytes: number): void {
    this.#reserve(sizeBytes);
    this.#endBytes = sizeBytes;
  }

  /** From here on every write is undone by {@link restore}; may be nested. */
  keep(): void {
    this.#kept.push({ endBytes: this.#endBytes, pieceCount: this.#oldPieces.length });
  }

  /** The file is again what it was at the last {@link keep}. */
  restore(): void {
    const { endBytes, pieceCount } = this.#kept.pop()!;
    while (this.#oldPieces.length > pieceCount) {
      const { offset, at, lengthBytes } = this.#oldPieces.pop()!;
      this.#bytes.set(this.#oldBytes.subarray(at, at + lengthBytes), offset);
      this.#watch?.overwrite(offset, lengthBytes, false);
    }
    this.#endBytes = endBytes;
  }

  /** True when something in the range was written since the last {@link keep}. */
  wasWritten(offset: number, lengthBytes: number): boolean {
    const first = this.#kept.at(-1)!.pieceCount;
    for (let index = first; index < this.#oldPieces.length; index++) {
      const piece = this.#oldPieces[index]!;
      if (piece.offset < offset + lengthBytes && offset < piece.offset + piece.lengthBytes) return true;
    }
    return false;
  }

  /** The content at the last {@link keep}, whatever was written since. */
  asKept(): FileContent {
    const { endBytes, pieceCount } = this.#kept.at(-1)!;
    const bytesOf = (offset: number, lengthBytes: number) => this.#keptBytes(pieceCount, offset, lengthBytes);
    return {
      sizeBytes: () => endBytes,
      look: (offset, lengthBytes) => this.#watch?.note(offset, lengthBytes, true),
      words: (offset, lengthBytes) => new Uint32Array(bytesOf(offset, lengthBytes).buffer),
      read: (offset, into) => {
        const available = Math.max(0, Math.min(into.length, endBytes - offset));
        this.#watch?.note(offset, available, true);
        into.fill(0, available);
        into.set(bytesOf(offset, available));
      },
    };
  }

  /** What the range held when there were only `pieceCount` old pieces. */
  #keptBytes(pieceCount: number, offset: number, lengthBytes: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.slice(offset, offset + lengthBytes);
    for (let index = this.#oldPieces.length - 1; index >= pieceCount; index--) {
      const piece = this.#oldPieces[index]!;
      const start = Math.max(offset, piece.offset);
      const end = Math.min(offset + lengthBytes, piece.offset + piece.lengthBytes);
      if (start >= end) continue;
      const at = piece.at - piece.offset;
      bytes.set(this.#oldBytes.subarray(at + start, at + end), start - offset);
    }
    return bytes;
  }

  /** A copy of the whole content. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#endBytes);
  }

  sizeBytes(): number {
    return this.#endBytes;
  }

  read(offset: number, into: Uint8Array, kind: TableKind): void {
    const available = Math.max(0, Math.min(into.length, this.#endBytes - offset));
    // Data that is copied is carried elsewhere, whatever it is; who compares the copy with it looks at both.
    if (kind !== 'cow') this.look(offset, available);
    if (available > 0) into.set(this.#bytes.subarray(offset, offset + available));
    if (available < into.length) into.fill(0, available);
  }

  write(offset: number, from: Uint8Array, _kind: TableKind): void {
    this.#extend(offset + from.length);
    this.#saveOld(offset, from.length);
    this.#bytes.set(from, offset);
  }

  sync(_cause: SyncCause): void {}

  truncate(sizeBytes: number): void {
    this.#extend(sizeBytes);
    this.#endBytes = sizeBytes;
  }

  punchHole(offset: number, lengthBytes: number): boolean {
    const length = Math.max(0, Math.min(lengthBytes, this.#endBytes - offset));
    this.#saveOld(offset, length);
    this.#bytes.fill(0, offset, offset + length);
    return true;
  }

  preallocate(offset: number, lengthBytes: number): boolean {
    this.#extend(offset + lengthBytes);
    return true;
  }

  extentAt(): FileExtent | null {
    return null;
  }

  close(): void {}

  /** Makes the file at least that long; what comes into view is zero. */
  #extend(endBytes: number): void {
    if (endBytes <= this.#endBytes) return;
    this.#reserve(endBytes);
    this.#saveOld(this.#endBytes, endBytes - this.#endBytes);
    this.#bytes.fill(0, this.#endBytes, endBytes);
    this.#endBytes = endBytes;
  }

  #saveOld(offset: number, lengthBytes: number): void {
    if (this.#kept.length === 0) return;
    const last = this.#oldPieces.at(-1);
    const at = last === undefined ? 0 : last.at + last.lengthBytes;
    if (at + lengthBytes > this.#oldBytes.length) {
      const grown = new Uint8Array((at + lengthBytes) * 2);
      grown.set(this.#oldBytes);
      this.#oldBytes = grown;
    }
    this.#oldBytes.set(this.#bytes.subarray(offset, offset + lengthBytes), at);
    this.#oldPieces.push({ offset, at, lengthBytes });
    this.#watch?.overwrite(offset, lengthBytes, true);
  }

  #reserve(endBytes: number): void {
    if (endBytes <= this.#bytes.length) return;
    const grown = new Uint8Array(capacityFor(endBytes));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#words = new Uint32Array(grown.buffer);
  }
}

/** Whole sectors, with room for a few tables more. */
function capacityFor(endBytes: number): number {
  return (Math.ceil((endBytes * 1.25) / SECTOR_BYTES) + 64) * SECTOR_BYTES;
}
