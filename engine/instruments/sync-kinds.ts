/**
 * Tells syncs apart by what they found: a file that grew since the sync before, which gives the file system more to make
 * durable, or one that nothing was written to, which gives it nothing.
 */
import { type Operation, unhandled } from './tap.ts';

export class SyncKinds {
  #endBytes: number;
  #grown = false;
  #written = false;
  #growing = 0;
  #clean = 0;

  /** The file has `sizeBytes`, all durable. */
  constructor(sizeBytes: number) {
    this.#endBytes = sizeBytes;
  }

  /** Syncs after the file grew. */
  get growing(): number {
    return this.#growing;
  }

  /** Syncs with nothing to do. */
  get clean(): number {
    return this.#clean;
  }

  /** A sync now would find something to make durable. */
  get hasWork(): boolean {
    return this.#written;
  }

  take(operation: Operation): void {
    switch (operation.op) {
      case 'read':
        return;
      case 'sync':
        return this.#sync();
      case 'write':
        return this.#change(Math.max(this.#endBytes, operation.offset + operation.bytes.length));
      case 'preallocate':
        return this.#change(Math.max(this.#endBytes, operation.offset + operation.lengthBytes));
      case 'punch':
        return this.#change(this.#endBytes);
      case 'truncate':
        return this.#change(operation.sizeBytes);
      default:
        return unhandled(operation);
    }
  }

  #sync(): void {
    if (this.#grown) this.#growing++;
    if (!this.#written) this.#clean++;
    this.#grown = false;
    this.#written = false;
  }

  #change(endBytes: number): void {
    this.#written = true;
    if (endBytes > this.#endBytes) this.#grown = true;
    this.#endBytes = endBytes;
  }
}
