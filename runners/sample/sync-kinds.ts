/**
 * Tells syncs apart by what they found: a file that grew since the sync before, which gives the file system more to make
 * durable, or one that nothing was written to, which gives it nothing.
 */
import type { FileEvent } from '../../engine/index.ts';

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

  event({ op, offset, lengthBytes }: FileEvent): void {
    if (op === 'read') return;
    if (op === 'sync') {
      if (this.#grown) this.#growing++;
      if (!this.#written) this.#clean++;
      this.#grown = false;
      this.#written = false;
      return;
    }
    this.#written = true;
    if (op === 'punch') return;
    const endBytes = offset + lengthBytes;
    if (endBytes > this.#endBytes) this.#grown = true;
    if (endBytes > this.#endBytes || op === 'truncate') this.#endBytes = endBytes;
  }
}
