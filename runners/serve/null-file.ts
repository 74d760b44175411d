/** A file that keeps nothing and reads as zeros: what serving costs when storing costs nothing. */
import type { BlockFile, FileExtent } from '../../engine/index.ts';

export class NullFile implements BlockFile {
  readonly name = 'null';
  readonly writesAreDurable = false;
  readonly ignoresSyncs = false;
  readonly sectorsOnly = false;
  readonly readOnly = false;
  readonly #sizeBytes: number;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  sizeBytes(): number {
    return this.#sizeBytes;
  }

  read(_offset: number, into: Uint8Array): void {
    into.fill(0);
  }

  write(): void {}

  sync(): void {}

  /** The disk keeps its size. */
  truncate(): void {}

  punchHole(): boolean {
    return true;
  }

  preallocate(): boolean {
    return true;
  }

  extentAt(): FileExtent {
    return { isHole: true, endOffset: this.#sizeBytes };
  }

  close(): void {}
}
