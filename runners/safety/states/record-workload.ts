/**
 * Runs a crash workload once and keeps every change that it made to the file, with guest marks between them. From here on the
 * engine is not needed: crash states are built from the recording alone.
 */
import {
  type BlockFile,
  type BlockRequest,
  createImage,
  findPolicy,
  type HostCacheMode,
  MemoryFile,
  openImage,
  type PolicyName,
  policyNamed,
  Qcow2Error,
  type Qcow2Image,
  type QueuedRequest,
  queuedRequest,
  type RecordedEvent,
  RecordingFile,
  RequestQueue,
  type ReserveOptions,
  SmallDisk,
  type StageId,
} from '../../../engine/index.ts';
import { type CrashRequest, type CrashWorkload, ValueTable } from '../requests/crash-workload.ts';
import type { DurableAt } from '../requests/guest-oracle.ts';
import { sectorsOf } from '../requests/guest-values.ts';
import { performRequest } from '../requests/perform-request.ts';
import type { Alteration, AlteredRun } from './alteration.ts';

/** Whose stream of writes and syncs is explored. */
export interface CrashSubject {
  readonly policy: PolicyName;
  /** Null for the policy's own. */
  readonly stage: StageId | null;
  /** Null for the policy's own. */
  readonly hostCacheMode: HostCacheMode | null;
  /** Absent: as the policy has it. */
  readonly reserve?: ReserveOptions | undefined;
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

interface InFlight {
  readonly index: number;
  readonly request: CrashRequest & BlockRequest;
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
    const recorded = alteration.wrapFile?.(this.#recording, this.#run) ?? this.#recording;
    const { freeClusters, image } = workload;
    // What does not fit is not recorded: it never reaches the file.
    this.#file = freeClusters === undefined ? recorded : new SmallDisk(recorded, freeClusters, image.clusterSizeBytes);
  }

  run(): void {
    if (this.#workload.recordsCreation) createImage(this.#file, this.#workload.image);
    let image: Qcow2Image | null = this.#open();
    let index = this.#workload.before.length;
    while (image !== null && index < this.#values.requests.length) {
      const together = this.#inFlightAt(index);
      if (together.length > 1) this.#serveTogether(image, together);
      else image = this.#serveAlone(image, index);
      index += Math.max(1, together.length);
    }
  }

  /** Returns the image that continues; null when none does. */
  #serveAlone(image: Qcow2Image, index: number): Qcow2Image | null {
    this.#recording.mark({ request: index, phase: 'start' });
    this.#run.op = this.#values.requests[index]!.op;
    try {
      const next = this.#serve(image, index);
      this.#recording.mark({ request: index, phase: 'ack' });
      return next;
    } catch (error) {
      this.#fail(index, error);
      // It is closed all the same, and nothing more can be asked of it.
      return this.#run.op === 'reopen' ? null : image;
    }
  }

  #fail(index: number, error: unknown): void {
    if (!(error instanceof Qcow2Error)) throw error;
    this.#failures.set(index, error.message);
    this.#recording.mark({ request: index, phase: 'failed' });
  }

  /** The block requests from `index` on that are in flight at once: no two of them are about the same sectors. */
  #inFlightAt(index: number): InFlight[] {
    const together: InFlight[] = [];
    for (let next = index; together.length < (this.#workload.requesters ?? 1); next++) {
      const request = this.#values.requests[next];
      if (request === undefined || !isBlockRequest(request)) break;
      if (together.some((other) => overlap(other.request, request))) break;
      together.push({ index: next, request });
    }
    return together;
  }

  /** One batch of the queue: what it acknowledges when is what is examined. */
  #serveTogether(image: Qcow2Image, together: readonly InFlight[]): void {
    const alter = this.#alteration.alterQueued ?? ((request: QueuedRequest) => request);
    const queue = new RequestQueue();
    for (const { index, request } of together) {
      this.#recording.mark({ request: index, phase: 'start' });
      const payload = sectorsOf(this.#values.firstOf(index), this.#values.countOf(index));
      const done = (error: Qcow2Error | null) => {
        if (error === null) this.#recording.mark({ request: index, phase: 'ack' });
        else this.#fail(index, error);
      };
      queue.push(alter(queuedRequest(image, request, payload, done, index)));
    }
    this.#run.op = together[0]!.request.op;
    queue.serveBatch();
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
    const { policy, stage, reserve } = this.#subject;
    const { preset, behaviour } = findPolicy(policy, stage ?? undefined);
    return openImage(this.#file, {
      policy: this.#alteration.alterPolicy?.(preset.create, this.#run) ?? preset.create,
      behaviour,
      ...(reserve && { reserve }),
      ...(cacheTables === null ? {} : { l2CacheTables: cacheTables.l2, refcountCacheTables: cacheTables.refcounts }),
    });
  }
}

function overlap(a: BlockRequest, b: BlockRequest): boolean {
  if (a.op === 'flush' || b.op === 'flush') return false;
  return a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

function isBlockRequest(request: CrashRequest): request is CrashRequest & BlockRequest {
  return ['write', 'write-zeroes', 'discard', 'flush'].includes(request.op);
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
