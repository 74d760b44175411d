/**
 * One sample: makes a fresh image, replays the whole workload on it, and verifies the result.
 *
 * Only the replay is measured, from opening the image to the return of close. The image is opened three times (made,
 * replayed, verified), so that each part has a descriptor of its own and a system-call trace can tell them apart.
 */
import { type BlockFile, DeviceModelFile, openFile, openImage } from '../../engine/index.ts';
import type { LatencyHistogram } from '../../results/histogram.ts';
import type { LatencySeries } from '../../results/record.ts';
import type { SampleResult } from '../../results/sample-protocol.ts';
import { ZEROS } from '../../workloads/expected-disk.ts';
import { BACKING_SERIAL } from '../../workloads/workload.ts';
import { exactCounters } from './exact-counters.ts';
import { Expectation } from './expectation.ts';
import type { ReportProgress, SampleJob } from './job.ts';
import { MeasuredClock } from './measured-clock.ts';
import { ObservedFile } from './observed-file.ts';
import { Pacer, parsePace } from './pace.ts';
import { peakMemoryBytes } from './peak-memory.ts';
import { Phases } from './phases.ts';
import { openBacking, prepareImage, withBacking } from './prepare.ts';
import { profiled } from './profile.ts';
import { Replay } from './replay.ts';
import { slices } from './slices.ts';
import { REAL_TIME, type TimeSource, virtualTime } from './time-source.ts';
import { verify } from './verify.ts';
import { type OpenWorkload, openWorkload } from './workload-choice.ts';

/**
 * Takes the sample that `job` describes.
 * @throws Qcow2Error, TraceError and WorkloadError for bad input and for devices that fail.
 */
export async function measure(job: SampleJob, progress: ReportProgress): Promise<SampleResult> {
  const startedAt = new Date().toISOString();
  const { clusterSizeBytes } = job.cell;
  const open = await openWorkload(job.workload, clusterSizeBytes);
  const { diskSizeBytes, backingImage } = open.workload;
  const initialSerial = backingImage ? BACKING_SERIAL : ZEROS;
  const expectation = new Expectation(diskSizeBytes, job.workload.seed, clusterSizeBytes, initialSerial);
  const prepared = await prepareImage(job, open.workload, expectation, progress);
  const { times, served, ...result } = await profiled(job.profileFile, () =>
    replay(job, open, expectation, prepared, progress),
  );
  const backing = openBacking(job, open.workload);
  try {
    const pause = () => progress('verify', served);
    const verification = await verify(job.imageFile, expectation.disk, withBacking(backing), job.traced, pause);
    return { startedAt, ...result, times: { ...times, peakMemoryBytes: peakMemoryBytes() }, verification };
  } finally {
    backing?.close();
  }
}

async function replay(
  job: SampleJob,
  { workload, requests }: OpenWorkload,
  expectation: Expectation,
  prepared: number,
  progress: ReportProgress,
) {
  const { file, time } = openMeasured(job);
  const clock = new MeasuredClock(time);
  const { policy, stage, imageOptions } = job.cell;
  const backing = openBacking(job, workload);
  const observed = new ObservedFile(file, clock, job.traced, job.deviceTraceFile !== undefined);
  const pacer = job.pace === undefined ? null : new Pacer(parsePace(job.pace), clock);
  const open = () =>
    openImage(observed.file, {
      policy,
      ...(stage !== null && { stage }),
      ...cacheSizes(job.cell),
      ...imageOptions?.open,
      ...withBacking(backing),
    });
  const run = new Replay(observed, open, { time, pacer });
  const phases = new Phases();
  const mark = (name: string, firstRequest: number) => phases.begin(name, firstRequest);
  try {
    clock.run(() => run.open());
    for await (const slice of slices(requests, workload.diskSizeBytes, expectation, prepared, mark)) {
      clock.run(() => run.serve(slice));
      await progress('replay', run.served);
    }
    const { image, served } = run;
    clock.run(() => run.close());
    const exact = exactCounters(observed.file.counts, image.cacheCounts(), run.guest.counts, observed.file.sizeBytes());
    if (job.deviceTraceFile !== undefined) await observed.deviceTrace?.write(job.deviceTraceFile);
    return { served, exact, ...measurements(clock, observed, run), phases: phases.of(served) };
  } finally {
    observed.close();
    backing?.close();
  }
}

/** With L2 slices the same memory holds more of them. */
function cacheSizes({ l2CacheTables, refcountCacheTables, clusterSizeBytes, imageOptions }: SampleJob['cell']) {
  const sliceBytes = imageOptions?.open.l2CacheEntryBytes ?? clusterSizeBytes;
  return { l2CacheTables: l2CacheTables * Math.max(1, clusterSizeBytes / sliceBytes), refcountCacheTables };
}

/** The image file on the device of the sample, and the clock of that device. */
function openMeasured({ imageFile, cell, device }: SampleJob): { file: BlockFile; time: TimeSource } {
  const { hostCacheMode } = cell;
  if (device === undefined) return { file: openFile(imageFile, { mode: hostCacheMode }), time: REAL_TIME };
  // The model alone says what a sync takes: those of the file below would only make the user wait.
  const model = new DeviceModelFile(openFile(imageFile, { mode: 'unsafe' }), { ...device, hostCacheMode });
  return { file: model, time: virtualTime(model) };
}

function measurements(clock: MeasuredClock, observed: ObservedFile, run: Replay) {
  const wallNs = Math.round(clock.wallNs);
  const fileBytes = observed.file.sizeBytes();
  const { syncKinds: kinds } = observed;
  return {
    times: {
      wallNs,
      userCpuNs: clock.userCpuNs,
      systemCpuNs: clock.systemCpuNs,
      deviceNs: { read: observed.reads.sumNs, write: observed.writes.sumNs, sync: observed.syncs.sumNs },
    },
    histograms: summaries({
      ...run.guest.latencies,
      deviceRead: observed.reads,
      deviceWrite: observed.writes,
      deviceSync: observed.syncs,
    }),
    latencyMap: observed.latencyMap.summary(),
    fileMap: observed.fileMap?.build(wallNs, fileBytes) ?? null,
    cascades: observed.cascades?.build() ?? [],
    syncKinds: kinds === null ? null : { growing: kinds.growing, clean: kinds.clean },
  };
}

function summaries(series: Record<LatencySeries, LatencyHistogram>): SampleResult['histograms'] {
  const result: SampleResult['histograms'] = {};
  for (const [name, histogram] of Object.entries(series) as [LatencySeries, LatencyHistogram][]) {
    const summary = histogram.summary();
    if (summary !== null) result[name] = summary;
  }
  return result;
}
