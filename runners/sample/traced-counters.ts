/** Counts that come from tracing a program, in the shape of the record. */
import type { ExactCounters, IoCounts } from '../../results/record.ts';
import { addCalls, noCalls, type SystemCallCounts } from '../qemu/system-calls.ts';
import type { GuestCounts } from './exact-counters.ts';

/** The exact part of the record, of calls by the request that they served. */
export function countersByRequest(
  calls: ReadonlyMap<string, SystemCallCounts>,
  guest: GuestCounts,
  imageBytes: number,
): ExactCounters {
  const total = noCalls();
  for (const of of calls.values()) addCalls(total, of);
  const happened = [...calls].filter(([, of]) => of.writes + of.reads + of.fsyncs > 0);
  const byRequest = Object.fromEntries(happened.map(([request, of]) => [request, ioCounts(of)]));
  return { ...tracedCounters(total, guest, imageBytes), byRequest };
}

/** The same where the trace does not tell which request a call served. A fallocate counts as a punch: it makes zeros, or gives them back. */
export function tracedCounters(
  { fallocates, truncates, ...io }: SystemCallCounts,
  guest: GuestCounts,
  imageBytes: number,
): ExactCounters {
  return {
    ...{ ...io, truncates, punches: fallocates },
    ...{ byKind: {}, syncsByCause: {}, syncsByTrigger: {}, tableCaches: null },
    ...{ byRequest: {}, imageBytes, guest },
  };
}

function ioCounts({ fallocates: _f, truncates: _t, ...io }: SystemCallCounts): IoCounts {
  return io;
}
