/** The latencies of a sample: a histogram for each series, and all but those of reads of the file by time. */
import { LatencyHistogram } from '../../results/histogram.ts';
import { LatencyMapBuilder } from '../../results/latency-map.ts';
import { LATENCY_SERIES, type LatencyLane, type LatencySeries } from '../../results/record.ts';
import type { SampleResult } from '../../results/sample-protocol.ts';

const LANES: Readonly<Record<LatencySeries, LatencyLane | null>> = {
  guestRead: 'guest-request',
  guestWrite: 'guest-request',
  guestOther: 'guest-request',
  guestFlush: 'guest-flush',
  deviceRead: null,
  deviceWrite: 'device-write',
  deviceSync: 'device-sync',
};

export type LatencyHistograms = Readonly<Record<LatencySeries, LatencyHistogram>>;

export function latencyHistograms(): LatencyHistograms {
  return Object.fromEntries(LATENCY_SERIES.map((name) => [name, new LatencyHistogram()])) as LatencyHistograms;
}

export class SampleLatencies {
  readonly histograms = latencyHistograms();
  readonly map = new LatencyMapBuilder();

  /** `atNs`: when it began, in measured time since the start of the sample. */
  record(series: LatencySeries, atNs: number, latencyNs: number): void {
    const lane = LANES[series];
    this.histograms[series].record(latencyNs);
    if (lane !== null) this.map.record(lane, atNs, latencyNs);
  }

  /** Histograms of the series that occurred. */
  summaries(): SampleResult['histograms'] {
    const result: SampleResult['histograms'] = {};
    for (const name of LATENCY_SERIES) {
      const summary = this.histograms[name].summary();
      if (summary !== null) result[name] = summary;
    }
    return result;
  }
}
