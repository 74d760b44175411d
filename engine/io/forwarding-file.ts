/**
 * A {@link BlockFile} that passes everything on: what the wrappers share. Each overrides what it is about. What a wrapper below does not
 * override goes past it: a read of an open image does not take six calls to reach the file.
 */
import type { BlockFile, FileExtent, SyncCause, TableKind } from './block-file.ts';

/** Passes every call on to the file below: a base for wrappers of your own. */
export class ForwardingFile implements BlockFile {
  readonly name: string;
  readonly writesAreDurable: boolean;
  readonly ignoresSyncs: boolean;
  readonly readOnly: boolean;
  readonly sectorsOnly: boolean;
  protected readonly inner: BlockFile;
  readonly #reads: BlockFile;
  readonly #sizes: BlockFile;
  readonly #syncs: BlockFile;

  constructor(inner: BlockFile) {
    this.inner = inner;
    const passesOn = inner instanceof ForwardingFile ? inner : null;
    this.#reads = passesOn?.read === ForwardingFile.prototype.read ? passesOn.#reads : inner;
    this.#sizes = passesOn?.sizeBytes === ForwardingFile.prototype.sizeBytes ? passesOn.#sizes : inner;
    this.#syncs = passesOn?.sync === ForwardingFile.prototype.sync ? passesOn.#syncs : inner;
    this.name = inner.name;
    this.writesAreDurable = inner.writesAreDurable;
    this.ignoresSyncs = inner.ignoresSyncs;
    this.readOnly = inner.readOnly;
    this.sectorsOnly = inner.sectorsOnly;
  }

  sizeBytes(): number {
    return this.#sizes.sizeBytes();
  }

  read(offset: number, into: Uint8Array, kind: TableKind): void {
    this.#reads.read(offset, into, kind);
  }

  write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.inner.write(offset, from, kind);
  }

  sync(cause: SyncCause): void {
    this.#syncs.sync(cause);
  }

  truncate(sizeBytes: number): void {
    this.inner.truncate(sizeBytes);
  }

  punchHole(offset: number, lengthBytes: number): boolean {
    return this.inner.punchHole(offset, lengthBytes);
  }

  preallocate(offset: number, lengthBytes: number): boolean {
    return this.inner.preallocate(offset, lengthBytes);
  }

  extentAt(offset: number): FileExtent | null {
    return this.inner.extentAt(offset);
  }

  close(): void {
    this.inner.close();
  }
}
