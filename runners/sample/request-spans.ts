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
  /** Those that are full; the next one has `#sumNs` of `#requests` requests. */
  #full = 0;
  #sumNs = 0;
  #requests = 0;

  /** The engine took `ns` nanoseconds for the next request. */
  add(ns: number): void {
    if (this.#full === MOST_SPANS) this.#widen();
    this.#sumNs += ns;
    if (++this.#requests < this.#length) return;
    this.#ns[this.#full++] = this.#sumNs;
    this.#sumNs = 0;
    this.#requests = 0;
  }

  /** Nanoseconds by span, without a last one that is not full; null where no time passed, as on a modelled device. */
  build(): number[] | null {
    const full = this.#ns.subarray(0, this.#full);
    return full.some((ns) => ns > 0) ? [...full].map(Math.round) : null;
  }

  #widen(): void {
    for (let span = 0; span < MOST_SPANS / 2; span++) this.#ns[span] = this.#ns[2 * span]! + this.#ns[2 * span + 1]!;
    this.#full = MOST_SPANS / 2;
    this.#length *= 2;
  }
}
