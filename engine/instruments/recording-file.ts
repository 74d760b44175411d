/**
 * Records everything that changes a file, in order, with its payload: the stream from which crash states are built.
 *
 * Invariants:
 *  1. every change passes here; reads leave no trace;
 *  2. one sequence counts file events and guest marks alike, so that "before" has one meaning;
 *  3. an operation that failed is recorded as failed: part of it may have reached the file.
 */
import type { BlockFile, SyncCause, TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';

/** Where a guest request begins, where it was acknowledged, or where it was refused. */
export interface GuestMark {
  /** Index of the request in its workload. */
  readonly request: number;
  readonly phase: 'start' | 'ack' | 'failed';
}

interface Sequenced {
  /** Position in the recording, from 0. */
  readonly sequence: number;
}

export type RecordedChange =
  | {
      readonly op: 'write';
      readonly offset: number;
      /** A copy of what was written. */
      readonly bytes: Uint8Array;
      /** Null in a log that does not say. */
      readonly kind: TableKind | null;
      /** Durable on return, as in a file opened O_DSYNC. */
      readonly durable: boolean;
      readonly failed: boolean;
    }
  | { readonly op: 'sync'; readonly cause: SyncCause; readonly failed: boolean }
  | { readonly op: 'truncate'; readonly sizeBytes: number; readonly failed: boolean }
  | { readonly op: 'punch'; readonly offset: number; readonly lengthBytes: number }
  | { readonly op: 'mark'; readonly mark: GuestMark };

export type RecordedEvent = RecordedChange & Sequenced;

export class RecordingFile extends ForwardingFile {
  readonly events: RecordedEvent[] = [];

  constructor(inner: BlockFile) {
    super(inner);
  }

  /** Puts a guest event on the same clock. */
  mark(mark: GuestMark): void {
    this.#record({ op: 'mark', mark });
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    const durable = this.writesAreDurable;
    this.#attempt(
      () => this.inner.write(offset, from, kind),
      (failed) => this.#record({ op: 'write', offset, bytes: from.slice(), kind, durable: durable && !failed, failed }),
    );
  }

  override sync(cause: SyncCause): void {
    if (this.ignoresSyncs) return this.inner.sync(cause);
    this.#attempt(
      () => this.inner.sync(cause),
      (failed) => this.#record({ op: 'sync', cause, failed }),
    );
  }

  override truncate(sizeBytes: number): void {
    this.#attempt(
      () => this.inner.truncate(sizeBytes),
      (failed) => this.#record({ op: 'truncate', sizeBytes, failed }),
    );
  }

  override punchHole(offset: number, lengthBytes: number): boolean {
    const done = this.inner.punchHole(offset, lengthBytes);
    if (done) this.#record({ op: 'punch', offset, lengthBytes });
    return done;
  }

  #attempt(operation: () => void, report: (failed: boolean) => void): void {
    try {
      operation();
    } catch (error) {
      report(true);
      throw error;
    }
    report(false);
  }

  #record(change: RecordedChange): void {
    this.events.push({ ...change, sequence: this.events.length });
  }
}
