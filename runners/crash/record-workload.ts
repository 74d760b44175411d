/**
 * Runs a crash workload once and keeps every change that it made to the file, with guest marks between them. From here on the
 * engine is not needed: crash states are built from the recording alone.
 */
import {
  createImage,
  type HostCacheMode,
  MemoryFile,
  openImage,
  POLICIES,
  type PolicyName,
  Qcow2Error,
  type Qcow2Image,
  type RecordedEvent,
  RecordingFile,
  type StageId,
} from '../../engine/index.ts';
import { type CrashWorkload, ValueTable } from './crash-workload.ts';
import type { DurableAt } from './guest-oracle.ts';
import { performRequest } from './perform-request.ts';

/** Whose stream of writes and syncs is explored. */
export interface CrashSubject {
  readonly policy: PolicyName;
  /** Null for the policy's own. */
  readonly stage: StageId | null;
  /** Null for the policy's own. */
  readonly hostCacheMode: HostCacheMode | null;
}

export interface CrashRecording {
  readonly workload: CrashWorkload;
  readonly values: ValueTable;
  /** The file when the recording began, all of it durable. */
  readonly base: Uint8Array;
  readonly events: readonly RecordedEvent[];
  /** When the subject promises durability. */
  readonly durableAt: DurableAt;
  /** What the engine said when a request failed, by request. */
  readonly failures: ReadonlyMap<number, string>;
}

export function recordWorkload(workload: CrashWorkload, subject: CrashSubject): CrashRecording {
  const values = new ValueTable(workload);
  const base = prepareImage(workload, values);
  const mode = subject.hostCacheMode ?? POLICIES[subject.policy].hostCacheMode;
  const writesAreDurable = mode === 'writethrough' || mode === 'directsync';
  const recording = new RecordingFile(new MemoryFile(workload.name, base, { writesAreDurable }));
  const failures = new Map<number, string>();
  let image = openSubject(recording, workload, subject);
  for (let index = workload.before.length; index < values.requests.length; index++) {
    recording.mark({ request: index, phase: 'start' });
    try {
      image = performRequest(image, values, index, () => openSubject(recording, workload, subject));
      recording.mark({ request: index, phase: 'ack' });
    } catch (error) {
      if (!(error instanceof Qcow2Error)) throw error;
      failures.set(index, error.message);
      recording.mark({ request: index, phase: 'failed' });
    }
  }
  return { workload, values, base, events: recording.events, durableAt: writesAreDurable ? 'ack' : 'flush', failures };
}

function openSubject(file: RecordingFile, workload: CrashWorkload, subject: CrashSubject): Qcow2Image {
  return openImage(file, {
    policy: subject.policy,
    ...(subject.stage === null ? {} : { stage: subject.stage }),
    ...(workload.cacheTables === null
      ? {}
      : { l2CacheTables: workload.cacheTables.l2, refcountCacheTables: workload.cacheTables.refcounts }),
  });
}

/** The image as the recording finds it: made by the writeback policy whatever is examined, closed, and all of it durable. */
function prepareImage(workload: CrashWorkload, values: ValueTable): Uint8Array {
  const file = new MemoryFile(workload.name);
  createImage(file, workload.image);
  let image = openImage(file);
  workload.before.forEach((_, index) => {
    image = performRequest(image, values, index, () => openImage(file));
  });
  image.close();
  return file.bytes();
}
