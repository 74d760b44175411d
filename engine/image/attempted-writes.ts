/** What kinds of table were written, or were to be, while somebody wanted to know: what a rollback has to put back. */
import type { TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';

export class AttemptedWrites extends ForwardingFile {
  readonly #records = new Set<Set<TableKind>>();

  /** A set that grows by the kind of each write from now on, until {@link stop}. */
  record(): ReadonlySet<TableKind> {
    const record = new Set<TableKind>();
    this.#records.add(record);
    return record;
  }

  stop(record: ReadonlySet<TableKind>): void {
    this.#records.delete(record as Set<TableKind>);
  }

  /** Before the write: one that fails may have reached the file in part. */
  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    if (this.#records.size > 0) for (const record of this.#records) record.add(kind);
    this.inner.write(offset, from, kind);
  }
}
