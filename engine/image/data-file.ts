/** An image file whose guest data lies in another file: every barrier and flush holds for both. */
import type { BlockFile, SyncCause } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';

export class SyncTogether extends ForwardingFile {
  readonly #dataFile: BlockFile;

  constructor(image: BlockFile, dataFile: BlockFile) {
    super(image);
    this.#dataFile = dataFile;
  }

  /** Data first: metadata that names it must never be the only one of the two that is durable. */
  override sync(cause: SyncCause): void {
    this.#dataFile.sync(cause);
    this.inner.sync(cause);
  }

  override close(): void {
    this.#dataFile.close();
    this.inner.close();
  }
}
