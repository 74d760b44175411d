/**
 * Runs a crash workload once and keeps every change that it made to the file, with guest marks between them. From here on the
 * engine is not needed: crash states are built from the recording alone.
 */
import {
  type BlockFile,
  createImage,
  findPolicy,
  type HostCacheMode,
  MemoryFile,
  openImage,
  type PolicyName,
  policyNamed,
  Qcow2Error,
  type Qcow2Image,
  type RecordedEvent,
  RecordingFile,
  type StageId,
} from '../../../engine/index.ts';
import { type CrashWorkload, ValueTable } from '../requests/crash-workload.ts';
import type { DurableAt } from '../requests/guest-oracle.ts';
import { performRequest } from '../requests/perform-request.ts';
import type { Alteration, AlteredRun } from './alteration.ts';

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

/** `alteration` is put around the subject's engine: a deliberate mistake, or a fixed one. */
export function recordWorkload(
  workload: CrashWorkload,
  subject: CrashSubject,
  alteration: Alteration = {},
): CrashRecording {
  const session = new RecordingSession(workload, subject, alteration);
  session.run();
  return session.result();
}

class RecordingSession {
  readonly #workload: CrashWorkload;
  readonly #subject: CrashSubject;
  readonly #values: ValueTable;
  readonly #base: Uint8Array;
  readonly #recording: RecordingFile;
  readonly #failures = new Map<number, string>();
  readonly #alteration: Alteration;
  /** What the engine writes to: the recording, or an alteration's wrapper around it. */
  readonly #file: BlockFile;
  readonly #run: AlteredRun = { op: 'open' };

  constructor(workload: CrashWorkload, subject: CrashSubject, alteration: Alteration) {
    this.#workload = workload;
    this.#subject = subject;
    this.#values = new ValueTable(workload);
    this.#base = workload.recordsCreation ? new Uint8Array(0) : prepareImage(workload, this.#values);
    this.#alteration = alteration;
    const mode = subject.hostCacheMode ?? policyNamed(subject.policy).hostCacheMode;
    const writesAreDurable = mode === 'writethrough' || mode === 'directsync';
    const memory = new MemoryFile(workload.name, this.#base, { writesAreDurable });
    this.#recording = new RecordingFile(alteration.wrapMemory?.(memory, this.#run) ?? memory);
    this.#file = alteration.wrapFile?.(this.#recording, this.#run) ?? this.#recording;
  }

  run(): void {
    if (this.#workload.recordsCreation) createImage(this.#file, this.#workload.image);
    let image = this.#open();
    for (let index = this.#workload.before.length; index < this.#values.requests.length; index++) {
      this.#recording.mark({ request: index, phase: 'start' });
      this.#run.op = this.#values.requests[index]!.op;
      try {
        image = this.#serve(image, index);
        this.#recording.mark({ request: index, phase: 'ack' });
      } catch (error) {
        if (!(error instanceof Qcow2Error)) throw error;
        this.#failures.set(index, error.message);
        this.#recording.mark({ request: index, phase: 'failed' });
        // It is closed all the same, and nothing more can be asked of it.
        if (this.#run.op === 'reopen') return;
      }
    }
  }

  #serve(image: Qcow2Image, index: number): Qcow2Image {
    let next = image;
    const serve = () => {
      next = performRequest(image, this.#values, index, () => this.#open());
    };
    const around = this.#alteration.aroundRequest;
    if (around === undefined) serve();
    else around(serve, this.#values.requests[index]!, image, this.#file);
    return next;
  }

  result(): CrashRecording {
    return {
      workload: this.#workload,
      values: this.#values,
      base: this.#base,
      events: this.#recording.events,
      durableAt: this.#recording.writesAreDurable ? 'ack' : 'flush',
      failures: this.#failures,
    };
  }

  #open(): Qcow2Image {
    const { cacheTables } = this.#workload;
    const { policy, stage } = this.#subject;
    const { preset, behaviour } = findPolicy(policy, stage ?? undefined);
    return openImage(this.#file, {
      policy: this.#alteration.alterPolicy?.(preset.create, this.#run) ?? preset.create,
      behaviour,
      ...(cacheTables === null ? {} : { l2CacheTables: cacheTables.l2, refcountCacheTables: cacheTables.refcounts }),
    });
  }
}

let lastPrepared: { readonly key: string; readonly bytes: Uint8Array } | null = null;

/** The image as the recording finds it: made by the writeback policy whatever is examined, closed, and all of it durable. */
function prepareImage(workload: CrashWorkload, values: ValueTable): Uint8Array {
  // Neighbouring workloads mostly start from the same image.
  const key = JSON.stringify([workload.image, workload.before]);
  if (lastPrepared?.key === key) return lastPrepared.bytes;
  const file = new MemoryFile(workload.name);
  createImage(file, workload.image);
  let image = openImage(file);
  workload.before.forEach((_, index) => {
    image = performRequest(image, values, index, () => openImage(file));
  });
  image.close();
  lastPrepared = { key, bytes: file.bytes() };
  return lastPrepared.bytes;
}
