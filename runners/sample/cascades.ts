/**
 * Keeps the file operations of the few guest requests that explain a policy best: for each kind of request the one with
 * the most syncs (then the most file operations, then the earliest), and the slowest of all.
 *
 * Invariant: at most {@link MAX_EVENTS} events a request and one request a kind are held.
 */
import { kindOf, type Operation, type ServedRequest, unhandled } from '../../engine/index.ts';
import type { Cascade } from '../../results/record.ts';

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
    if (this.#operations === 0) return;
    const kind = kindOf(requests);
    const served = {
      requests,
      durationNs,
      startNs,
      syncs: this.#syncs,
      operations: this.#operations,
      events: this.#events,
    };
    const busiest = this.#busiest.get(kind);
    if (busiest === undefined || busier(served, busiest)) this.#busiest.set(kind, served);
    if (this.#slowest === null || durationNs > this.#slowest.durationNs) this.#slowest = served;
    // A kept request owns its list; another one can be used again.
    const kept = this.#busiest.get(kind) === served || this.#slowest === served;
    if (kept) this.#events = [];
    else this.#events.length = 0;
    this.#operations = 0;
    this.#syncs = 0;
  }

  build(): Cascade[] {
    const busiest = [...this.#busiest.values()].map((served) => toCascade(titleOf(served), served));
    if (this.#slowest === null || [...this.#busiest.values()].includes(this.#slowest)) return busiest;
    return [...busiest, toCascade('the slowest guest request', this.#slowest)];
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
