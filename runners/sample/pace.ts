/**
 * Open-loop replay: each request has a time at which it is due, whether or not the one before it has been served. Its latency
 * counts from then. A closed loop, which sends the next request only after an answer, sends fewer requests just when the
 * disk is slow and so measures fewer slow ones (coordinated omission).
 */
import { WorkloadError } from '../../workloads/errors.ts';
import type { GuestRequest } from '../../workloads/request.ts';
import type { MeasuredClock } from './measured-clock.ts';

/** `trace`: when the trace says, `speed` times as fast; else a number of requests per second. */
export type Pace = { readonly speed: number } | { readonly requestsPerSecond: number };

/** Reads the value of `--pace`: `trace`, `trace:SPEED` or a number of requests a second. Throws WorkloadError. */
export function parsePace(text: string): Pace {
  const [, speed] = /^trace(?::(\d{1,6}(?:\.\d{1,3})?))?$/.exec(text) ?? [];
  if (text === 'trace' || Number(speed) > 0) return { speed: Number(speed ?? 1) };
  const rate = /^\d{1,7}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (rate > 0) return { requestsPerSecond: rate };
  throw new WorkloadError(`--pace "${text}": expected trace, trace:SPEED or a number of requests a second`);
}

export class Pacer {
  readonly #pace: Pace;
  readonly #clock: MeasuredClock;
  /** Measured time at which the first request was due. */
  #startNs: number | null = null;
  #firstUs: number | null = null;
  #dueNs = 0;

  constructor(pace: Pace, clock: MeasuredClock) {
    this.#pace = pace;
    this.#clock = clock;
  }

  /**
   * Returns when request number `index` is due, at the earliest; gives the time on the clock's source at which it was.
   * Between slices the measured clock stands still, and so does the schedule.
   */
  waitFor(request: GuestRequest, index: number): number {
    const { time } = this.#clock;
    const nowNs = time.nowNs();
    const measuredNs = this.#clock.at(nowNs);
    this.#startNs ??= measuredNs;
    this.#dueNs = Math.max(this.#dueNs, this.#startNs + this.#afterStartNs(request, index));
    const dueNs = nowNs + this.#dueNs - measuredNs;
    time.waitUntil(dueNs);
    return dueNs;
  }

  #afterStartNs(request: GuestRequest, index: number): number {
    if ('requestsPerSecond' in this.#pace) return (index * 1e9) / this.#pace.requestsPerSecond;
    const atUs = 'atUs' in request ? request.atUs : undefined;
    // One that was put in between recorded ones, such as the flush at power-off, is due with the one before it.
    if (atUs === undefined && this.#firstUs !== null) return 0;
    if (atUs === undefined) {
      throw new WorkloadError(`--pace trace: request ${index + 1} (${request.op}) has no time; give a rate instead`);
    }
    this.#firstUs ??= atUs;
    return ((atUs - this.#firstUs) * 1000) / this.#pace.speed;
  }
}
