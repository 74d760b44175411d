/** What a sample of `--engine qemu` sees from the guest's side: latencies by kind of request, and what was asked. */
import type { LatencyHistogram } from '../../results/histogram.ts';
import { LatencyMapBuilder } from '../../results/latency-map.ts';
import type { LatencySeries } from '../../results/record.ts';
import type { SampleResult } from '../../results/sample-protocol.ts';
import type { QemuRequest } from '../qemu/commands.ts';
import type { GuestCounts } from './exact-counters.ts';
import { GuestTotals } from './guest-totals.ts';

export class GuestView {
  readonly #totals = new GuestTotals();
  /** The same latencies by time, which is that in which qemu worked. */
  readonly latencyMap = new LatencyMapBuilder();
  #served = 0;
  #wallNs = 0;

  get counts(): GuestCounts {
    return this.#totals.counts;
  }

  /** Requests served so far. */
  get served(): number {
    return this.#served;
  }

  /** Time in which qemu worked: for requests, for opening and for closing. */
  get wallNs(): number {
    return this.#wallNs;
  }

  /** Time that belongs to no request. */
  addTime(durationNs: number): void {
    this.#wallNs += durationNs;
  }

  add(request: QemuRequest, latencyNs: number): void {
    this.#served++;
    this.latencyMap.record(request.op === 'flush' ? 'guest-flush' : 'guest-request', this.#wallNs, latencyNs);
    this.#wallNs += latencyNs;
    this.#totals.add(request.op, 'length' in request ? request.length : 0, latencyNs);
  }

  /** Histograms of the series that occurred. */
  histograms(): SampleResult['histograms'] {
    const result: SampleResult['histograms'] = {};
    for (const [name, latencies] of Object.entries(this.#totals.latencies) as [LatencySeries, LatencyHistogram][]) {
      const summary = latencies.summary();
      if (summary !== null) result[name] = summary;
    }
    return result;
  }
}
