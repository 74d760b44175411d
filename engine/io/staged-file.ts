/**
 * A file whose changes stay in memory until they are wanted: all of them reach the file beneath, in their order and with their
 * syncs, or none does.
 *
 * Invariant: until {@link StagedFile.commit} the file beneath is only read.
 */
import type { BlockFile, SyncCause, TableKind } from './block-file.ts';
import { ForwardingFile } from './forwarding-file.ts';

const PAGE_BYTES = 4096;

type Change = (file: BlockFile) => void;

export class StagedFile extends ForwardingFile {
  readonly #changes: Change[] = [];
  /** Pages with changes, whole; the rest is read from the file beneath, up to where that was last cut. */
  readonly #pages = new Map<number, Uint8Array>();
  #innerBytes: number;
  #sizeBytes: number;

  constructor(inner: BlockFile) {
    super(inner);
    this.#sizeBytes = inner.sizeBytes();
    this.#innerBytes = this.#sizeBytes;
  }

  /** Makes the changes in the file beneath; durable as far as they were synced. */
  commit(): void {
    for (const change of this.#changes) change(this.inner);
  }

  override sizeBytes(): number {
    return this.#sizeBytes;
  }

  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    for (let at = 0; at < into.length; ) {
      const inPage = (offset + at) % PAGE_BYTES;
      const piece = into.subarray(at, at + PAGE_BYTES - inPage);
      const page = this.#pages.get(Math.floor((offset + at) / PAGE_BYTES));
      if (page === undefined) this.#readInner(offset + at, piece, kind);
      else piece.set(page.subarray(inPage, inPage + piece.length));
      at += piece.length;
    }
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    const bytes = from.slice();
    this.#changes.push((file) => file.write(offset, bytes, kind));
    this.#store(offset, bytes, kind);
    this.#sizeBytes = Math.max(this.#sizeBytes, offset + bytes.length);
  }

  override sync(cause: SyncCause): void {
    this.#changes.push((file) => file.sync(cause));
  }

  override truncate(sizeBytes: number): void {
    this.#changes.push((file) => file.truncate(sizeBytes));
    for (const [page, bytes] of this.#pages) {
      const kept = sizeBytes - page * PAGE_BYTES;
      if (kept <= 0) this.#pages.delete(page);
      else bytes.fill(0, Math.min(kept, PAGE_BYTES));
    }
    this.#innerBytes = Math.min(this.#innerBytes, sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  override punchHole(offset: number, lengthBytes: number): boolean {
    this.#changes.push((file) => file.punchHole(offset, lengthBytes));
    const end = Math.min(offset + lengthBytes, this.#sizeBytes);
    if (end > offset) this.#store(offset, new Uint8Array(end - offset), 'data');
    return true;
  }

  override preallocate(): boolean {
    return false;
  }

  #readInner(offset: number, into: Uint8Array, kind: TableKind): void {
    const available = Math.max(0, Math.min(into.length, this.#innerBytes - offset));
    if (available > 0) this.inner.read(offset, into.subarray(0, available), kind);
    into.fill(0, available);
  }

  #store(offset: number, from: Uint8Array, kind: TableKind): void {
    for (let at = 0; at < from.length; ) {
      const page = Math.floor((offset + at) / PAGE_BYTES);
      const inPage = (offset + at) % PAGE_BYTES;
      const piece = from.subarray(at, at + PAGE_BYTES - inPage);
      let bytes = this.#pages.get(page);
      if (bytes === undefined) {
        bytes = new Uint8Array(PAGE_BYTES);
        this.#readInner(page * PAGE_BYTES, bytes, kind);
        this.#pages.set(page, bytes);
      }
      bytes.set(piece, inPage);
      at += piece.length;
    }
  }
}
