/** One more sample of each cell under a CPU profiler, after the measured ones: where the engine's own time goes. */
import fs from 'node:fs';
import path from 'node:path';
import type { RunRecord } from '../../../results/record.ts';
import { type BenchPlan, isForeign } from '../plan/plan.ts';
import { differenceOf, type ProfiledSide } from './cpu-difference.ts';
import { CpuProfile, foldProfiles, partName, selfTimes } from './cpu-stacks.ts';
import { fileNameOf, type RoutedJob, type SampleJobs } from './sample-jobs.ts';

/** Of each side of a comparison: the profiles of single replays differ by chance, see `results/cpu-difference.ts`. */
const COMPARED_REPLAYS = 6;

type TakeProfile = (job: RoutedJob['job'], root: string) => Promise<void>;

/** Adds parts and call paths of the CPU time to each cell, and the profiles themselves as files next to the record. */
export async function addProfiles(
  plan: BenchPlan,
  jobs: SampleJobs,
  record: RunRecord,
  recordFile: string,
  run: TakeProfile,
): Promise<void> {
  record.attachments ??= [];
  const sides = new Map<string, ProfiledSide & { readonly profiles: CpuProfile[] }>();
  const own = plan.cells.flatMap((planned, index) => (isForeign(planned) ? [] : [{ planned, index }]));
  const { comparesCounts } = plan.session;
  for (let replay = 0; replay < (comparesCounts ? COMPARED_REPLAYS : 1); replay++) {
    // In turns, and every other time the other way round: what drifts is in both sides.
    for (const { planned, index } of replay % 2 === 0 ? own : own.toReversed()) {
      const { id } = planned;
      const cell = record.cells[index]!;
      if (cell.profile !== undefined) continue;
      const profileFile = `${recordFile.replace(/\.json$/, '')}.${fileNameOf(id)}.cpuprofile`;
      const { job, root } = jobs.jobOf(index, cell, '', false);
      await run({ ...(comparesCounts ? withoutWaits(job) : job), profileFile }, root);
      const side = sides.get(id) ?? { profiles: [], root };
      sides.set(id, side);
      side.profiles.push(CpuProfile.parse(JSON.parse(fs.readFileSync(profileFile, 'utf8'))));
    }
  }
  for (const cell of record.cells) {
    const side = sides.get(cell.id);
    if (side === undefined) continue;
    const { profiles, root } = side;
    cell.profile = summariseProfile(profiles.at(-1)!, root);
    cell.cpuStacks = foldProfiles(profiles, root);
    record.attachments.push({
      title: `CPU profile of ${cell.id} (for Chrome's developer tools)`,
      file: `${path.basename(recordFile, '.json')}.${fileNameOf(cell.id)}.cpuprofile`,
    });
  }
  if (!comparesCounts) return;
  for (const [index, of] of plan.baselines.entries()) {
    const [baseline, cell] = [of === null ? undefined : record.cells[of], record.cells[index]!];
    const [base, head] = [baseline && sides.get(baseline.id), sides.get(cell.id)];
    if (base !== undefined && head !== undefined)
      cell.cpuDifference = { baseline: baseline!.id, ...differenceOf(base, head) };
  }
}

/** Syncs reach no device: how long one of them waits would decide the share of all else. */
function withoutWaits(job: RoutedJob['job']): RoutedJob['job'] {
  if (!('hostCacheMode' in job.cell) || job.cell.hostCacheMode !== 'writeback') return job;
  return { ...job, cell: { ...job.cell, hostCacheMode: 'unsafe' } } as RoutedJob['job'];
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
