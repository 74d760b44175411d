/**
 * Memory that the server and the threads of images share: the bytes of a request are where both find them, and are neither copied nor handed
 * over. Pieces come in sizes of powers of two; what was given back last is taken first, as it is still in the processor's caches.
 *
 * Invariant: a piece belongs to one request at a time. A piece that a dead thread may still write to is never given back.
 */

/** Where a request's bytes are. */
export interface SharedPlace {
  readonly at: number;
  readonly length: number;
}

/** As much as requests may take of all; the system gives a page only when it is used. */
const SHARED_BYTES = 128 * 2 ** 20;
const LEAST_BYTES = 4096;

export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  /** Offsets of free pieces, by size. */
  readonly #free = new Map<number, number[]>();
  #usedBytes = 0;

  constructor(sizeBytes = SHARED_BYTES) {
    this.buffer = new SharedArrayBuffer(sizeBytes);
  }

  /** A piece with the content that it had; null when there is none, or nothing is asked for. */
  take(lengthBytes: number): Uint8Array<SharedArrayBuffer> | null {
    if (lengthBytes === 0) return null;
    const size = sizeFor(lengthBytes);
    const at = this.#free.get(size)?.pop() ?? this.#cut(size);
    return at === null ? null : new Uint8Array(this.buffer, at, lengthBytes);
  }

  /** Gives a piece back; memory from elsewhere is left alone. */
  give(piece: Uint8Array): void {
    if (piece.buffer !== this.buffer) return;
    const size = sizeFor(piece.length);
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [piece.byteOffset]);
    else free.push(piece.byteOffset);
  }

  /** The place of a piece, for a message; null for memory from elsewhere. */
  placeOf(piece: Uint8Array): SharedPlace | null {
    return piece.buffer === this.buffer ? { at: piece.byteOffset, length: piece.length } : null;
  }

  #cut(size: number): number | null {
    if (this.#usedBytes + size > this.buffer.byteLength) return null;
    const at = this.#usedBytes;
    this.#usedBytes += size;
    return at;
  }
}

function sizeFor(lengthBytes: number): number {
  return Math.max(LEAST_BYTES, 2 ** Math.ceil(Math.log2(lengthBytes)));
}
