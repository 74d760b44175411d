/**
 * Records everything that changes a file, in order, with its payload: the stream from which crash states are built.
 *
 * Invariants:
 *  1. every change passes here; reads leave no trace, nor does what the file was unable to do;
 *  2. one sequence counts file events and guest marks alike, so that "before" has one meaning;
 *  3. an operation that failed is recorded as failed: part of it may have reached the file.
 */
import type { BlockFile, TableKind } from '../io/block-file.ts';
import { type Operation, type Outcome, Tap, unhandled } from './tap.ts';

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

type OperationNamed<Op extends Operation['op']> = Extract<Operation, { readonly op: Op }>;

interface Attempted {
  readonly failed: boolean;
}

/** What changed the file, or was to: each {@link Operation} but reads, and guest marks. */
export type RecordedChange =
  | (Omit<OperationNamed<'write'>, 'kind'> &
      Attempted & {
        /** Null in a log that does not say. */
        readonly kind: TableKind | null;
        /** Durable on return, as in a file opened O_DSYNC. */
        readonly durable: boolean;
      })
  | (OperationNamed<'sync'> & Attempted)
  | (OperationNamed<'truncate'> & Attempted)
  | (OperationNamed<'punch'> & Attempted)
  | (OperationNamed<'preallocate'> & Attempted)
  | { readonly op: 'mark'; readonly mark: GuestMark };

/** A change of the file or a mark of the guest, with its place in the order of all. */
export type RecordedEvent = RecordedChange & Sequenced;

/** Records the changes that pass, with their bytes. */
export class RecordingFile extends Tap {
  readonly events: RecordedEvent[] = [];

  constructor(inner: BlockFile) {
    super(inner);
  }

  /** Puts a guest event on the same clock. */
  mark(mark: GuestMark): void {
    this.#record({ op: 'mark', mark });
  }

  protected override before(): void {}

  protected override after(operation: Operation, outcome: Outcome): void {
    if (outcome === 'unable') return;
    const failed = outcome === 'failed';
    switch (operation.op) {
      case 'read':
        return;
      case 'write': {
        const durable = this.writesAreDurable && !failed;
        return this.#record({ ...operation, bytes: operation.bytes.slice(), durable, failed });
      }
      case 'sync':
      case 'truncate':
      case 'punch':
      case 'preallocate':
        return this.#record({ ...operation, failed });
      default:
        return unhandled(operation);
    }
  }

  #record(change: RecordedChange): void {
    this.events.push({ ...change, sequence: this.events.length });
  }
}
