/**
 * Tells syncs apart by what they found: a file that grew since the sync before, which gives the file system more to make
 * durable, or one that nothing was written to, which gives it nothing.
 */
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

  synced(): void {
    if (this.#grown) this.#growing++;
    if (!this.#written) this.#clean++;
    this.#grown = false;
    this.#written = false;
  }

  /** Something was changed; the file is at least `endBytes` long now. */
  changed(endBytes: number): void {
    this.#written = true;
    if (endBytes <= this.#endBytes) return;
    this.#grown = true;
    this.#endBytes = endBytes;
  }

  /** The file was cut or extended to `sizeBytes`. */
  resized(sizeBytes: number): void {
    this.changed(sizeBytes);
    this.#endBytes = sizeBytes;
  }
}
