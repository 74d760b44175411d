/**
 * An image file that exists only as changes to shared bytes: thousands of damaged images cost no more than their damage, and
 * a file can claim any size.
 *
 * Invariants: the shared bytes are never written; `changes` counts every attempt to change the file, failed ones included;
 * the file never grows past its limit, and `grewTooLarge` tells that someone tried.
 */
import { type BlockFile, type FileExtent, Qcow2Error, type SyncCause, type TableKind } from '../../../engine/index.ts';

const PAGE_BYTES = 4096;

export interface PatchedFileOptions {
  readonly name: string;
  /** Where the content comes from; never changed. */
  readonly base: Uint8Array;
  /** Size of the file; what `base` does not reach reads as zeros. */
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /** The disk under the file is full past this byte. */
  readonly limitBytes: number;
}

export class PatchedFile implements BlockFile {
  readonly name: string;
  readonly writesAreDurable = false;
  readonly ignoresSyncs = false;
  readonly sectorsOnly = false;
  readonly readOnly: boolean;
  changes = 0;
  grewTooLarge = false;
  readonly #base: Uint8Array;
  readonly #limitBytes: number;
  readonly #pages = new Map<number, Uint8Array>();
  #baseEnd: number;
  #sizeBytes: number;

  constructor(options: PatchedFileOptions) {
    this.name = options.name;
    this.readOnly = options.readOnly;
    this.#base = options.base;
    this.#sizeBytes = options.sizeBytes;
    this.#baseEnd = Math.min(options.base.length, options.sizeBytes);
    this.#limitBytes = options.limitBytes;
  }

  /** Damages the content; not counted as a change, and cut off where the file ends. */
  patch(offset: number, bytes: Uint8Array): void {
    this.#store(offset, bytes.subarray(0, Math.max(0, Math.min(bytes.length, this.#sizeBytes - offset))));
  }

  sizeBytes(): number {
    return this.#sizeBytes;
  }

  read(offset: number, into: Uint8Array, _kind: TableKind): void {
    const fromBase = Math.max(0, Math.min(into.length, this.#baseEnd - offset));
    if (fromBase > 0) into.set(this.#base.subarray(offset, offset + fromBase));
    into.fill(0, fromBase);
    if (this.#pages.size === 0) return;
    this.#forEachPage(offset, into.length, (page, from, to, at) => {
      const bytes = this.#pages.get(page);
      if (bytes !== undefined) into.set(bytes.subarray(from, to), at);
    });
  }

  write(offset: number, from: Uint8Array, _kind: TableKind): void {
    this.#change(offset + from.length);
    this.#store(offset, from);
    this.#sizeBytes = Math.max(this.#sizeBytes, offset + from.length);
  }

  sync(_cause: SyncCause): void {
    if (this.readOnly) this.#change(0);
  }

  truncate(sizeBytes: number): void {
    this.#change(sizeBytes);
    if (sizeBytes < this.#sizeBytes) this.#cut(sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  punchHole(offset: number, lengthBytes: number): boolean {
    this.#change(0);
    const end = Math.min(offset + lengthBytes, this.#sizeBytes);
    if (end > offset) this.#store(offset, new Uint8Array(end - offset));
    return true;
  }

  preallocate(offset: number, lengthBytes: number): boolean {
    this.#change(offset + lengthBytes);
    this.#sizeBytes = Math.max(this.#sizeBytes, offset + lengthBytes);
    return true;
  }

  extentAt(): FileExtent | null {
    return null;
  }

  close(): void {}

  #change(endBytes: number): void {
    this.changes++;
    if (this.readOnly) throw new Qcow2Error('READ_ONLY', `${this.name} is open for reading only`, { file: this.name });
    if (endBytes <= this.#limitBytes) return;
    this.grewTooLarge = true;
    throw new Qcow2Error('NO_SPACE', `cannot write up to byte ${endBytes} of ${this.name}: no space left on device`);
  }

  #cut(sizeBytes: number): void {
    this.#baseEnd = Math.min(this.#baseEnd, sizeBytes);
    for (const [page, bytes] of this.#pages) {
      const keep = sizeBytes - page * PAGE_BYTES;
      if (keep <= 0) this.#pages.delete(page);
      else if (keep < PAGE_BYTES) bytes.fill(0, keep);
    }
  }

  #store(offset: number, from: Uint8Array): void {
    this.#forEachPage(offset, from.length, (page, start, end, at) => {
      this.#pageToWrite(page).set(from.subarray(at, at + end - start), start);
    });
  }

  #pageToWrite(page: number): Uint8Array {
    const present = this.#pages.get(page);
    if (present !== undefined) return present;
    const bytes = new Uint8Array(PAGE_BYTES);
    const start = page * PAGE_BYTES;
    if (start < this.#baseEnd) bytes.set(this.#base.subarray(start, Math.min(start + PAGE_BYTES, this.#baseEnd)));
    this.#pages.set(page, bytes);
    return bytes;
  }

  /** Calls `visit` with the page number, the piece's range in the page, and where it starts in the request. */
  #forEachPage(
    offset: number,
    lengthBytes: number,
    visit: (page: number, from: number, to: number, at: number) => void,
  ): void {
    for (let at = 0; at < lengthBytes; ) {
      const page = Math.floor((offset + at) / PAGE_BYTES);
      const from = (offset + at) % PAGE_BYTES;
      const to = Math.min(PAGE_BYTES, from + lengthBytes - at);
      visit(page, from, to, at);
      at += to - from;
    }
  }
}
