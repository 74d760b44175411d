/** What a worker gives for a sample, small and valid. */
import { LatencyHistogram } from '../histogram.ts';
import { LatencyMapBuilder } from '../latency-map.ts';
import type { ExactCounters } from '../record.ts';
import type { SampleResult } from '../sample-protocol.ts';

function sampleCounters(fsyncs: number): ExactCounters {
  return {
    ...{ fsyncs, odsyncWrites: 0, writes: 10, writeBytes: 1048576, reads: 0, readBytes: 0, truncates: 0, punches: 0 },
    ...{ byKind: {}, syncsByCause: {}, syncsByTrigger: {}, byRequest: {}, tableCaches: null, imageBytes: 0 },
    guest: { reads: 0, readBytes: 0, writes: 4, writeBytes: 2048, flushes: 1, discards: 0, other: 0 },
  };
}

export function sampleResult(wallNs: number, fsyncs = 7): SampleResult {
  const flushes = new LatencyHistogram();
  flushes.record(1000);
  const latencies = new LatencyMapBuilder();
  latencies.record('guest-flush', 0, 1000);
  return {
    startedAt: '2026-11-22T20:15:00.000Z',
    exact: sampleCounters(fsyncs),
    times: { wallNs, userCpuNs: 1, systemCpuNs: 1, deviceNs: { read: 0, write: 0, sync: 0 }, peakMemoryBytes: 1 },
    histograms: { guestFlush: flushes.summary()! },
    latencyMap: latencies.summary(),
    ...{ fileMap: null, cascades: [], syncKinds: null, modelledNs: null, phases: [] },
    verification: { content: 'equal', contentBytes: 1, check: 'clean', leaks: 0, corruptions: 0 },
  };
}
