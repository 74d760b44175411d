/** Turns the counters of one replay into the record's exact part. Kinds, causes and requests that never occurred are left out. */
import type { AllCounts, CacheCounts } from '../../engine/index.ts';
import type { ExactCounters } from '../../results/record.ts';

export type GuestCounts = ExactCounters['guest'];

export function exactCounters(
  counts: AllCounts,
  caches: { l2: CacheCounts; refcounts: CacheCounts } | null,
  guest: GuestCounts,
  imageBytes: number,
): ExactCounters {
  const { fsyncs, odsyncWrites, writes, writeBytes, reads, readBytes, truncates, punches } = counts;
  const { preallocations, preallocatedBytes } = counts;
  return {
    ...{ fsyncs, odsyncWrites, writes, writeBytes, reads, readBytes, truncates, punches },
    ...(preallocations > 0 && { preallocations, preallocatedBytes }),
    byKind: pick(counts.byKind, (kind) => kind.writes + kind.reads > 0),
    syncsByCause: pick(counts.syncsByCause, (syncs) => syncs > 0),
    workingSyncs: counts.workingSyncs,
    workingSyncsByCause: pick(counts.workingSyncsByCause, (syncs) => syncs > 0),
    syncsByTrigger: structuredClone(counts.syncsByRequest) as ExactCounters['syncsByTrigger'],
    byRequest: pick(counts.byRequest, (of) => of.writes + of.reads + of.fsyncs > 0),
    tableCaches: caches,
    imageBytes,
    guest,
  };
}

function pick<Value>(from: Record<string, Value>, occurred: (value: Value) => boolean): Record<string, Value> {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => occurred(value)));
}
