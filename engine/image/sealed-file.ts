/** The end of all changes to an open image: both of its files refuse them once what they hold is no longer certain. */
import { Qcow2Error } from '../base/errors.ts';
import type { BlockFile, SyncCause, TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';

/** Shared by the image file and its external data file: what is wrong with one ends the writing of both. */
export class Seal {
  #why: Qcow2Error | null = null;

  /** From now on every change is refused with `why`; the first reason stays. Reads still work. */
  close(why: Qcow2Error): void {
    this.#why ??= why;
  }

  /** The operation `what` is half in the file called `name`, because of `cause`, and cannot be rolled back. */
  closeHalfDone(name: string, what: string, cause: Qcow2Error): void {
    const message = `${name}: ${what} failed half-way and could not be undone (${cause.message}); close the image, check and repair it`;
    this.close(new Qcow2Error(cause.code, message, { file: name }, cause));
  }

  requireOpen(): void {
    if (this.#why !== null) throw this.#why;
  }
}

/** Refuses every call that changes the file, or makes changes durable, once the seal is closed. A failed sync closes it. */
export class SealedFile extends ForwardingFile {
  readonly #seal: Seal;

  constructor(inner: BlockFile, seal: Seal) {
    super(inner);
    this.#seal = seal;
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.#seal.requireOpen();
    this.inner.write(offset, from, kind);
  }

  override sync(cause: SyncCause): void {
    this.#seal.requireOpen();
    try {
      this.inner.sync(cause);
    } catch (error) {
      if (error instanceof Qcow2Error) this.#seal.close(this.#afterFailedSync(error));
      throw error;
    }
  }

  override truncate(sizeBytes: number): void {
    this.#seal.requireOpen();
    this.inner.truncate(sizeBytes);
  }

  override punchHole(offset: number, lengthBytes: number): boolean {
    this.#seal.requireOpen();
    return this.inner.punchHole(offset, lengthBytes);
  }

  override preallocate(offset: number, lengthBytes: number): boolean {
    this.#seal.requireOpen();
    return super.preallocate(offset, lengthBytes);
  }

  /** The operating system may have dropped the very pages that could not be made durable. */
  #afterFailedSync(cause: Qcow2Error): Qcow2Error {
    const message = `${this.name}: a sync failed earlier, so nothing written since is certain; close the image and check it`;
    return new Qcow2Error('IO', message, { file: this.name }, cause);
  }
}
