/** What a sample of `--engine qemu` sees from the guest's side: latencies by kind of request, and what was asked. */
import type { QemuRequest } from '../qemu/commands.ts';
import type { GuestCounts } from './exact-counters.ts';
import { GuestTotals } from './guest-totals.ts';
import { SampleLatencies } from './sample-latencies.ts';

export class GuestView {
  readonly #totals = new GuestTotals();
  /** By the time in which qemu worked. */
  readonly latencies = new SampleLatencies();
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
    const series = this.#totals.add(request.op, 'length' in request ? request.length : 0);
    this.latencies.record(series, this.#wallNs, latencyNs);
    this.#wallNs += latencyNs;
  }
}
