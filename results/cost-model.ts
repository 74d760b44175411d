/**
 * Why a run took as long as it did: time = sum of count x latency + bytes / bandwidth + the engine's own time, with what
 * the sum leaves unexplained shown as the residual.
 *
 * The latencies come from a probe of the same storage, never from the run that they explain; a fit to the run itself
 * would explain everything and say nothing.
 */
import type { ExactCounters } from './record.ts';

/** What operations cost on one storage, in nanoseconds and picoseconds a byte. */
export interface StorageCosts {
  /** A sync after an overwrite, without the time to move the bytes. */
  readonly syncNs: number;
  /** A sync that finds nothing written since the one before. */
  readonly cleanSyncNs: number;
  /** What a sync takes longer after the file grew. */
  readonly growthSyncNs: number;
  /** Moving written bytes to the device, as a sync does. */
  readonly writeOutPsPerByte: number;
  /** A write that is durable on return, without the time to move the bytes. */
  readonly odsyncWriteNs: number;
  /** A write into the page cache, and a read from it, without the copy. */
  readonly writeCallNs: number;
  readonly readCallNs: number;
  readonly copyPsPerByte: number;
}

export interface CostInput {
  readonly counters: Pick<ExactCounters, 'fsyncs' | 'odsyncWrites' | 'writes' | 'writeBytes' | 'reads' | 'readBytes'>;
  readonly costs: StorageCosts;
  /** Wall time less the time inside file operations, as measured. */
  readonly engineNs: number;
  readonly measuredNs: number;
  /** Syncs that found the file grown since the one before, where that is known; 0 otherwise. */
  readonly growingSyncs?: number;
  /** Syncs that found nothing written since the one before, where that is known; 0 otherwise. */
  readonly cleanSyncs?: number;
}

export interface CostTerm {
  readonly name:
    | 'syncs'
    | 'clean syncs'
    | 'growth'
    | 'bytes written out'
    | 'durable writes'
    | 'write calls'
    | 'read calls'
    | 'bytes copied'
    | 'engine';
  readonly count: number;
  readonly unit: 'operations' | 'bytes' | 'run';
  readonly ns: number;
}

export interface CostBreakdown {
  readonly terms: readonly CostTerm[];
  readonly modelledNs: number;
  readonly measuredNs: number;
  /** Measured less modelled: above 0 the run took longer than the terms explain. */
  readonly residualNs: number;
  /** The residual as a share of the measured time. */
  readonly residualShare: number;
}

/** Breaks a measured time into its terms. Throws RangeError for times or costs that are not finite and positive. */
export function breakDownCost({
  counters,
  costs,
  engineNs,
  measuredNs,
  growingSyncs = 0,
  cleanSyncs = 0,
}: CostInput): CostBreakdown {
  refuseNegative({ ...costs, engineNs, growingSyncs, cleanSyncs });
  if (!(measuredNs > 0 && Number.isFinite(measuredNs)))
    throw new RangeError(`measuredNs ${measuredNs} is not positive`);
  const plainWrites = counters.writes - counters.odsyncWrites;
  const copied = counters.writeBytes + counters.readBytes;
  const operations = (name: CostTerm['name'], count: number, eachNs: number): CostTerm => ({
    name,
    count,
    unit: 'operations',
    ns: count * eachNs,
  });
  const bytes = (name: CostTerm['name'], count: number, psPerByte: number): CostTerm => ({
    name,
    count,
    unit: 'bytes',
    ns: (count * psPerByte) / 1000,
  });
  const durable = counters.fsyncs > 0 || counters.odsyncWrites > 0;
  const terms: CostTerm[] = [
    operations('syncs', counters.fsyncs - cleanSyncs, costs.syncNs),
    operations('clean syncs', cleanSyncs, costs.cleanSyncNs),
    operations('growth', growingSyncs, costs.growthSyncNs),
    operations('durable writes', counters.odsyncWrites, costs.odsyncWriteNs),
    // A run that never syncs leaves its bytes to the page cache, and others pay for them later.
    bytes('bytes written out', durable ? counters.writeBytes : 0, costs.writeOutPsPerByte),
    operations('write calls', plainWrites, costs.writeCallNs),
    operations('read calls', counters.reads, costs.readCallNs),
    bytes('bytes copied', copied, costs.copyPsPerByte),
    { name: 'engine', count: 1, unit: 'run', ns: engineNs },
  ];
  const modelledNs = terms.reduce((sum, { ns }) => sum + ns, 0);
  const residualNs = measuredNs - modelledNs;
  return { terms, modelledNs, measuredNs, residualNs, residualShare: residualNs / measuredNs };
}

function refuseNegative(values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!(value >= 0 && Number.isFinite(value))) throw new RangeError(`${name} ${value} is not a time or count`);
  }
}
