/** What a sample of `--engine qemu` sees from the guest's side: latencies by kind of request, and what was asked. */
import { LatencyHistogram } from '../../results/histogram.ts';
import { LatencyMapBuilder } from '../../results/latency-map.ts';
import type { LatencySeries } from '../../results/record.ts';
import type { QemuRequest } from '../qemu/commands.ts';
import type { GuestCounts } from './exact-counters.ts';
import type { SampleResult } from './job.ts';

const NOTHING_ASKED: GuestCounts = {
  ...{ reads: 0, readBytes: 0, writes: 0, writeBytes: 0, flushes: 0, discards: 0, other: 0 },
};

type GuestSeries = Extract<LatencySeries, `guest${string}`>;

export class GuestView {
  readonly counts: GuestCounts = { ...NOTHING_ASKED };
  readonly #latencies: Record<GuestSeries, LatencyHistogram> = {
    guestRead: new LatencyHistogram(),
    guestWrite: new LatencyHistogram(),
    guestFlush: new LatencyHistogram(),
    guestOther: new LatencyHistogram(),
  };
  /** The same latencies by time, which is that in which qemu worked. */
  readonly latencyMap = new LatencyMapBuilder();
  #served = 0;
  #wallNs = 0;

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
    this.#latencies[this.#count(request)].record(latencyNs);
  }

  /** Histograms of the series that occurred. */
  histograms(): SampleResult['histograms'] {
    const result: SampleResult['histograms'] = {};
    for (const [name, latencies] of Object.entries(this.#latencies) as [GuestSeries, LatencyHistogram][]) {
      const summary = latencies.summary();
      if (summary !== null) result[name] = summary;
    }
    return result;
  }

  #count(request: QemuRequest): GuestSeries {
    switch (request.op) {
      case 'read':
        this.counts.reads++;
        this.counts.readBytes += request.length;
        return 'guestRead';
      case 'write':
        this.counts.writes++;
        this.counts.writeBytes += request.length;
        return 'guestWrite';
      case 'flush':
        this.counts.flushes++;
        return 'guestFlush';
      case 'discard':
        this.counts.discards++;
        return 'guestOther';
      default:
        this.counts.other++;
        return 'guestOther';
    }
  }
}
