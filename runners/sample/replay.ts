/**
 * Serves prepared guest requests from an open image and measures each: latency by kind of request, counts of what the
 * guest asked, and which request caused which file operation.
 */
import type { Qcow2Image } from '../../engine/index.ts';
import { LatencyHistogram } from '../../results/histogram.ts';
import type { RequestFacts } from './cascades.ts';
import type { GuestCounts } from './exact-counters.ts';
import type { ObservedFile } from './observed-file.ts';
import type { Pacer } from './pace.ts';
import type { PreparedRequest } from './slices.ts';
import { REAL_TIME, type TimeSource } from './time-source.ts';

/** What a replay may be told besides the file and the image. */
export interface ReplayOptions {
  /** The clock that latencies are read from. */
  readonly time?: TimeSource;
  /** Says when requests are sent; without one, each is sent as soon as the one before is served. */
  readonly pacer?: Pacer | null;
}

export class Replay {
  readonly readLatency = new LatencyHistogram();
  readonly writeLatency = new LatencyHistogram();
  readonly flushLatency = new LatencyHistogram();
  readonly otherLatency = new LatencyHistogram();
  readonly guest: GuestCounts = {
    reads: 0,
    readBytes: 0,
    writes: 0,
    writeBytes: 0,
    flushes: 0,
    discards: 0,
    other: 0,
  };
  readonly #observed: ObservedFile;
  readonly #openImage: () => Qcow2Image;
  readonly #time: TimeSource;
  readonly #pacer: Pacer | null;
  #image: Qcow2Image | null = null;
  #served = 0;
  #startedNs = 0;
  /** VM state written since the last snapshot: it belongs to the next one. */
  #vmStateBytes = 0;

  /** `openImage` opens the image in the observed file; it is called at the start and for each `reopen`. */
  constructor(observed: ObservedFile, openImage: () => Qcow2Image, options: ReplayOptions = {}) {
    this.#observed = observed;
    this.#openImage = openImage;
    this.#time = options.time ?? REAL_TIME;
    this.#pacer = options.pacer ?? null;
  }

  /** The open image. */
  get image(): Qcow2Image {
    if (this.#image === null) throw new Error('the image is not open');
    return this.#image;
  }

  /** Guest requests served so far. */
  get served(): number {
    return this.#served;
  }

  open(): void {
    this.#measure({ index: 0, op: 'open', offset: 0, length: 0 }, () => {
      this.#image = this.#openImage();
    });
  }

  close(): void {
    const image = this.image;
    this.#measure({ index: this.#served, op: 'close', offset: 0, length: 0 }, () => image.close());
    this.#image = null;
  }

  /** Serves the requests of a slice, one after the other. */
  serve(slice: readonly PreparedRequest[]): void {
    for (const prepared of slice) {
      const { request, index } = prepared;
      const offset = 'offset' in request ? request.offset : 0;
      const length = 'length' in request ? request.length : 0;
      // Open loop: a request that had to wait for the one before it has waited, whether or not it was sent late.
      const dueNs = this.#pacer?.waitFor(request, index);
      const endNs = this.#measure({ index, op: request.op, offset, length }, () => this.#execute(prepared));
      const beganNs = dueNs ?? this.#startedNs;
      this.#count(request.op, length, endNs - beganNs);
      this.#observed.latency(request.op === 'flush' ? 'guest-flush' : 'guest-request', beganNs, endNs - beganNs);
      this.#served++;
    }
  }

  /** Returns the time at which `work` ended. */
  #measure(facts: RequestFacts, work: () => void): number {
    this.#observed.file.trigger = facts.op;
    this.#startedNs = this.#time.nowNs();
    work();
    const endNs = this.#time.nowNs();
    this.#observed.cascades?.served(facts, this.#startedNs, endNs - this.#startedNs);
    return endNs;
  }

  #execute({ request, bytes }: PreparedRequest): void {
    const image = this.image;
    switch (request.op) {
      case 'read':
        return image.read(request.offset, bytes);
      case 'write':
        return image.write(request.offset, bytes);
      case 'flush':
        return image.flush();
      case 'discard':
        image.discard(request.offset, request.length);
        return;
      case 'write-zeroes':
        return image.writeZeroes(request.offset, request.length, { mayUnmap: request.mayUnmap });
      case 'vmstate-write':
        this.#vmStateBytes = Math.max(this.#vmStateBytes, request.offset + request.length);
        return image.writeVmState(request.offset, bytes);
      case 'vmstate-read':
        return image.readVmState(request.offset, bytes);
      case 'snapshot-create':
        image.createSnapshot({ name: request.name, vmStateBytes: this.#vmStateBytes });
        this.#vmStateBytes = 0;
        return;
      case 'snapshot-apply':
        return image.applySnapshot(request.name);
      case 'snapshot-delete':
        return image.deleteSnapshot(request.name);
      case 'reopen':
        image.close();
        this.#image = this.#openImage();
        return;
      case 'mark':
        return;
    }
  }

  #count(op: string, length: number, latencyNs: number): void {
    if (op === 'read') {
      this.guest.reads++;
      this.guest.readBytes += length;
      this.readLatency.record(latencyNs);
    } else if (op === 'write') {
      this.guest.writes++;
      this.guest.writeBytes += length;
      this.writeLatency.record(latencyNs);
    } else if (op === 'flush') {
      this.guest.flushes++;
      this.flushLatency.record(latencyNs);
    } else {
      if (op === 'discard') this.guest.discards++;
      else this.guest.other++;
      this.otherLatency.record(latencyNs);
    }
  }
}
