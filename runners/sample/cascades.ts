/**
 * Keeps the file operations of the few guest requests that explain a policy best: for each kind of request the one with
 * the most syncs (then the most file operations, then the earliest), the slowest of all, and those that are the same for every
 * policy ({@link GuestChoice}), so that policies can be compared by one request.
 *
 * Invariant: at most {@link MAX_EVENTS} events a request and two requests a kind are held.
 */
import { kindOf, type Operation, type ServedRequest, unhandled } from '../../engine/index.ts';
import type { Cascade } from '../../results/record.ts';
import { chosenTitle, GuestChoice } from './guest-choice.ts';

type CascadeEvent = Cascade['events'][number];

export const MAX_EVENTS = 512;

export interface RequestFacts extends ServedRequest {
  readonly index: number;
  readonly offset: number;
  readonly length: number;
}

interface Served {
  readonly requests: Batch;
  readonly durationNs: number;
  readonly syncs: number;
  readonly operations: number;
  readonly startNs: number;
  readonly events: readonly CascadeEvent[];
}

/** Requests that are served at once: mostly one. */
type Batch = readonly [RequestFacts, ...RequestFacts[]];

export class CascadeCollector {
  readonly #busiest = new Map<string, Served>();
  readonly #choice = new GuestChoice();
  /** By operation. */
  readonly #chosen = new Map<string, Served>();
  #slowest: Served | null = null;
  /** Their `startNs` is on the clock of the operations. */
  #events: CascadeEvent[] = [];
  #operations = 0;
  #syncs = 0;

  take(operation: Operation, startNs: number, durationNs: number): void {
    this.#operations++;
    if (operation.op === 'sync') this.#syncs++;
    if (this.#events.length < MAX_EVENTS) this.#events.push({ ...wordsFor(operation), startNs, durationNs });
  }

  /** `requests` have been served, together; that began at `startNs` on the events' clock and took `durationNs`. */
  served(requests: Batch, startNs: number, durationNs: number): void {
    const chosen = this.#choice.takes(requests);
    if (this.#operations === 0 && !chosen) return;
    const served = {
      requests,
      durationNs,
      startNs,
      syncs: this.#syncs,
      operations: this.#operations,
      events: this.#events,
    };
    if (chosen) this.#chosen.set(requests[0].op, served);
    const extreme = this.#operations > 0 && this.#keepExtremes(served);
    // A kept request owns its list; another one can be used again.
    if (chosen || extreme) this.#events = [];
    else this.#events.length = 0;
    this.#operations = 0;
    this.#syncs = 0;
  }

  /** True when it is the busiest of its kind so far, or the slowest. */
  #keepExtremes(served: Served): boolean {
    const kind = kindOf(served.requests);
    const busiest = this.#busiest.get(kind);
    const isBusiest = busiest === undefined || busier(served, busiest);
    if (isBusiest) this.#busiest.set(kind, served);
    const isSlowest = this.#slowest === null || served.durationNs > this.#slowest.durationNs;
    if (isSlowest) this.#slowest = served;
    return isBusiest || isSlowest;
  }

  build(): Cascade[] {
    const busiest = [...this.#busiest.values()].map((served) => toCascade(titleOf(served), served));
    const chosen = this.#choice.holds
      ? [...this.#chosen].map(([op, served]) => toCascade(chosenTitle(op), served))
      : [];
    if (this.#slowest === null || [...this.#busiest.values()].includes(this.#slowest)) return [...busiest, ...chosen];
    return [...busiest, toCascade('the slowest guest request', this.#slowest), ...chosen];
  }
}

function busier(a: Served, b: Served): boolean {
  return a.syncs > b.syncs || (a.syncs === b.syncs && a.operations > b.operations);
}

function titleOf({ requests, syncs }: Served): string {
  const kind = kindOf(requests);
  if (kind === 'open') return 'opening the image';
  if (kind === 'close') return 'closing the image';
  return `the guest ${kind} with the most ${syncs > 0 ? 'syncs' : 'file operations'}`;
}

function toCascade(title: string, { requests, durationNs, startNs, events }: Served): Cascade {
  const [request] = requests;
  return {
    title,
    request: { index: request.index, op: request.op, offset: request.offset, lengthBytes: request.length },
    ...(requests.length > 1 && { together: requests.length }),
    durationNs: Math.round(durationNs),
    events: events.map((event) => ({
      ...event,
      startNs: Math.max(0, Math.round(event.startNs - startNs)),
      durationNs: Math.max(0, Math.round(event.durationNs)),
    })),
  };
}

/** An operation in the terms of the record. */
function wordsFor(operation: Operation): Pick<CascadeEvent, 'op' | 'what' | 'offset' | 'lengthBytes'> {
  const { op } = operation;
  switch (op) {
    case 'read':
    case 'write':
      return { op, what: operation.kind, offset: operation.offset, lengthBytes: operation.bytes.length };
    case 'sync':
      return { op, what: operation.cause, offset: 0, lengthBytes: 0 };
    case 'truncate':
      return { op, what: 'other', offset: operation.sizeBytes, lengthBytes: 0 };
    case 'punch':
    case 'preallocate':
      return { op, what: 'data', offset: operation.offset, lengthBytes: operation.lengthBytes };
    default:
      return unhandled(operation);
  }
}
