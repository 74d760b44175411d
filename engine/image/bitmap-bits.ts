/**
 * The bits of one persistent bitmap (qcow2.rst, "Bitmap table", "Bitmap data"): bit n, of byte n / 8 counted from its lowest bit, stands
 * for bytes n × granularity and on of the disk. Kept in pieces of a cluster, as they are stored: those that hold zeros or ones alone
 * take no memory, and a stored one is read only when it is looked at.
 */
import { Qcow2Error } from '../base/errors.ts';
import { MiB } from '../base/units.ts';
import type { ByteRange } from '../disk/device.ts';

/** What the bits of one bitmap may take; QEMU's bound. */
const BITS_BYTES_MAX = 512 * MiB;

/** A cluster of bits. Pieces without any bit set are not kept. */
interface Piece {
  /** Host offset of the cluster that holds the same; 0 for none. */
  readonly storedAt: number;
  /** Null: not read yet. */
  readonly bits: Uint8Array | 'ones' | null;
}

export interface BitsShape {
  /** Size of the disk. */
  readonly sizeBytes: number;
  readonly granularityBytes: number;
  readonly clusterBytes: number;
}

export class BitmapBits {
  readonly granularityBytes: number;
  readonly #clusterBytes: number;
  readonly #readCluster: (hostOffset: number) => Uint8Array;
  #sizeBytes: number;
  #pieces = new Map<number, Piece>();
  #isChanged = false;

  /** Without any bit set. `readCluster` returns a copy of a stored cluster. */
  constructor(shape: BitsShape, readCluster: (hostOffset: number) => Uint8Array) {
    this.granularityBytes = shape.granularityBytes;
    this.#clusterBytes = shape.clusterBytes;
    this.#sizeBytes = shape.sizeBytes;
    this.#readCluster = readCluster;
  }

  /** As a table has them. */
  load(index: number, stored: number | 'ones'): void {
    this.#pieces.set(index, stored === 'ones' ? { storedAt: 0, bits: 'ones' } : { storedAt: stored, bits: null });
  }

  get tableEntries(): number {
    return tableEntriesFor(this.#sizeBytes, this.granularityBytes, this.#clusterBytes);
  }

  /** Whether what is stored is no longer right. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** Sets the bits of every byte in [from, end). */
  set(from: number, end: number): void {
    if (end <= from) return;
    const first = Math.floor(from / this.granularityBytes);
    const last = Math.ceil(end / this.granularityBytes);
    const bitsPerPiece = this.#bitsPerPiece;
    for (let bit = first; bit < last; ) {
      const index = Math.floor(bit / bitsPerPiece);
      const pieceEnd = Math.min(last, (index + 1) * bitsPerPiece);
      this.#setInPiece(index, bit % bitsPerPiece, pieceEnd - index * bitsPerPiece);
      bit = pieceEnd;
    }
  }

  setAll(): void {
    this.set(0, this.#sizeBytes);
  }

  clear(): void {
    this.#pieces = new Map();
    this.#isChanged = true;
  }

  /** For a disk of another size. New space is not dirty. @throws Qcow2Error INVALID_ARGUMENT for one that takes too many bits. */
  resize(sizeBytes: number): void {
    if (sizeBytes === this.#sizeBytes) return;
    refuseTooMany(sizeBytes, this.granularityBytes);
    const kept = sizeBytes < this.#sizeBytes ? [...this.ranges()] : null;
    this.#sizeBytes = sizeBytes;
    this.#isChanged = true;
    if (kept === null) return;
    // Bits past the new end must not come back when the disk grows again.
    this.#pieces = new Map();
    for (const { offset, lengthBytes } of kept) this.set(offset, Math.min(offset + lengthBytes, sizeBytes));
  }

  /** The bytes of the disk whose bits are set, neighbours joined, in order. */
  *ranges(): Generator<ByteRange> {
    let from = -1;
    let end = -1;
    for (const [first, last] of this.#runs()) {
      if (first === end) {
        end = last;
        continue;
      }
      if (from >= 0) yield this.#range(from, end);
      [from, end] = [first, last];
    }
    if (from >= 0) yield this.#range(from, end);
  }

  /** What each table entry is to name: a cluster that is stored already, bits that are to be stored, or ones. Zeros are left out. */
  *content(): Generator<[index: number, content: number | Uint8Array | 'ones']> {
    for (const [index, { storedAt, bits }] of this.#pieces) yield [index, storedAt === 0 ? bits! : storedAt];
  }

  get #bitsPerPiece(): number {
    return this.#clusterBytes * 8;
  }

  #range(firstBit: number, endBit: number): ByteRange {
    const offset = firstBit * this.granularityBytes;
    return { offset, lengthBytes: Math.min(endBit * this.granularityBytes, this.#sizeBytes) - offset };
  }

  /** Bits [from, end) of the piece. */
  #setInPiece(index: number, from: number, end: number): void {
    const piece = this.#pieces.get(index);
    if (piece?.bits === 'ones') return;
    if (end - from === this.#bitsPerPiece) {
      this.#isChanged = true;
      this.#pieces.set(index, { storedAt: 0, bits: 'ones' });
      return;
    }
    const bits = this.#bitsOf(piece);
    const isNew = setBits(bits, from, end);
    if (isNew) this.#isChanged = true;
    this.#pieces.set(index, { storedAt: isNew ? 0 : (piece?.storedAt ?? 0), bits });
  }

  #bitsOf(piece: Piece | undefined): Uint8Array {
    if (piece === undefined) return new Uint8Array(this.#clusterBytes);
    if (piece.bits === 'ones') return new Uint8Array(this.#clusterBytes).fill(0xff);
    return piece.bits ?? this.#readCluster(piece.storedAt);
  }

  /** Runs of set bits as [first, end), cut where pieces end. Bits past the end of the disk count for nothing. */
  *#runs(): Generator<[number, number]> {
    const bitsPerPiece = this.#bitsPerPiece;
    const bitCount = Math.ceil(this.#sizeBytes / this.granularityBytes);
    for (const index of [...this.#pieces.keys()].sort((a, b) => a - b)) {
      const start = index * bitsPerPiece;
      const end = Math.min(bitCount, start + bitsPerPiece);
      const piece = this.#pieces.get(index)!;
      if (piece.bits === 'ones') yield [start, end];
      else for (const [from, to] of runsOf(this.#bitsOf(piece), end - start)) yield [start + from, start + to];
    }
  }
}

/** Entries of the table of a bitmap. */
export function tableEntriesFor(sizeBytes: number, granularityBytes: number, clusterBytes: number): number {
  return Math.ceil(Math.ceil(Math.ceil(sizeBytes / granularityBytes) / 8) / clusterBytes);
}

/** @throws Qcow2Error INVALID_ARGUMENT for more bits than a bitmap may have. */
export function refuseTooMany(sizeBytes: number, granularityBytes: number): void {
  if (sizeBytes / granularityBytes / 8 <= BITS_BYTES_MAX) return;
  const message = `a bitmap of ${sizeBytes} bytes with a granularity of ${granularityBytes} would take more than 512 MiB; choose a larger granularity`;
  throw new Qcow2Error('INVALID_ARGUMENT', message);
}

/** Sets bits [from, end); false when they were set. */
function setBits(bits: Uint8Array, from: number, end: number): boolean {
  let changed = false;
  for (let bit = from; bit < end; ) {
    const take = bit % 8 === 0 && end - bit >= 8 ? 8 : 1;
    const mask = take === 8 ? 0xff : 1 << (bit % 8);
    const at = Math.floor(bit / 8);
    if ((bits[at]! & mask) !== mask) {
      bits[at]! |= mask;
      changed = true;
    }
    bit += take;
  }
  return changed;
}

/** Runs of set bits among the first `count`, as [first, end). */
function* runsOf(bits: Uint8Array, count: number): Generator<[number, number]> {
  let from = -1;
  for (let bit = 0; bit < count; ) {
    const byte = bits[Math.floor(bit / 8)]!;
    const isWhole = bit % 8 === 0 && (byte === 0 || byte === 0xff);
    const isSet = isWhole ? byte === 0xff : (byte & (1 << (bit % 8))) !== 0;
    if (isSet && from < 0) from = bit;
    if (!isSet && from >= 0) {
      yield [from, bit];
      from = -1;
    }
    bit += isWhole ? 8 : 1;
  }
  if (from >= 0) yield [from, count];
}
