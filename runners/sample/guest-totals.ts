/** What a replay was asked for, whatever engine served it. */
import type { LatencySeries } from '../../results/record.ts';
import type { GuestCounts } from './exact-counters.ts';

export class GuestTotals {
  readonly counts: GuestCounts = {
    ...{ reads: 0, readBytes: 0, writes: 0, writeBytes: 0, flushes: 0, discards: 0, other: 0 },
  };

  /** Counts a request of kind `op` and `length` bytes; returns the series that its latency belongs to. */
  add(op: string, length: number): Extract<LatencySeries, `guest${string}`> {
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
