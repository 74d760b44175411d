/** Totals of a request stream: the exact counts that reports name and tests compare. */
import { GUEST_OPS, type GuestOp, type GuestRequest, type RequestStream } from './request.ts';

export interface OpTotal {
  count: number;
  /** Sum of the lengths in bytes; 0 for operations that have none. */
  bytes: number;
}

/** What a stream asked for. Marks are counted but are no requests. */
export class RequestTotals {
  readonly byOp: Readonly<Record<GuestOp, OpTotal>>;
  /** Flushes with no write (of data or zeroes) since the flush before; the first counts when nothing precedes it. */
  flushesWithoutWrite = 0;
  /** End of the request that reaches farthest into the disk, in bytes. */
  highestEnd = 0;
  #writtenSinceFlush = false;

  constructor() {
    const entries = GUEST_OPS.map((op) => [op, { count: 0, bytes: 0 }] as const);
    this.byOp = Object.fromEntries(entries) as Record<GuestOp, OpTotal>;
  }

  get requests(): number {
    let sum = 0;
    for (const [op, total] of Object.entries(this.byOp)) if (op !== 'mark') sum += total.count;
    return sum;
  }

  add(request: GuestRequest): void {
    const total = this.byOp[request.op];
    total.count++;
    if ('length' in request) total.bytes += request.length;
    if (request.op === 'flush') {
      if (!this.#writtenSinceFlush) this.flushesWithoutWrite++;
      this.#writtenSinceFlush = false;
    }
    if (request.op === 'write' || request.op === 'write-zeroes') this.#writtenSinceFlush = true;
    if ('length' in request && request.op !== 'vmstate-write' && request.op !== 'vmstate-read') {
      this.highestEnd = Math.max(this.highestEnd, request.offset + request.length);
    }
  }
}

/** Runs through `requests` and counts them. */
export async function totalsOf(requests: RequestStream): Promise<RequestTotals> {
  const totals = new RequestTotals();
  for await (const batch of requests) for (const request of batch) totals.add(request);
  return totals;
}
