/**
 * Measures what the models are judged by: blocks of probe, run, run, probe on the same storage. In each the runs are
 * predicted from both probes: by replaying their operations on the modelled device, and by the cost model.
 */
import fs from 'node:fs';
import path from 'node:path';
import { breakDownCost } from '../../../results/cost-model.ts';
import type { PredictionBlock } from '../../../results/prediction-verdict.ts';
import type { SampleResult } from '../../../results/sample-protocol.ts';
import { type Probed, probeStorage, type StorageProbe } from '../../machine/probe.ts';
import { fitDeviceModel, fitStorageCosts } from '../../machine/probe-fit.ts';
import { mergeProbes } from '../../machine/probe-merge.ts';
import type { SampleJob } from '../../sample/job.ts';
import { measure } from '../../sample/measure.ts';

/** The same runs, predicted by either model. */
export interface PredictedBlock {
  readonly device: PredictionBlock;
  readonly cost: PredictionBlock;
}

const PROBE_MS = 500;

/** One block; `seed` decides the places that are probed. */
export async function predictedBlock(job: SampleJob, seed: number): Promise<PredictedBlock> {
  const probe = (half: number) =>
    probeStorage(path.dirname(job.imageFile), { timeMs: PROBE_MS, seed: 2 * seed + half });
  const before = probe(0);
  const runs = [await sample(job), await sample(job)] as const;
  const after = probe(1);
  const merged = mergeProbes(before, after);
  // Traced, so that syncs can be distinguished; on a model tracing costs no time.
  const model = await sample({ ...job, traced: true, device: fitDeviceModel(merged) });
  const costOf = (run: SampleResult, from: StorageProbe, engineNs: number) => {
    const { growing: growingSyncs, clean: cleanSyncs } = model.syncKinds!;
    const costs = fitStorageCosts(from);
    const measuredNs = run.times.wallNs;
    return breakDownCost({ counters: run.exact, costs, engineNs, measuredNs, growingSyncs, cleanSyncs }).modelledNs;
  };
  const both = (value: (run: SampleResult) => number) => [value(runs[0]), value(runs[1])] as const;
  const common = {
    measuredNs: both(({ times }) => times.wallNs),
    probedNs: [costOf(runs[0], before, 0), costOf(runs[0], after, 0)] as const,
    tail: tailOf(merged),
  };
  return {
    device: { ...common, predictedNs: both((run) => model.times.wallNs + engineNsOf(run)) },
    cost: { ...common, predictedNs: both((run) => costOf(run, merged, engineNsOf(run))) },
  };
}

/** A run whose times nobody needs: the first one pays for cold code. */
export async function warmUp(job: SampleJob): Promise<void> {
  await sample(job);
}

function engineNsOf({ times: { wallNs, deviceNs } }: SampleResult): number {
  return Math.max(0, wallNs - deviceNs.read - deviceNs.write - deviceNs.sync);
}

async function sample(job: SampleJob): Promise<SampleResult> {
  try {
    return await measure(job, async () => {});
  } finally {
    fs.rmSync(job.imageFile, { force: true });
  }
}

/** The syncs that workloads make most. */
const COMMON_SYNCS: readonly Probed[] = ['syncClean', 'syncOverwrite4K', 'syncOverwrite64K', 'syncAppend', 'syncHole'];

/** Models have the middle of each latency; a run pays the mean. */
function tailOf({ latencies }: StorageProbe): number {
  const sum = (value: 'meanNs' | 'p50Ns') =>
    COMMON_SYNCS.reduce((all, name) => all + (latencies[name]?.[value] ?? 0), 0);
  return sum('meanNs') / Math.max(1, sum('p50Ns')) - 1;
}
