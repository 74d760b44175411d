/** An open image that is served: its disks, its queue and its counts. It knows no thread and no client. */
import {
  type BlockFile,
  CountingFile,
  type GuestDevice,
  nowNs,
  openFile,
  type Qcow2Error,
  type Qcow2Image,
  type QueuedRequest,
  queuedRequest,
  RawDisk,
  RequestQueue,
} from '../../engine/index.ts';
import { BASE_ALLOCATION, type NbdWork, nbdErrorOf, type Outcome, type StatusExtent } from '../../engine/nbd/index.ts';
import { lockedFor, openQcow2 } from '../image-tool/disks.ts';
import { extents, type MappableDisk, readsAsZeros } from '../image-tool/extents.ts';
import { GuestTotals } from '../sample/guest-totals.ts';
import { latencyHistograms } from '../sample/sample-latencies.ts';
import type { ImageChoice, ServedDisk, WireAnswer, WireRequest } from './messages.ts';
import { NullFile } from './null-file.ts';
import { type BatchTotals, type ServerStats, serverStats } from './server-stats.ts';

/** A hint that more will be read brings in at most this much. */
const CACHED_BYTES_MAX = 32 * 2 ** 20;
const CACHE_PIECE_BYTES = 2 ** 20;
const NOTHING = new Uint8Array(0);

type OpenDisk = GuestDevice & MappableDisk;

export class ServedImage {
  readonly #choice: ImageChoice;
  readonly #memory: SharedArrayBuffer;
  readonly #file: CountingFile;
  /** The image first, then its snapshots. */
  readonly #disks: OpenDisk[];
  readonly #snapshotNames: readonly string[];
  /** The image opened a second time, for reading its snapshots. */
  readonly #frozen: Qcow2Image | null;
  readonly #queue: RequestQueue;
  readonly #guest = new GuestTotals();
  readonly #latencies = latencyHistograms();
  readonly #totals: BatchTotals = { batches: 0, durableRequests: 0, flushes: 0 };
  readonly #answered: (answers: readonly WireAnswer[]) => void;
  #answers: WireAnswer[] = [];
  #flushBeganNs = 0;
  #lastFlushNs = 0;

  /**
   * `memory` is what requests place their bytes in. `answered` gets answers as soon as they are certain; `gather` is that of the queue.
   * @throws Qcow2Error and UsageError for an image that cannot be opened.
   */
  constructor(
    choice: ImageChoice,
    memory: SharedArrayBuffer,
    answered: (answers: readonly WireAnswer[]) => void,
    gather: () => boolean,
  ) {
    this.#choice = choice;
    this.#memory = memory;
    this.#answered = answered;
    const opened = openCounted(choice);
    this.#file = opened.file;
    this.#frozen = choice.snapshots ? openForSnapshots(choice, opened.disk) : null;
    this.#snapshotNames = distinctNames(this.#frozen?.listSnapshots() ?? []);
    const ids = this.#frozen?.listSnapshots().map(({ id }) => id) ?? [];
    this.#disks = [opened.disk, ...ids.map((id) => this.#frozen!.openSnapshot(id))];
    this.#queue = new RequestQueue({ serving: (requests) => this.#serving(requests), gather });
  }

  get disks(): ServedDisk[] {
    return this.#disks.map(({ sizeBytes, readOnly }, index) => ({
      snapshot: index === 0 ? null : this.#snapshotNames[index - 1]!,
      sizeBytes,
      readOnly,
    }));
  }

  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  take(requests: readonly WireRequest[]): void {
    const arrivedNs = nowNs();
    for (const request of requests) this.#queue.push(this.#queued(request, arrivedNs));
  }

  /** How long the last flush took that was made for clients. */
  get lastFlushMs(): number {
    return this.#lastFlushNs / 1e6;
  }

  /** The client is gone. */
  forget(client: number): void {
    this.#queue.forget(client);
  }

  /** Serves what was taken, or a part of it. */
  serve(): void {
    const { durableRequests, flushes } = this.#queue.serveBatch();
    if (flushes > 0) this.#lastFlushNs = nowNs() - this.#flushBeganNs;
    this.#totals.batches++;
    this.#totals.durableRequests += durableRequests;
    this.#totals.flushes += flushes;
    this.#send();
  }

  stats(): ServerStats {
    const [disk] = this.#disks;
    const caches = disk !== undefined && 'cacheCounts' in disk ? (disk as Qcow2Image).cacheCounts() : null;
    const { counts } = this.#guest;
    return serverStats(
      this.#choice.imagePath,
      this.#file,
      caches,
      { counts, latencies: this.#latencies },
      this.#totals,
    );
  }

  /** Writes out and closes. @throws Qcow2Error when the device fails. */
  close(): void {
    this.#file.serving = [{ op: 'close' }];
    try {
      this.#disks[0]!.close();
    } finally {
      this.#frozen?.close();
    }
  }

  /** Whoever did not ask for durability must not wait for the flush of those that did, nor while others are waited for. */
  #serving(requests: readonly QueuedRequest[]): void {
    this.#file.serving = requests;
    this.#flushBeganNs = nowNs();
    if (requests[0]?.durable ?? true) this.#send();
  }

  #send(): void {
    if (this.#answers.length === 0) return;
    const answers = this.#answers;
    this.#answers = [];
    this.#answered(answers);
  }

  #queued({ id, disk: index, work, place, payload, client }: WireRequest, arrivedNs: number): QueuedRequest {
    const disk = this.#disks[index]!;
    const shared = place === undefined ? null : new Uint8Array(this.#memory, place.at, place.length);
    const answer = (error: Qcow2Error | null, result: Outcome = {}) => {
      const length = 'length' in work ? work.length : 0;
      this.#latencies[this.#guest.add(work.op, length)].record(nowNs() - arrivedNs);
      this.#answers.push({ id, outcome: error === null ? result : failure(error, work) });
    };
    if (work.op === 'read') {
      // What is read into shared memory need not be sent.
      const own = shared === null ? { bytes: new Uint8Array(work.length) } : {};
      return queuedRequest(disk, work, shared ?? own.bytes!, (error) => answer(error, own), client);
    }
    if (work.op === 'cache')
      return {
        disk,
        op: work.op,
        durable: false,
        changes: false,
        perform: () => readAhead(disk, work.offset, work.length),
        done: answer,
      };
    if (work.op === 'block-status') {
      let found: readonly StatusExtent[] = [];
      const perform = () => {
        found = statusOf(disk, work.offset, work.length, work.extentsMax);
      };
      return {
        disk,
        op: work.op,
        durable: false,
        changes: false,
        perform,
        done: (error) => answer(error, { extents: found }),
      };
    }
    return queuedRequest(disk, work, shared ?? payload ?? NOTHING, answer, client);
  }
}

function failure(error: Qcow2Error, { op }: NbdWork): Outcome {
  return { errno: nbdErrorOf(error.code, op === 'write' || op === 'write-zeroes'), message: error.message };
}

function openCounted(choice: ImageChoice): { disk: OpenDisk; file: CountingFile } {
  let counting: CountingFile | null = null;
  const wrapFile = (file: BlockFile) => {
    counting = new CountingFile(file);
    counting.serving = [{ op: 'open' }];
    return counting;
  };
  const disk = openWrapped(choice, wrapFile);
  return { disk, file: counting! };
}

function openWrapped(choice: ImageChoice, wrapFile: (file: BlockFile) => CountingFile): OpenDisk {
  const { imagePath, readOnly, cache: mode, nullBytes } = choice;
  const access = accessOf(choice);
  if (nullBytes !== undefined) return new RawDisk(wrapFile(new NullFile(nullBytes)));
  if (choice.format === 'qcow2')
    return openQcow2(imagePath, { access, mode, engine: { ...policyOf(choice), wrapFile } }, readOnly);
  const lock = lockedFor(readOnly ? 'raw-read' : 'raw-write', imagePath, access);
  return new RawDisk(wrapFile(openFile(imagePath, { readOnly, mode, ...lock })));
}

/** Snapshots may share a name; ids they never share, so the later ones have it in their names. */
function distinctNames(snapshots: readonly { readonly name: string; readonly id: string }[]): string[] {
  return snapshots.map(({ name, id }, index) => {
    const isFirst = snapshots.findIndex((other) => other.name === name) === index;
    return isFirst ? name : `${name}#${id}`;
  });
}

/** What a snapshot refers to is never written again while the snapshot exists, so it can be read next to the image in use. */
function openForSnapshots(choice: ImageChoice, disk: GuestDevice): Qcow2Image | null {
  if (!('listSnapshots' in disk)) return null;
  return openQcow2(choice.imagePath, { access: accessOf(choice), mode: choice.cache }, true);
}

function accessOf({ allowBacking, folders }: ImageChoice) {
  return { allowBacking, folders, forceShare: false, warn: (text: string) => console.error(`cowbench: ${text}`) };
}

function policyOf({ policy, reserve }: ImageChoice) {
  return policy === null ? {} : { policy, ...(reserve && { reserve }) };
}

/** Reads the range into the caches of the engine and of the host. */
function readAhead(disk: GuestDevice, offset: number, lengthBytes: number): void {
  const end = offset + Math.min(lengthBytes, CACHED_BYTES_MAX);
  const piece = new Uint8Array(CACHE_PIECE_BYTES);
  for (let at = offset; at < end; at += piece.length)
    disk.read(at, piece.subarray(0, Math.min(piece.length, end - at)));
}

/** How [offset, offset + lengthBytes) is stored, in at most `extentsMax` pieces: a client asks again for what is left. */
function statusOf(disk: MappableDisk, offset: number, lengthBytes: number, extentsMax: number): StatusExtent[] {
  const found: StatusExtent[] = [];
  for (const extent of extents(disk, offset, offset + lengthBytes)) {
    const flags = readsAsZeros(extent) ? BASE_ALLOCATION.hole + BASE_ALLOCATION.zero : 0;
    const last = found.at(-1);
    if (last?.flags === flags) found[found.length - 1] = { flags, lengthBytes: last.lengthBytes + extent.lengthBytes };
    else if (found.length === extentsMax) break;
    else found.push({ flags, lengthBytes: extent.lengthBytes });
  }
  return found;
}
