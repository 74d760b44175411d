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
import { ForwardingFile } from '../io/forwarding-file.ts';

/** `short-write`: the first half of the sectors reach the file, then it is full. */
export const FAULT_KINDS = ['EIO', 'ENOSPC', 'short-write', 'EINTR'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export type FaultedOperation = 'read' | 'write' | 'sync' | 'truncate' | 'punch' | 'preallocate';

/** What each kind can strike. */
const STRIKES: Readonly<Record<FaultKind, readonly FaultedOperation[]>> = {
  EIO: ['read', 'write', 'sync', 'truncate', 'punch', 'preallocate'],
  ENOSPC: ['write', 'sync', 'preallocate'],
  'short-write': ['write'],
  EINTR: ['read', 'write', 'sync', 'truncate', 'punch', 'preallocate'],
};

export interface Fault {
  readonly kind: FaultKind;
  /** Counted from 1, over the operations that the fault can strike and, with `only`, that are for this table or cause. */
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

export class FaultFile extends ForwardingFile {
  readonly #fault: Fault;
  #candidates = 0;
  #struck: StruckOperation | null = null;
  #failedSync: Qcow2Error | null = null;

  constructor(inner: BlockFile, fault: Fault) {
    super(inner);
    this.#fault = fault;
  }

  /** How many operations the fault could have struck so far. */
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

  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    if (this.#strikes('read', kind))
      throw this.#failure(`cannot read ${into.length} bytes at offset ${offset}`, offset);
    super.read(offset, into, kind);
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.#refuseWhenPoisoned();
    if (!this.#strikes('write', kind)) return super.write(offset, from, kind);
    const done = this.#fault.kind === 'short-write' ? roundDown(from.length / 2, SECTOR_BYTES) : 0;
    if (done > 0) super.write(offset, from.subarray(0, done), kind);
    throw this.#failure(`cannot write ${from.length - done} bytes at offset ${offset + done}`, offset + done);
  }

  override sync(cause: SyncCause): void {
    this.#refuseWhenPoisoned();
    if (!this.#strikes('sync', cause)) return super.sync(cause);
    this.#failedSync = this.#failure('cannot sync');
    throw this.#failedSync;
  }

  override truncate(sizeBytes: number): void {
    this.#refuseWhenPoisoned();
    if (this.#strikes('truncate', null)) throw this.#failure(`cannot set the size to ${sizeBytes} bytes`);
    super.truncate(sizeBytes);
  }

  override punchHole(offset: number, lengthBytes: number): boolean {
    this.#refuseWhenPoisoned();
    if (this.#strikes('punch', null)) throw this.#failure(`cannot punch a hole at offset ${offset}`, offset);
    return super.punchHole(offset, lengthBytes);
  }

  override preallocate(offset: number, lengthBytes: number): boolean {
    this.#refuseWhenPoisoned();
    if (this.#strikes('preallocate', null)) throw this.#failure(`cannot take space at offset ${offset}`, offset);
    return super.preallocate(offset, lengthBytes);
  }

  /** Counts the operation, and says whether it fails. */
  #strikes(operation: FaultedOperation, what: TableKind | SyncCause | null): boolean {
    const { kind, position, forGood, only } = this.#fault;
    if (!STRIKES[kind].includes(operation) || (only !== undefined && only !== what)) return false;
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
