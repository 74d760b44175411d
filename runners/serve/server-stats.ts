/** What a served image was asked, and what that cost: the counts of a record, while they grow. */
import type { AllCounts, CacheCounts } from '../../engine/index.ts';
import { quantileNs } from '../../results/histogram.ts';
import { type ExactCounters, LATENCY_SERIES } from '../../results/record.ts';
import { exactCounters, type GuestCounts } from '../sample/exact-counters.ts';
import type { LatencyHistograms } from '../sample/sample-latencies.ts';

export interface ServerStats {
  readonly image: string;
  /** In the terms of a record's exact part. */
  readonly exact: ExactCounters;
  /** Batches of requests that were served together. */
  readonly batches: number;
  /** Requests that asked for durability: flushes, and changes with FUA. */
  readonly durableRequests: number;
  /** Flushes of the image that were made for them: several requests share one. */
  readonly flushes: number;
  /** Syncs of the image file for each request that asked for durability; null before the first. */
  readonly syncsPerFlush: number | null;
  /** How long requests took from their arrival at the image to their end, by kind. */
  readonly latencyUs: Readonly<Record<string, { readonly p50: number; readonly p99: number }>>;
}

export interface BatchTotals {
  batches: number;
  durableRequests: number;
  flushes: number;
}

export function serverStats(
  image: string,
  file: { readonly counts: AllCounts; sizeBytes(): number },
  caches: { l2: CacheCounts; refcounts: CacheCounts } | null,
  guest: { readonly counts: GuestCounts; readonly latencies: LatencyHistograms },
  totals: BatchTotals,
): ServerStats {
  const exact = exactCounters(file.counts, caches, { ...guest.counts }, file.sizeBytes());
  const { durableRequests } = totals;
  return {
    image,
    exact,
    ...totals,
    syncsPerFlush: durableRequests === 0 ? null : exact.fsyncs / durableRequests,
    latencyUs: inMicroseconds(guest.latencies),
  };
}

function inMicroseconds(latencies: LatencyHistograms): ServerStats['latencyUs'] {
  const found: Record<string, { p50: number; p99: number }> = {};
  for (const series of LATENCY_SERIES) {
    const summary = latencies[series].summary();
    if (summary === null) continue;
    found[series] = { p50: quantileNs(summary, 0.5) / 1000, p99: quantileNs(summary, 0.99) / 1000 };
  }
  return found;
}
