/** Files between the engine and the recording (or below it) that get one thing wrong: mutants that are no matter of policy. */
import { type BlockFile, ForwardingFile, Qcow2Error, type SyncCause, type TableKind } from '../../../engine/index.ts';

/** Leaves out some syncs. */
export class SyncDroppingFile extends ForwardingFile {
  readonly #drops: (cause: SyncCause) => boolean;

  constructor(inner: BlockFile, drops: (cause: SyncCause) => boolean) {
    super(inner);
    this.#drops = drops;
  }

  override sync(cause: SyncCause): void {
    if (!this.#drops(cause)) super.sync(cause);
  }
}

/** Syncs after each write: no policy needs it, and it does no harm. */
export class SyncingFile extends ForwardingFile {
  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    super.write(offset, from, kind);
    super.sync('other');
  }
}

/** Leaves out the sync that ends the write-out of a cache others depend on, when there was nothing to write out just then. */
export class CleanDependencyFile extends ForwardingFile {
  #lastKind: TableKind | null = null;

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.#lastKind = kind;
    super.write(offset, from, kind);
  }

  override sync(cause: SyncCause): void {
    const wroteTables = this.#lastKind === 'l2' || this.#lastKind === 'refcount-block';
    if (cause !== 'dependency' || wroteTables) super.sync(cause);
    this.#lastKind = null;
  }
}

/** Writes copied data only after the L2 table that names it. Until then it is read from here. */
export class LateCopyFile extends ForwardingFile {
  #held: { readonly offset: number; readonly bytes: Uint8Array }[] = [];

  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    super.read(offset, into, kind);
    for (const { offset: at, bytes } of this.#held) {
      const start = Math.max(offset, at);
      const end = Math.min(offset + into.length, at + bytes.length);
      if (start < end) into.set(bytes.subarray(start - at, end - at), start - offset);
    }
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    if (kind === 'cow') {
      this.#held.push({ offset, bytes: from.slice() });
      return;
    }
    super.write(offset, from, kind);
    if (kind === 'l2') this.#release();
  }

  override sync(cause: SyncCause): void {
    if (cause === 'guest-flush') this.#release();
    super.sync(cause);
  }

  #release(): void {
    for (const { offset, bytes } of this.#held.splice(0)) super.write(offset, bytes, 'cow');
  }
}

/** Below the recording: the sync number `failing` (from 1) fails, all others succeed. */
export class FailingSyncFile extends ForwardingFile {
  #left: number;

  constructor(inner: BlockFile, failing: number) {
    super(inner);
    this.#left = failing;
  }

  override sync(cause: SyncCause): void {
    this.#left--;
    if (this.#left === 0) throw new Qcow2Error('IO', 'this sync fails');
    super.sync(cause);
  }
}

/** Tries a failed sync again and believes the second answer. */
export class RetryingFile extends ForwardingFile {
  override sync(cause: SyncCause): void {
    try {
      super.sync(cause);
    } catch {
      super.sync(cause);
    }
  }
}
