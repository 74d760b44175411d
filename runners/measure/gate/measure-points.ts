/** Measures the points of the baseline, in this process: nothing of it is timed. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Baseline, Metrics } from '../../../results/baseline.ts';
import { exactMetrics } from '../../../results/comparison-exact.ts';
import type { SampleResult } from '../../../results/sample-protocol.ts';
import { UsageError } from '../../console/errors.ts';
import type { NbdSampleJob, SampleJob } from '../../sample/job.ts';
import { measure } from '../../sample/measure.ts';
import { measureNbd } from '../../sample/nbd-sample.ts';
import { measureQemu, type QemuSampleJob } from '../../sample/qemu-sample.ts';
import { type ExactPoint, exactPoints } from './points.ts';

type AnyJob = SampleJob | QemuSampleJob | NbdSampleJob;

/**
 * The metrics of every point, each verified.
 * @throws UsageError when what the guest reads, or the image, is not as it must be: such counts are no baseline.
 */
export async function measurePoints(
  tell: (done: number, of: number) => void = () => {},
  all: readonly ExactPoint[] = exactPoints(),
): Promise<Baseline> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  const points: Record<string, Metrics> = {};
  try {
    for (const [index, point] of all.entries()) {
      points[point.name] = await metricsOf(point, path.join(folder, `${index}.qcow2`));
      tell(index + 1, all.length);
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  return { format: 1, points };
}

async function metricsOf({ name, job }: ExactPoint, imageFile: string): Promise<Metrics> {
  const sample = await sampleOf({ ...job, imageFile } as AnyJob);
  refuseUnsound(name, sample);
  fs.rmSync(imageFile, { force: true });
  fs.rmSync(`${imageFile}.backing`, { force: true });
  // A count of nothing in a breakdown says nothing: a missing metric counts 0.
  const metrics = [...exactMetrics(sample.exact)].filter(([path, value]) => value > 0 || !path.includes('.'));
  const counted = Object.fromEntries(metrics);
  // Of another program only the counts repeat.
  return 'policy' in job.cell ? { ...counted, modelledNs: sample.times.wallNs } : counted;
}

function sampleOf(job: AnyJob): Promise<SampleResult> {
  if ('policy' in job.cell) return measure({ ...job, cell: job.cell }, async () => {});
  if ('command' in job.cell) return measureNbd({ ...job, cell: job.cell }, async () => {});
  return measureQemu({ ...job, cell: job.cell }, async () => {});
}

function refuseUnsound(name: string, { verification: { content, check, detail } }: SampleResult): void {
  if (content !== 'different' && check !== 'corrupt') return;
  throw new UsageError(`${name}: content ${content}, image ${check}${detail === undefined ? '' : `: ${detail}`}`);
}
