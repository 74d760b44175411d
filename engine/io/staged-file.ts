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
  /** Pages that are to hold what another page of the file beneath holds, by number; they take no memory. */
  readonly #copies = new Map<number, number>();
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
      const number = Math.floor((offset + at) / PAGE_BYTES);
      const page = this.#pages.get(number);
      if (page === undefined) this.#readUnchanged(number, inPage, piece, kind);
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

  /**
   * Writes at `to` what lies at `from`. Whole pages that are as they were in the file beneath are copied when the changes are made, and
   * not kept until then.
   */
  copy(from: number, to: number, lengthBytes: number, kind: TableKind): void {
    const numbers = [from, to, lengthBytes].map((bytes) => bytes / PAGE_BYTES);
    const [source, target, count] = numbers as [number, number, number];
    const isThere = from + lengthBytes <= this.#innerBytes && to >= this.#innerBytes;
    if (!isThere || !numbers.every(Number.isInteger) || this.#isChanged(source, count)) {
      const bytes = new Uint8Array(lengthBytes);
      this.read(from, bytes, kind);
      return this.write(to, bytes, kind);
    }
    this.#changes.push((file) => {
      const bytes = new Uint8Array(lengthBytes);
      file.read(from, bytes, kind);
      file.write(to, bytes, kind);
    });
    for (let index = 0; index < count; index++) {
      this.#pages.delete(target + index);
      this.#copies.set(target + index, source + index);
    }
    this.#sizeBytes = Math.max(this.#sizeBytes, to + lengthBytes);
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
    for (const page of this.#copies.keys()) {
      if (page * PAGE_BYTES >= sizeBytes) this.#copies.delete(page);
      else if ((page + 1) * PAGE_BYTES > sizeBytes) this.#pageToChange(page, 'data').fill(0, sizeBytes % PAGE_BYTES);
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

  /** Of a page that holds no change of its own. */
  #readUnchanged(page: number, inPage: number, into: Uint8Array, kind: TableKind): void {
    const source = this.#copies.get(page);
    if (source === undefined) this.#readInner(page * PAGE_BYTES + inPage, into, kind);
    else this.inner.read(source * PAGE_BYTES + inPage, into, kind);
  }

  #isChanged(first: number, count: number): boolean {
    for (let page = first; page < first + count; page++) {
      if (this.#pages.has(page) || this.#copies.has(page)) return true;
    }
    return false;
  }

  #pageToChange(page: number, kind: TableKind): Uint8Array {
    const present = this.#pages.get(page);
    if (present !== undefined) return present;
    const bytes = new Uint8Array(PAGE_BYTES);
    this.#readUnchanged(page, 0, bytes, kind);
    this.#pages.set(page, bytes);
    this.#copies.delete(page);
    return bytes;
  }

  #store(offset: number, from: Uint8Array, kind: TableKind): void {
    for (let at = 0; at < from.length; ) {
      const page = Math.floor((offset + at) / PAGE_BYTES);
      const inPage = (offset + at) % PAGE_BYTES;
      const piece = from.subarray(at, at + PAGE_BYTES - inPage);
      this.#pageToChange(page, kind).set(piece, inPage);
      at += piece.length;
    }
  }
}
