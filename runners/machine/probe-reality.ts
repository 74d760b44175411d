/**
 * Do syncs wait for a device? A file system in memory, a virtual disk that ignores flushes, or a library that turns
 * syncs off all answer too fast, and every time measured there is about something else.
 */
import type { Histogram } from '../../results/record.ts';
import type { FileSystemFacts } from './file-system.ts';

export interface RealityCheck {
  readonly real: boolean;
  /** One line for each sign that they do not; empty when `real`. */
  readonly reasons: readonly string[];
}

/** No device with a volatile cache, and no network, answers a flush faster than this. */
const FASTEST_SYNC_NS = 15_000;
/** No device takes bytes faster than this: 1 MiB in 52 us. */
const FASTEST_BYTES_PER_SECOND = 20e9;

export interface SyncLatencies {
  readonly syncOverwrite4K: Pick<Histogram, 'p50Ns'> | null;
  readonly syncOverwrite1M: Pick<Histogram, 'p50Ns'> | null;
}

/** Judges the medians of a probe on the file system that they were measured on. */
export function syncsLookReal(fileSystem: FileSystemFacts, latencies: SyncLatencies): RealityCheck {
  const reasons: string[] = [];
  if (fileSystem.tmpfs) reasons.push(`${fileSystem.type} keeps its files in memory`);
  const small = latencies.syncOverwrite4K?.p50Ns;
  const large = latencies.syncOverwrite1M?.p50Ns;
  if (small !== undefined && small < FASTEST_SYNC_NS) {
    reasons.push(`a sync of 4 KiB takes ${small} ns, faster than a device can answer`);
  }
  if (small !== undefined && large !== undefined) {
    const leastNs = ((1_048_576 - 4096) / FASTEST_BYTES_PER_SECOND) * 1e9;
    if (large - small < leastNs)
      reasons.push('a sync of 1 MiB takes no longer than one of 4 KiB: no bytes seem to move');
  }
  return { real: reasons.length === 0, reasons };
}
