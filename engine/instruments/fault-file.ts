/**
 * A {@link BlockFile} on which an operation fails, once or from then on: what a device or a full file system does.
 *
 * Invariants: an operation that fails changes nothing in the file, but for the first half of a short write. A failed sync
 * poisons the file as the contract of `block-file.ts` says, whatever comes later. EINTR is transparent: a real file makes
 * the call again.
 */
import { fromSystemError, Qcow2Error } from '../base/errors.ts';
import { roundDown, SECTOR_BYTES } from '../base/units.ts';
import type { BlockFile, SyncCause, TableKind } from '../io/block-file.ts';
import { type Operation, Tap, unhandled } from './tap.ts';

/** `short-write`: the first half of the sectors reach the file, then it is full. */
export const FAULT_KINDS = ['EIO', 'ENOSPC', 'short-write', 'EINTR'] as const;
/** A way to fail: one of {@link FAULT_KINDS}. */
export type FaultKind = (typeof FAULT_KINDS)[number];

export type FaultedOperation = Operation['op'];

/** What can make each operation fail. */
const STRUCK_BY: Readonly<Record<FaultedOperation, readonly FaultKind[]>> = {
  read: ['EIO', 'EINTR'],
  write: ['EIO', 'ENOSPC', 'short-write', 'EINTR'],
  sync: ['EIO', 'ENOSPC', 'EINTR'],
  truncate: ['EIO', 'EINTR'],
  punch: ['EIO', 'EINTR'],
  preallocate: ['EIO', 'ENOSPC', 'EINTR'],
};

/** Which operation fails, and how. */
export interface Fault {
  readonly kind: FaultKind;
  /** Counted from 1, over the operations that the fault can hit and, with `only`, that are for this table or cause. */
  readonly position: number;
  /** Every such operation from the position on fails, not only the one. */
  readonly forGood: boolean;
  readonly only?: TableKind | SyncCause;
}

/** The operation that failed first. */
export interface StruckOperation {
  readonly operation: FaultedOperation;
  readonly what: TableKind | SyncCause | null;
}

/** Lets one operation fail, or all from one on, and passes on the rest. */
export class FaultFile extends Tap {
  readonly #fault: Fault;
  #candidates = 0;
  #struck: StruckOperation | null = null;
  #failedSync: Qcow2Error | null = null;

  constructor(inner: BlockFile, fault: Fault) {
    super(inner);
    this.#fault = fault;
  }

  /** How many operations the fault could have hit so far. */
  get candidates(): number {
    return this.#candidates;
  }

  /** The operation that failed first; null when none has. */
  get struck(): StruckOperation | null {
    return this.#struck;
  }

  /** A sync has failed: nothing is written or synced through this file any more. */
  get poisoned(): boolean {
    return this.#failedSync !== null;
  }

  protected override before(operation: Operation): void {
    if (operation.op !== 'read') this.#refuseWhenPoisoned();
    if (!this.#strikes(operation.op, whatOf(operation))) return;
    switch (operation.op) {
      case 'read':
        throw this.#failure(
          `cannot read ${operation.bytes.length} bytes at offset ${operation.offset}`,
          operation.offset,
        );
      case 'write':
        return this.#failWrite(operation);
      case 'sync':
        this.#failedSync = this.#failure('cannot sync');
        throw this.#failedSync;
      case 'truncate':
        throw this.#failure(`cannot set the size to ${operation.sizeBytes} bytes`);
      case 'punch':
        throw this.#failure(`cannot punch a hole at offset ${operation.offset}`, operation.offset);
      case 'preallocate':
        throw this.#failure(`cannot take space at offset ${operation.offset}`, operation.offset);
      default:
        return unhandled(operation);
    }
  }

  protected override after(): void {}

  #failWrite({ offset, bytes, kind }: Operation & { op: 'write' }): never {
    const done = this.#fault.kind === 'short-write' ? roundDown(bytes.length / 2, SECTOR_BYTES) : 0;
    if (done > 0) this.inner.write(offset, bytes.subarray(0, done), kind);
    throw this.#failure(`cannot write ${bytes.length - done} bytes at offset ${offset + done}`, offset + done);
  }

  /** Counts the operation, and says whether it fails. */
  #strikes(operation: FaultedOperation, what: TableKind | SyncCause | null): boolean {
    const { kind, position, forGood, only } = this.#fault;
    if (!STRUCK_BY[operation].includes(kind) || (only !== undefined && only !== what)) return false;
    this.#candidates++;
    const isDue = forGood ? this.#candidates >= position : this.#candidates === position;
    if (!isDue) return false;
    this.#struck ??= { operation, what };
    return kind !== 'EINTR';
  }

  #failure(what: string, offset?: number): Qcow2Error {
    const code = this.#fault.kind === 'EIO' ? 'EIO' : 'ENOSPC';
    const facts = offset === undefined ? { file: this.name } : { file: this.name, offset };
    return fromSystemError(Object.assign(new Error(code), { code }), `${this.name}: ${what}`, facts);
  }

  #refuseWhenPoisoned(): void {
    if (this.#failedSync === null) return;
    const message = `${this.name}: a sync failed earlier, so nothing written since is certain; close the image and check it`;
    throw new Qcow2Error('IO', message, { file: this.name }, this.#failedSync);
  }
}

function whatOf(operation: Operation): TableKind | SyncCause | null {
  if (operation.op === 'sync') return operation.cause;
  return 'kind' in operation ? operation.kind : null;
}
