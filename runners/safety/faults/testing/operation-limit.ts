/** A file that counts what is done with it and stops a run that does too much: a hang found by its work, not by a clock. */
import { type BlockFile, ForwardingFile, type SyncCause, type TableKind } from '../../../../engine/index.ts';

export class OperationLimit extends ForwardingFile {
  /** Reads, writes, syncs, changes of size and punched holes. */
  operations = 0;
  readonly #limit: number;

  /** More than `limit` operations throw an error that no engine throws, so that nothing takes it for a failed call. */
  constructor(inner: BlockFile, limit: number) {
    super(inner);
    this.#limit = limit;
  }

  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    this.#count();
    super.read(offset, into, kind);
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.#count();
    super.write(offset, from, kind);
  }

  override sync(cause: SyncCause): void {
    this.#count();
    super.sync(cause);
  }

  override truncate(sizeBytes: number): void {
    this.#count();
    super.truncate(sizeBytes);
  }

  override punchHole(offset: number, lengthBytes: number): boolean {
    this.#count();
    return super.punchHole(offset, lengthBytes);
  }

  #count(): void {
    if (++this.operations > this.#limit) throw new Error(`hang: more than ${this.#limit} file operations`);
  }
}
