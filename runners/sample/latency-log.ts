/**
 * Latencies in the order in which they came, kept until the clock stands still: to sort one into a histogram and a map takes
 * longer than the engine takes for many a request, and would be measured with it.
 */
import type { LatencySeries } from '../../results/record.ts';
import type { SampleLatencies } from './sample-latencies.ts';

/** More than the operations of all but a few slices. */
const CAPACITY = 8192;

export class LatencyLog {
  readonly #latencies: SampleLatencies;
  readonly #series: LatencySeries[] = Array.from({ length: CAPACITY }, () => 'deviceRead');
  /** When each began, on the time source, and how long it took. */
  readonly #ns = new Float64Array(2 * CAPACITY);
  #length = 0;

  constructor(latencies: SampleLatencies) {
    this.#latencies = latencies;
  }

  get isFull(): boolean {
    return this.#length === CAPACITY;
  }

  /** What began at `startNs` on the time source. It must not be full, see {@link isFull}. */
  add(series: LatencySeries, startNs: number, latencyNs: number): void {
    const at = this.#length++;
    const ns = this.#ns;
    this.#series[at] = series;
    ns[2 * at] = startNs;
    ns[2 * at + 1] = latencyNs;
  }

  /** Records what was added. `zeroNs`: what the time source reads at measured time 0. */
  settle(zeroNs: number): void {
    const ns = this.#ns;
    for (let at = 0; at < this.#length; at++) {
      this.#latencies.record(this.#series[at]!, ns[2 * at]! - zeroNs, ns[2 * at + 1]!);
    }
    this.#length = 0;
  }
}
