/** One more sample of each cell under a CPU profiler, after the measured ones: where the engine's own time goes. */
import fs from 'node:fs';
import path from 'node:path';
import type { RunRecord } from '../../../results/record.ts';
import { type BenchPlan, isForeign } from '../plan/plan.ts';
import { CpuProfile, foldProfile, partName, selfTimes } from './cpu-stacks.ts';
import { fileNameOf, type RoutedJob, type SampleJobs } from './sample-jobs.ts';

/** Adds parts and call paths of the CPU time to each cell, and the profiles themselves as files next to the record. */
export async function addProfiles(
  plan: BenchPlan,
  jobs: SampleJobs,
  record: RunRecord,
  recordFile: string,
  run: (job: RoutedJob['job'], root: string) => Promise<void>,
): Promise<void> {
  record.attachments ??= [];
  for (const [index, planned] of plan.cells.entries()) {
    const { id } = planned;
    const cell = record.cells[index]!;
    if (isForeign(planned) || cell.profile !== undefined) continue;
    const profileFile = `${recordFile.replace(/\.json$/, '')}.${fileNameOf(id)}.cpuprofile`;
    const { job, root } = jobs.jobOf(index, cell, '', false);
    await run({ ...job, profileFile }, root);
    const profile = CpuProfile.parse(JSON.parse(fs.readFileSync(profileFile, 'utf8')));
    cell.profile = summariseProfile(profile, root);
    cell.cpuStacks = foldProfile(profile, root);
    record.attachments.push({
      title: `CPU profile of ${id} (for Chrome's developer tools)`,
      file: path.basename(profileFile),
    });
  }
}

type ProfilePart = NonNullable<RunRecord['cells'][number]['profile']>[number];

/** Self time by part of the program, which lies in `root`, largest first. */
export function summariseProfile(profile: CpuProfile, root: string): ProfilePart[] {
  const partOf = new Map(profile.nodes.map(({ id, callFrame }) => [id, partName(callFrame, root)]));
  const byPart = new Map<string, number>();
  for (const [id, us] of selfTimes(profile)) {
    const part = partOf.get(id) ?? 'unknown';
    byPart.set(part, (byPart.get(part) ?? 0) + us);
  }
  const totalUs = [...byPart.values()].reduce((sum, us) => sum + us, 0);
  return [...byPart]
    .map(([part, us]) => ({ part, selfNs: Math.round(us * 1000), share: totalUs === 0 ? 0 : us / totalUs }))
    .sort((a, b) => b.selfNs - a.selfNs);
}
