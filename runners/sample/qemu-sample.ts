/**
 * One sample of `--engine qemu`, in the shape of a sample of the engine: a fresh image, the whole workload, verification.
 *
 * The workload is replayed three times, each time on a fresh image: under strace for the counts; with the commands sent ahead for
 * the time of the whole, in which then is no wait of a pipe's other end; and request by request for the latencies. The image of the
 * last replay, which alone carries the guest's data, is verified.
 *
 * What the outside of a program does not show is left empty: counts by table kind, reasons of syncs, table cache hits, time
 * inside file operations, the file map and the cascades.
 */
import fs from 'node:fs';
import type { SampleResult } from '../../results/sample-protocol.ts';
import { ZEROS } from '../../workloads/expected-disk.ts';
import { BACKING_SERIAL } from '../../workloads/workload.ts';
import { driverOptions, type QemuCellChoice } from '../qemu/cell.ts';
import { openQemuSession } from '../qemu/session.ts';
import { Expectation } from './expectation.ts';
import type { ReportProgress, SampleJob } from './job.ts';
import { Phases } from './phases.ts';
import { openBacking, prepareImage, withBacking } from './prepare.ts';
import { GuestView } from './qemu-guest-view.ts';
import { slices } from './slices.ts';
import { countersByRequest } from './traced-counters.ts';
import { verify } from './verify.ts';
import { openWorkload } from './workload-choice.ts';

export interface QemuSampleJob extends Omit<SampleJob, 'cell'> {
  readonly cell: QemuCellChoice;
}

/** Runs `requests` slice by slice; called with the number served after each. */
type Pause = (served: number) => Promise<void>;

/**
 * Takes the sample that `job` describes.
 * @throws Qcow2Error, TraceError and WorkloadError for bad input, and for programs that fail.
 */
export async function measureQemu(job: QemuSampleJob, progress: ReportProgress): Promise<SampleResult> {
  const startedAt = new Date().toISOString();
  const counted = await replay(job, 'counted', progress, (served) => progress('prepare', served));
  const ahead = await replay(job, 'ahead', progress, (served) => progress('prepare', served));
  const timed = await replay(job, 'one by one', progress, (served) => progress('replay', served));
  const { userCpuNs, systemCpuNs, peakMemoryBytes } = ahead.usage!;
  const backing = openBacking(preparationJob(job), timed.workload);
  try {
    const pause = () => progress('verify', timed.guest.served);
    const over = withBacking(backing);
    const verification = await verify(job.imageFile, timed.expectation.disk, over, job.traced, pause);
    return {
      startedAt,
      exact: countersByRequest(counted.calls!, counted.guest.counts, counted.imageBytes),
      times: {
        ...{ wallNs: Math.round(ahead.guest.wallNs), userCpuNs, systemCpuNs, peakMemoryBytes },
        oneByOneNs: Math.round(timed.guest.wallNs),
        deviceNs: { read: 0, write: 0, sync: 0 },
      },
      histograms: timed.guest.latencies.summaries(),
      latencyMap: timed.guest.latencies.map.summary(),
      fileMap: null,
      cascades: [],
      syncKinds: null,
      modelledNs: null,
      phases: timed.phases,
      verification,
    };
  } finally {
    backing?.close();
  }
}

type PreparedShape = Pick<SampleJob['cell'], 'hostCacheMode' | 'version' | 'clusterSizeBytes'>;

/** How the requests are sent, and what is looked at. */
type Manner = 'counted' | 'ahead' | 'one by one';

async function replay(job: QemuSampleJob, manner: Manner, progress: ReportProgress, pause: Pause) {
  const { imageFile, cell } = job;
  const { workload, requests } = await openWorkload(job.workload, cell.clusterSizeBytes);
  const { diskSizeBytes, backingImage } = workload;
  const initialSerial = backingImage ? BACKING_SERIAL : ZEROS;
  const expectation = new Expectation(diskSizeBytes, job.workload.seed, cell.clusterSizeBytes, initialSerial);
  // Not over the image of the replay before: its blocks would be used again, which other samples do not have.
  fs.rmSync(imageFile, { force: true });
  const prepared = await prepareImage(preparationJob(job), workload, expectation, progress);
  const driver = driverOptions(cell);
  const session = openQemuSession({
    imagePath: imageFile,
    cache: cell.hostCacheMode,
    folder: cell.folder,
    counted: manner === 'counted',
    driver,
  });
  const guest = new GuestView();
  const phases = new Phases();
  let served = 0;
  try {
    const mark = (name: string, firstRequest: number) => phases.begin(name, firstRequest);
    guest.addTime(session.open());
    for await (const slice of slices(requests, diskSizeBytes, expectation, prepared, mark)) {
      if (manner === 'ahead') guest.addTime(session.feed(slice));
      else session.execute(slice, (request, latencyNs) => guest.add(request, latencyNs));
      served += slice.length;
      await pause(served);
    }
    guest.addTime(session.close());
  } catch (error) {
    await session.end();
    throw error;
  }
  const ended = await session.end();
  const imageBytes = fs.statSync(imageFile).size;
  return { ...ended, workload, expectation, guest, imageBytes, phases: phases.of(served) };
}

/** The same image that every other cell starts from, made by the engine. */
export function preparationJob(job: Omit<SampleJob, 'cell'> & { readonly cell: PreparedShape }): SampleJob {
  const engine = { policy: 'writeback', stage: 'S4b', l2CacheTables: 16, refcountCacheTables: 4 } as const;
  return { ...job, cell: { ...job.cell, ...engine } };
}
