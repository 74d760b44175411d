/** Bytes as they arrive in pieces, taken in the lengths that a parser wants. */
export class ByteQueue {
  #pieces: Uint8Array[] = [];
  /** Bytes of the first piece that are taken already. */
  #start = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /** The next `lengthBytes`, or null while there are fewer. */
  take(lengthBytes: number): Uint8Array | null {
    if (this.#length < lengthBytes) return null;
    const taken = new Uint8Array(lengthBytes);
    this.fill(taken, 0);
    return taken;
  }

  /** Moves as many bytes as there are, and as fit, into `target` from `at` on; returns how many. */
  fill(target: Uint8Array, at: number): number {
    let done = 0;
    while (at + done < target.length && this.#length > 0) {
      const piece = this.#next(target.length - at - done);
      target.set(piece, at + done);
      done += piece.length;
    }
    return done;
  }

  /** Drops up to `lengthBytes`; returns how many. */
  skip(lengthBytes: number): number {
    let done = 0;
    while (done < lengthBytes && this.#length > 0) done += this.#next(lengthBytes - done).length;
    return done;
  }

  /** Copies what is left, so that the memory of the pieces may be used for something else. */
  keep(): void {
    if (this.#length === 0) return;
    const left = this.take(this.#length)!;
    this.push(left);
  }

  #next(atMost: number): Uint8Array {
    const piece = this.#pieces[0]!;
    const end = Math.min(piece.length, this.#start + atMost);
    const taken = piece.subarray(this.#start, end);
    this.#length -= taken.length;
    this.#start = end;
    if (end === piece.length) {
      this.#pieces.shift();
      this.#start = 0;
    }
    return taken;
  }
}
