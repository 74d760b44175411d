/** Crash workloads carried out by the installed QEMU, explored and judged like those of our own policies. */
import { Qcow2Error } from '../../../engine/index.ts';
import { toolVersion } from '../../qemu/tools.ts';
import { type ExploreOptions, exploreRecording } from '../explore/explore.ts';
import { type ExplorationJob, workloadsOf } from '../explore/jobs.ts';
import { addTally, emptyTally, type Tally, tallyOf } from '../explore/tally.ts';
import type { CrashWorkload } from '../requests/crash-workload.ts';
import { namedWorkloads } from '../requests/named-workloads.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import { recordByQemu, whyNotByQemu } from './qemu-recording.ts';

/** A workload that QEMU's tools cannot carry out, or that QEMU refuses. */
export interface LeftOut {
  readonly workload: CrashWorkload;
  readonly reason: string;
}

export interface QemuExploration {
  /** As QEMU names itself. */
  readonly name: string;
  /** Its examples keep their recordings: QEMU dates its snapshots, so no second recording is the same to the byte. */
  readonly tally: Tally<CrashRecording>;
  readonly leftOut: readonly LeftOut[];
}

/** The cluster sizes of the row next to our policies. */
export const PEER_CLUSTER_SIZES = [512, 4096] as const;

/** The named workloads that QEMU can carry out, with its own cache sizes: the row of a peer next to our policies. */
export function exploreNamedByQemu(statesPerPoint: number, signal?: AbortSignal): Promise<QemuExploration> {
  const workloads = PEER_CLUSTER_SIZES.flatMap((clusterSizeBytes) =>
    namedWorkloads({ clusterSizeBytes, cacheTables: null }),
  );
  const works = workloads.map((workload) => ({ workload }));
  return exploreByQemu(works, { statesPerPoint, seed: 1 }, signal);
}

/**
 * Records and explores `works` one after the other; those that QEMU cannot carry out are left out, with the reason.
 * `signal` ends it after the present one. Throws UsageError when QEMU is not installed.
 */
export function exploreByQemu(
  works: Iterable<ExplorationJob['work']>,
  options: ExploreOptions,
  signal?: AbortSignal,
): Promise<QemuExploration> {
  const qemu = { name: `QEMU ${toolVersion('qemu-io')}`, whyNot: whyNotByQemu, record: recordByQemu };
  return exploreByProgram(qemu, works, options, signal);
}

/** A program of others, and how it is recorded. */
export interface RecordedProgram {
  readonly name: string;
  /** Why it cannot carry out a workload; null when it can. */
  whyNot(workload: CrashWorkload): string | null;
  record(workload: CrashWorkload): Promise<CrashRecording>;
}

/** The same for any program. */
export async function exploreByProgram(
  program: RecordedProgram,
  works: Iterable<ExplorationJob['work']>,
  options: ExploreOptions,
  signal?: AbortSignal,
): Promise<QemuExploration> {
  const { name } = program;
  const tally = emptyTally<CrashRecording>();
  const leftOut: LeftOut[] = [];
  for (const { workload, limits } of allWorkloads(works, options)) {
    const recorded = await recordOrReason(program, workload);
    // What interrupts this process ends QEMU too: then a failed request means nothing.
    if (signal?.aborted) break;
    if (typeof recorded === 'string') {
      leftOut.push({ workload, reason: recorded });
      continue;
    }
    addTally(tally, tallyOf(exploreRecording(recorded, limits), recorded, workload, recorded.failures));
  }
  return { name, tally, leftOut };
}

function* allWorkloads(works: Iterable<ExplorationJob['work']>, options: ExploreOptions) {
  for (const work of works) yield* workloadsOf(work, options);
}

async function recordOrReason(program: RecordedProgram, workload: CrashWorkload): Promise<CrashRecording | string> {
  const reason = program.whyNot(workload);
  if (reason !== null) return reason;
  try {
    return await program.record(workload);
  } catch (error) {
    if (error instanceof Qcow2Error && error.code === 'IO') return error.message;
    throw error;
  }
}
