/**
 * The engine's own time along the request stream, by spans of equally many requests. Both sides of a comparison that make the same stream
 * make the same requests in each span, so spans are paired by their place: a hiccup of the machine is in a few of them.
 *
 * The number of requests need not be known before: when the last span is full, neighbours are merged and spans become twice as long.
 */

/** Even, so that all merge in pairs. A comparison of 100 pairs keeps three hundred times as many. */
export const MOST_SPANS = 128;

export class RequestSpans {
  readonly #ns = new Float64Array(MOST_SPANS);
  #length = 1;
  #requests = 0;

  /** The engine took `ns` nanoseconds for the next request. */
  add(ns: number): void {
    if (this.#requests === MOST_SPANS * this.#length) this.#widen();
    this.#ns[Math.floor(this.#requests++ / this.#length)]! += ns;
  }

  /** Nanoseconds by span, without a last one that is not full; null where no time passed, as on a modelled device. */
  build(): number[] | null {
    const full = this.#ns.subarray(0, Math.floor(this.#requests / this.#length));
    return full.some((ns) => ns > 0) ? [...full].map(Math.round) : null;
  }

  #widen(): void {
    for (let span = 0; span < MOST_SPANS / 2; span++) this.#ns[span] = this.#ns[2 * span]! + this.#ns[2 * span + 1]!;
    this.#ns.fill(0, MOST_SPANS / 2);
    this.#length *= 2;
  }
}
