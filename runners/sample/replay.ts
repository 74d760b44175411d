/**
 * Serves prepared guest requests from an open disk and measures each: latency by kind of request, counts of what the
 * guest asked, and which request caused which file operation.
 */
import { type GuestDevice, perform, VmStateSize } from '../../engine/index.ts';
import type { RequestFacts } from './cascades.ts';
import { GuestTotals } from './guest-totals.ts';
import type { ObservedFile } from './observed-file.ts';
import type { Pacer } from './pace.ts';
import { RequestSpans } from './request-spans.ts';
import { RequestsInFlight } from './requests-in-flight.ts';
import type { PreparedRequest } from './slices.ts';
import { REAL_TIME, type TimeSource } from './time-source.ts';

/** Options of a replay besides the file and the disk. */
export interface ReplayOptions {
  /** The clock that latencies are read from. */
  readonly time?: TimeSource;
  /** Says when requests are sent; without one, each is sent as soon as the one before is served. */
  readonly pacer?: Pacer | null;
}

export class Replay<Disk extends GuestDevice = GuestDevice> {
  readonly guest = new GuestTotals();
  /** Of the requests that are served one after the other. */
  readonly engine = new RequestSpans();
  readonly #observed: ObservedFile;
  readonly #openDisk: () => Disk;
  readonly #time: TimeSource;
  readonly #pacer: Pacer | null;
  #disk: Disk | null = null;
  #served = 0;
  /** Of the device, before what is being served. */
  #deviceNs = 0;
  readonly #vmState = new VmStateSize();
  readonly #inFlight: RequestsInFlight;

  /** `openDisk` opens the disk in the observed file; it is called at the start and for each `reopen`. */
  constructor(observed: ObservedFile, openDisk: () => Disk, options: ReplayOptions = {}) {
    this.#observed = observed;
    this.#openDisk = openDisk;
    this.#time = options.time ?? REAL_TIME;
    this.#pacer = options.pacer ?? null;
    this.#inFlight = new RequestsInFlight(observed, this.guest, this.#time);
  }

  /** The open disk. */
  get disk(): Disk {
    if (this.#disk === null) throw new Error('the disk is not open');
    return this.#disk;
  }

  /** Guest requests served so far. */
  get served(): number {
    return this.#served;
  }

  open(): void {
    const facts = ownFacts('open', 0);
    const startNs = this.#begin(facts);
    this.#disk = this.#openDisk();
    this.#end(facts, startNs);
  }

  close(): void {
    const { disk } = this;
    const facts = ownFacts('close', this.#served);
    const startNs = this.#begin(facts);
    disk.close();
    this.#end(facts, startNs);
    this.#disk = null;
  }

  /** Serves the requests of a slice, one after the other but for those that several requesters send at once. */
  serve(slice: readonly PreparedRequest[]): void {
    this.#inFlight.resume();
    for (let at = 0; at < slice.length; ) {
      const { turn } = slice[at]!.request;
      let end = at + 1;
      while (turn !== undefined && slice[end]?.request.turn === turn) end++;
      if (turn === undefined) this.#serveAlone(slice[at]!);
      else this.#inFlight.serve(this.disk, slice.slice(at, end));
      this.#served += end - at;
      at = end;
    }
  }

  #serveAlone(prepared: PreparedRequest): void {
    const { request, index, facts } = prepared;
    // Open loop: a request that had to wait for the one before it has waited, whether or not it was sent late.
    const dueNs = this.#pacer?.waitFor(request, index);
    const startNs = this.#begin(facts);
    this.#execute(prepared);
    const endNs = this.#end(facts, startNs);
    const beganNs = dueNs ?? startNs;
    this.#observed.latency(this.guest.add(request.op, facts[0].length), beganNs, endNs - beganNs);
  }

  /** Returns the time at which the work for `serving` begins. */
  #begin(serving: readonly [RequestFacts]): number {
    this.#observed.file.serving = serving;
    this.#deviceNs = this.#observed.deviceNs;
    return this.#time.nowNs();
  }

  /** Returns the time at which it has ended. */
  #end(served: readonly [RequestFacts], startNs: number): number {
    const endNs = this.#time.nowNs();
    this.engine.add(Math.max(0, endNs - startNs - (this.#observed.deviceNs - this.#deviceNs)));
    this.#observed.cascades?.served(served, startNs, endNs - startNs);
    return endNs;
  }

  #execute({ request, bytes }: PreparedRequest): void {
    if (request.op === 'mark') return;
    if (request.op !== 'reopen') return perform(this.disk, request, bytes, this.#vmState);
    this.disk.close();
    this.#disk = this.#openDisk();
  }
}

/** Of what is done to the image itself, before request `index`. */
function ownFacts(op: 'open' | 'close', index: number): readonly [RequestFacts] {
  return [{ index, op, offset: 0, length: 0 }];
}
