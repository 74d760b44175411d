/**
 * What all instruments are made of: a {@link BlockFile} that passes every call on and shows each to its subclass as one
 * {@link Operation}, before and after. An operation that is added here does not compile until each instrument handles it.
 */
import type { BlockFile, FileExtent, SyncCause, TableKind } from '../io/block-file.ts';

/**
 * What can be done to a file: the one vocabulary of counts, times, traces, recordings, faults and the device model. Offsets,
 * lengths and sizes in bytes. `bytes` is the caller's buffer, to be copied by whoever keeps it after the call.
 */
export type Operation =
  | { readonly op: 'read'; readonly offset: number; readonly bytes: Uint8Array; readonly kind: TableKind }
  | { readonly op: 'write'; readonly offset: number; readonly bytes: Uint8Array; readonly kind: TableKind }
  | { readonly op: 'sync'; readonly cause: SyncCause }
  | { readonly op: 'truncate'; readonly sizeBytes: number }
  | { readonly op: 'punch'; readonly offset: number; readonly lengthBytes: number }
  | { readonly op: 'preallocate'; readonly offset: number; readonly lengthBytes: number };

/**
 * What became of it. `unable`: the file said that it cannot, and did nothing, which goes for a sync in host cache mode `unsafe`
 * too. `failed`: it threw; part of the operation may have been done.
 */
export type Outcome = 'done' | 'unable' | 'failed';

/** A wrapper that sees every operation once before and once after it: a base for instruments of your own. */
export abstract class Tap implements BlockFile {
  readonly name: string;
  readonly writesAreDurable: boolean;
  readonly ignoresSyncs: boolean;
  readonly readOnly: boolean;
  readonly sectorsOnly: boolean;
  protected readonly inner: BlockFile;

  constructor(inner: BlockFile) {
    this.inner = inner;
    this.name = inner.name;
    this.writesAreDurable = inner.writesAreDurable;
    this.ignoresSyncs = inner.ignoresSyncs;
    this.readOnly = inner.readOnly;
    this.sectorsOnly = inner.sectorsOnly;
  }

  /** The operation comes next. When this throws, it does not come, and {@link after} is not called. */
  protected abstract before(operation: Operation): void;

  /** The operation is over; must not throw. */
  protected abstract after(operation: Operation, outcome: Outcome): void;

  read(offset: number, into: Uint8Array, kind: TableKind): void {
    const operation: Operation = { op: 'read', offset, bytes: into, kind };
    this.before(operation);
    let outcome: Outcome = 'failed';
    try {
      this.inner.read(offset, into, kind);
      outcome = 'done';
    } finally {
      this.after(operation, outcome);
    }
  }

  write(offset: number, from: Uint8Array, kind: TableKind): void {
    const operation: Operation = { op: 'write', offset, bytes: from, kind };
    this.before(operation);
    let outcome: Outcome = 'failed';
    try {
      this.inner.write(offset, from, kind);
      outcome = 'done';
    } finally {
      this.after(operation, outcome);
    }
  }

  sync(cause: SyncCause): void {
    const operation: Operation = { op: 'sync', cause };
    this.before(operation);
    let outcome: Outcome = 'failed';
    try {
      this.inner.sync(cause);
      outcome = this.ignoresSyncs ? 'unable' : 'done';
    } finally {
      this.after(operation, outcome);
    }
  }

  truncate(sizeBytes: number): void {
    const operation: Operation = { op: 'truncate', sizeBytes };
    this.before(operation);
    let outcome: Outcome = 'failed';
    try {
      this.inner.truncate(sizeBytes);
      outcome = 'done';
    } finally {
      this.after(operation, outcome);
    }
  }

  punchHole(offset: number, lengthBytes: number): boolean {
    const operation: Operation = { op: 'punch', offset, lengthBytes };
    this.before(operation);
    let outcome: Outcome = 'failed';
    try {
      outcome = this.inner.punchHole(offset, lengthBytes) ? 'done' : 'unable';
    } finally {
      this.after(operation, outcome);
    }
    return outcome === 'done';
  }

  preallocate(offset: number, lengthBytes: number): boolean {
    const operation: Operation = { op: 'preallocate', offset, lengthBytes };
    this.before(operation);
    let outcome: Outcome = 'failed';
    try {
      outcome = this.inner.preallocate(offset, lengthBytes) ? 'done' : 'unable';
    } finally {
      this.after(operation, outcome);
    }
    return outcome === 'done';
  }

  sizeBytes(): number {
    return this.inner.sizeBytes();
  }

  extentAt(offset: number): FileExtent | null {
    return this.inner.extentAt(offset);
  }

  close(): void {
    this.inner.close();
  }
}

/** For the end of a `switch` over all operations: does not compile where one is missing. */
export function unhandled(operation: never): never {
  throw new Error(`no instrument knows ${JSON.stringify(operation)}`);
}
