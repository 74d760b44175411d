/** What a replay was asked for and how long each request took, whatever engine served it. */
import { LatencyHistogram } from '../../results/histogram.ts';
import type { LatencySeries } from '../../results/record.ts';
import type { GuestCounts } from './exact-counters.ts';

type GuestSeries = Extract<LatencySeries, `guest${string}`>;

export class GuestTotals {
  readonly counts: GuestCounts = {
    ...{ reads: 0, readBytes: 0, writes: 0, writeBytes: 0, flushes: 0, discards: 0, other: 0 },
  };
  readonly latencies: Readonly<Record<GuestSeries, LatencyHistogram>> = {
    guestRead: new LatencyHistogram(),
    guestWrite: new LatencyHistogram(),
    guestFlush: new LatencyHistogram(),
    guestOther: new LatencyHistogram(),
  };

  /** A request of kind `op` and `length` bytes was served. */
  add(op: string, length: number, latencyNs: number): void {
    this.latencies[this.#count(op, length)].record(latencyNs);
  }

  #count(op: string, length: number): GuestSeries {
    switch (op) {
      case 'read':
        this.counts.reads++;
        this.counts.readBytes += length;
        return 'guestRead';
      case 'write':
        this.counts.writes++;
        this.counts.writeBytes += length;
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
