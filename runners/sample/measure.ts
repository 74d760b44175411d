/**
 * One sample: makes a fresh image, replays the whole workload on it, and verifies the result.
 *
 * Only the replay is measured, from opening the image to the return of close. The image is opened three times (made,
 * replayed, verified), so that each part has a descriptor of its own and a system-call trace can tell them apart.
 */
import {
  type BlockFile,
  DeviceModelFile,
  fileModeOf,
  findPolicy,
  type GuestDevice,
  openFile,
  openImage,
  type Qcow2Image,
  RawDisk,
} from '../../engine/index.ts';
import type { SampleResult } from '../../results/sample-protocol.ts';
import { ZEROS } from '../../workloads/expected-disk.ts';
import { BACKING_SERIAL } from '../../workloads/workload.ts';
import { exactCounters } from './exact-counters.ts';
import { Expectation } from './expectation.ts';
import type { CellChoice, OwnSampleJob, ReportProgress } from './job.ts';
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
export async function measure(job: OwnSampleJob, progress: ReportProgress): Promise<SampleResult> {
  const startedAt = new Date().toISOString();
  const { clusterSizeBytes } = job.cell;
  const open = await openWorkload(job.workload, clusterSizeBytes, job.cell.requesters);
  const { diskSizeBytes, backingImage } = open.workload;
  const initialSerial = backingImage ? BACKING_SERIAL : ZEROS;
  const isRaw = 'raw' in job.cell;
  const discarded = isRaw ? null : clusterSizeBytes;
  const expectation = new Expectation(diskSizeBytes, job.workload.seed, discarded, initialSerial);
  const prepared = await prepareImage(job, open.workload, expectation, progress);
  const { times, served, ...result } = await profiled(job.profileFile, () =>
    replay(job, open, expectation, prepared, progress),
  );
  const backing = openBacking(job, open.workload);
  try {
    const pause = () => progress('verify', served);
    const over = isRaw ? 'raw' : withBacking(backing);
    const verification = await verify(job.imageFile, expectation.disk, over, job.traced, pause);
    return { startedAt, ...result, times: { ...times, peakMemoryBytes: peakMemoryBytes() }, verification };
  } finally {
    backing?.close();
  }
}

async function replay(
  job: OwnSampleJob,
  { workload, requests }: OpenWorkload,
  expectation: Expectation,
  prepared: number,
  progress: ReportProgress,
) {
  const { file, time } = openMeasured(job);
  const clock = new MeasuredClock(time);
  const backing = openBacking(job, workload);
  const observed = new ObservedFile(file, clock, job.traced, {
    exported: job.deviceTraceFile !== undefined,
    priced: { hostCacheMode: fileMode(job.cell).mode, knowsHoles: 'raw' in job.cell },
  });
  const pacer = job.pace === undefined ? null : new Pacer(parsePace(job.pace), clock);
  const run = new Replay(observed, () => openDisk(job, observed.file, withBacking(backing)), { time, pacer });
  const phases = new Phases();
  const mark = (name: string, firstRequest: number) => phases.begin(name, firstRequest);
  try {
    clock.run(() => run.open());
    for await (const slice of slices(requests, workload.diskSizeBytes, expectation, prepared, mark)) {
      clock.run(() => run.serve(slice));
      observed.prices?.settle();
      await progress('replay', run.served);
    }
    const { disk, served } = run;
    clock.run(() => run.close());
    const caches = isImage(disk) ? disk.cacheCounts() : null;
    const exact = exactCounters(observed.file.counts, caches, run.guest.counts, observed.file.sizeBytes());
    if (job.deviceTraceFile !== undefined) await observed.deviceTrace?.write(job.deviceTraceFile);
    return { served, exact, ...measurements(clock, observed, run), phases: phases.of(served) };
  } finally {
    observed.close();
    backing?.close();
  }
}

/** Opens what the guest's requests go to. */
function openDisk({ cell }: OwnSampleJob, file: BlockFile, over: ReturnType<typeof withBacking>): GuestDevice {
  if ('raw' in cell) return new RawDisk(file);
  const { policy, stage, imageOptions, reserve } = cell;
  const through = fileMode(cell).writethrough && { writethrough: true };
  const chosen = {
    policy,
    ...(stage !== null && { stage }),
    ...through,
    ...cacheSizes(cell),
    ...(reserve && { reserve }),
  };
  return openImage(file, { ...chosen, ...imageOptions?.open, ...over });
}

function isImage(disk: GuestDevice): disk is Qcow2Image {
  return 'cacheCounts' in disk;
}

/** With L2 slices the same memory holds more of them. */
function cacheSizes({ l2CacheTables, refcountCacheTables, clusterSizeBytes, imageOptions }: CellChoice) {
  if (l2CacheTables === null) return { refcountCacheTables };
  const sliceBytes = imageOptions?.open.l2CacheEntryBytes ?? clusterSizeBytes;
  return { l2CacheTables: l2CacheTables * Math.max(1, clusterSizeBytes / sliceBytes), refcountCacheTables };
}

/** A policy that writes through by flushing needs no O_DSYNC. */
function fileMode(cell: OwnSampleJob['cell']): ReturnType<typeof fileModeOf> {
  if ('raw' in cell) return { mode: cell.hostCacheMode, writethrough: false };
  return fileModeOf(findPolicy(cell.policy, cell.stage ?? undefined).behaviour, cell.hostCacheMode);
}

/** The image file on the device of the sample, and the clock of that device. */
function openMeasured({ imageFile, cell, device }: OwnSampleJob): { file: BlockFile; time: TimeSource } {
  const { mode: hostCacheMode } = fileMode(cell);
  if (device === undefined) return { file: openFile(imageFile, { mode: hostCacheMode }), time: REAL_TIME };
  // The model alone says what a sync takes: those of the file below would only make the user wait.
  const knowsHoles = 'raw' in cell;
  const model = new DeviceModelFile(openFile(imageFile, { mode: 'unsafe' }), { ...device, hostCacheMode, knowsHoles });
  return { file: model, time: virtualTime(model) };
}

function measurements(clock: MeasuredClock, observed: ObservedFile, run: Replay) {
  const wallNs = Math.round(clock.wallNs);
  const fileBytes = observed.file.sizeBytes();
  const { growing, clean } = observed.file.syncKinds;
  const engineSpansNs = run.engine.build();
  const { latencies } = observed;
  const { deviceRead, deviceWrite, deviceSync } = latencies.histograms;
  return {
    times: {
      wallNs,
      userCpuNs: clock.userCpuNs,
      systemCpuNs: clock.systemCpuNs,
      deviceNs: { read: deviceRead.sumNs, write: deviceWrite.sumNs, sync: deviceSync.sumNs },
      ...(engineSpansNs !== null && { engineSpansNs }),
    },
    histograms: latencies.summaries(),
    latencyMap: latencies.map.summary(),
    fileMap: observed.fileMap?.build(wallNs, fileBytes) ?? null,
    cascades: observed.cascades?.build() ?? [],
    modelledNs: observed.prices?.totals() ?? null,
    syncKinds: observed.fileMap === null ? null : { growing, clean },
  };
}
