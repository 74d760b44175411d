/**
 * One sample of `--engine nbd:COMMAND`, in the shape of a sample of the engine: a fresh image, the whole workload, verification.
 *
 * The workload is replayed twice, each time on a fresh image and by a fresh server: under strace for the counts, and without it for the
 * times. The counts are those of the whole life of the server; the times are those of the guest's requests alone, because how long a program
 * takes to start and to end says little about its storage. What the outside of a program does not show is left empty.
 */
import fs from 'node:fs';
import { Qcow2Error } from '../../engine/index.ts';
import type { Verification } from '../../results/record.ts';
import type { SampleResult } from '../../results/sample-protocol.ts';
import { ZEROS } from '../../workloads/expected-disk.ts';
import { BACKING_SERIAL } from '../../workloads/workload.ts';
import { nullCommand } from '../nbd/command.ts';
import { NbdSession } from '../nbd/session.ts';
import { noCalls, type SystemCallCounts } from '../qemu/system-calls.ts';
import { Expectation } from './expectation.ts';
import type { NbdSampleJob, ReportProgress } from './job.ts';
import { prepareServed, verifyServed } from './nbd-image.ts';
import { Phases } from './phases.ts';
import { GuestView } from './qemu-guest-view.ts';
import { slices } from './slices.ts';
import { tracedCounters } from './traced-counters.ts';
import { openWorkload } from './workload-choice.ts';

const NOT_VERIFIED: Verification = { content: 'not-run', contentBytes: 0, check: 'not-run', leaks: 0, corruptions: 0 };

/**
 * Takes the sample that `job` describes.
 * @throws UsageError for a command that cannot be used, Qcow2Error for a server that fails, TraceError and WorkloadError for bad input.
 */
export async function measureNbd(job: NbdSampleJob, progress: ReportProgress): Promise<SampleResult> {
  const startedAt = new Date().toISOString();
  const isNull = job.cell.command === null;
  const counted = isNull ? null : await replay(job, true, (served) => progress('prepare', served));
  const timed = await replay(job, false, (served) => progress('replay', served));
  const { guest, workload, expectation, phases } = timed;
  const { userCpuNs, systemCpuNs, peakMemoryBytes } = timed.usage;
  const pause = () => progress('verify', guest.served);
  const verification = isNull ? NOT_VERIFIED : await verifyServed(job, workload, expectation, pause);
  return {
    startedAt,
    exact: tracedCounters(
      counted === null ? noCalls() : seen(job, counted.calls!),
      guest.counts,
      counted?.imageBytes ?? 0,
    ),
    times: {
      ...{ wallNs: Math.round(guest.wallNs), userCpuNs, systemCpuNs, peakMemoryBytes },
      deviceNs: { read: 0, write: 0, sync: 0 },
    },
    histograms: guest.latencies.summaries(),
    latencyMap: guest.latencies.map.summary(),
    modelledNs: null,
    fileMap: null,
    cascades: [],
    syncKinds: null,
    phases,
    verification,
  };
}

async function replay(job: NbdSampleJob, traced: boolean, pause: (served: number) => Promise<void>) {
  const { imageFile, cell } = job;
  const { name } = cell;
  const { workload, requests } = await openWorkload(job.workload, cell.clusterSizeBytes);
  const { diskSizeBytes, backingImage } = workload;
  // A discard is a hint that a server may drop.
  const expectation = new Expectation(diskSizeBytes, job.workload.seed, null, backingImage ? BACKING_SERIAL : ZEROS);
  const prepared = await prepareServed(job, workload, expectation, () => pause(0));
  const command = cell.command ?? nullCommand(diskSizeBytes);
  const session = await NbdSession.open({ name, command, imagePath: imageFile, traced });
  const guest = new GuestView();
  const phases = new Phases();
  let served = 0;
  try {
    if (session.sizeBytes < diskSizeBytes)
      throw new Qcow2Error(
        'UNSUPPORTED',
        `${name}: the server shows a disk of ${session.sizeBytes} bytes, the workload needs ${diskSizeBytes}`,
      );
    const mark = (phase: string, firstRequest: number) => phases.begin(phase, firstRequest);
    for await (const slice of slices(requests, diskSizeBytes, expectation, prepared, mark)) {
      await session.execute(slice, (request, latencyNs) => guest.add(request, latencyNs));
      served += slice.length;
      await pause(served);
    }
    const ended = await session.end();
    const imageBytes = fs.statSync(imageFile).size;
    return { ...ended, workload, expectation, guest, imageBytes, phases: phases.of(served) };
  } catch (error) {
    await session.kill();
    throw error;
  }
}

/** Requests through io_uring or native asynchronous I/O are no system calls of their own: counts without them would be wrong. */
function seen({ cell }: NbdSampleJob, calls: SystemCallCounts): SystemCallCounts {
  if (calls.reads + calls.writes > 0) return calls;
  const why =
    'the server read and wrote its image by no system call that strace can see; for qemu programs use aio=threads';
  throw new Qcow2Error('UNSUPPORTED', `${cell.name}: ${why}`);
}
