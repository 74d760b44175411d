/** One more sample of each cell under a CPU profiler, after the measured ones: where the engine's own time goes. */
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { RunRecord } from '../../../results/record.ts';
import { type BenchPlan, isForeign } from '../plan/plan.ts';
import { fileNameOf, type RoutedJob, type SampleJobs } from './sample-jobs.ts';

/** Adds the parts of the CPU time to each cell, and the profiles themselves as files next to the record. */
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
    cell.profile = summariseProfile(fs.readFileSync(profileFile, 'utf8'));
    record.attachments.push({
      title: `CPU profile of ${id} (for Chrome's developer tools)`,
      file: path.basename(profileFile),
    });
  }
}

const CpuProfile = z.object({
  nodes: z.array(z.object({ id: z.number(), callFrame: z.object({ functionName: z.string(), url: z.string() }) })),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

type ProfilePart = NonNullable<RunRecord['cells'][number]['profile']>[number];

/** Self time by part of the program, largest first; `text` is a profile in V8's own format. */
export function summariseProfile(text: string): ProfilePart[] {
  const { nodes, samples, timeDeltas } = CpuProfile.parse(JSON.parse(text));
  const partOf = new Map(nodes.map(({ id, callFrame }) => [id, partName(callFrame)]));
  const selfUs = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const part = partOf.get(id) ?? 'unknown';
    selfUs.set(part, (selfUs.get(part) ?? 0) + Math.max(0, timeDeltas[index] ?? 0));
  }
  const totalUs = [...selfUs.values()].reduce((sum, us) => sum + us, 0);
  return [...selfUs]
    .map(([part, us]) => ({ part, selfNs: Math.round(us * 1000), share: totalUs === 0 ? 0 : us / totalUs }))
    .sort((a, b) => b.selfNs - a.selfNs);
}

/** `engine/image` and the like for the program's own files; system calls are native functions of Node. */
function partName({ functionName, url }: { functionName: string; url: string }): string {
  const own = /\/((?:engine\/\w+)|runners|workloads|results)\/[^/]*(?:\/[^/]*)*\.ts$/.exec(url)?.[1];
  if (own !== undefined) return own;
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (functionName === '(idle)' || functionName === '(program)') return 'idle and native code';
  return url.startsWith('node:') || url === '' ? 'Node, system calls included' : 'packages';
}
