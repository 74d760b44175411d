/** Counts the syncs that found the file grown since the one before: a file system has more to make durable then. */
import type { FileEvent } from '../../engine/index.ts';

export class GrowthCounter {
  #endBytes: number;
  #grown = false;
  #growingSyncs = 0;

  /** The file has `sizeBytes`, all durable. */
  constructor(sizeBytes: number) {
    this.#endBytes = sizeBytes;
  }

  get growingSyncs(): number {
    return this.#growingSyncs;
  }

  event({ op, offset, lengthBytes }: FileEvent): void {
    if (op === 'sync') {
      if (this.#grown) this.#growingSyncs++;
      this.#grown = false;
    } else if (op === 'truncate') {
      this.#grown ||= offset > this.#endBytes;
      this.#endBytes = offset;
    } else if (op === 'write' && offset + lengthBytes > this.#endBytes) {
      this.#endBytes = offset + lengthBytes;
      this.#grown = true;
    }
  }
}
