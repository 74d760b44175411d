/**
 * Serves what several requesters have in flight at once, through the engine's queue: in order, with one flush for all that ask for one.
 *
 * A closed loop: a requester sends its next request when the last was acknowledged, and that is when its latency begins, so it includes
 * the wait for the others.
 */
import {
  type BlockRequest,
  type GuestDevice,
  type Qcow2Error,
  type QueuedRequest,
  queuedRequest,
  RequestQueue,
} from '../../engine/index.ts';
import { MOST_REQUESTERS } from '../../workloads/requesters.ts';
import type { RequestFacts } from './cascades.ts';
import type { GuestTotals } from './guest-totals.ts';
import type { ObservedFile } from './observed-file.ts';
import type { PreparedRequest } from './slices.ts';
import type { TimeSource } from './time-source.ts';

export class RequestsInFlight {
  readonly #observed: ObservedFile;
  readonly #guest: GuestTotals;
  readonly #time: TimeSource;
  readonly #queue: RequestQueue;
  /** By requester: when it was last answered. */
  readonly #answeredNs = new Map<number, number>();
  readonly #facts = new Map<QueuedRequest, RequestFacts>();
  /** Those that the disk works for, and since when. */
  #serving: readonly RequestFacts[] = [];
  #servingSinceNs = 0;

  constructor(observed: ObservedFile, guest: GuestTotals, time: TimeSource) {
    this.#observed = observed;
    this.#guest = guest;
    this.#time = time;
    this.#queue = new RequestQueue({
      batchRequests: MOST_REQUESTERS,
      serving: (requests) => this.#serve(requests.map((request) => this.#facts.get(request)!)),
    });
  }

  /** The clock runs again after a pause, in which nobody waited. */
  resume(): void {
    this.#answeredNs.clear();
  }

  /** Serves one turn: a request of each requester, at most {@link MOST_REQUESTERS}. @throws the first error of the disk. */
  serve(disk: GuestDevice, turn: readonly PreparedRequest[]): void {
    let failure: Qcow2Error | null = null;
    const nowNs = this.#time.nowNs();
    for (const { request, bytes, facts } of turn) {
      const { requester = 0 } = request;
      const [{ op, length }] = facts;
      const sentNs = this.#answeredNs.get(requester) ?? nowNs;
      const queued = queuedRequest(
        disk,
        request as BlockRequest,
        bytes,
        (error) => {
          failure ??= error;
          const answeredNs = this.#time.nowNs();
          this.#answeredNs.set(requester, answeredNs);
          this.#observed.latency(this.#guest.add(op, length), sentNs, answeredNs - sentNs);
        },
        requester,
      );
      this.#facts.set(queued, facts[0]);
      this.#queue.push(queued);
    }
    this.#queue.serveBatch();
    this.#serve([]);
    this.#facts.clear();
    if (failure !== null) throw failure;
  }

  #serve(requests: readonly RequestFacts[]): void {
    const nowNs = this.#time.nowNs();
    const [first, ...others] = this.#serving;
    if (first !== undefined)
      this.#observed.cascades?.served([first, ...others], this.#servingSinceNs, nowNs - this.#servingSinceNs);
    this.#serving = requests;
    this.#servingSinceNs = nowNs;
    this.#observed.file.serving = requests;
  }
}
