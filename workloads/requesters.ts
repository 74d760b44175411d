/**
 * `--requesters`: one stream sent by several requesters at once. Each takes a part of it, up to and with the next flush, sends its requests
 * one after the other, and then takes another part. A *turn* is what is in flight at once: one request of each requester.
 *
 * The requests are the same whatever the number of requesters; only their order changes, and what is in flight together.
 */
import type { BlockRequest } from '../engine/disk/request.ts';
import type { GuestRequest, RequestStream } from './request.ts';

/** This many requests without a flush are split evenly, before the flush that ends them is known. */
const LONGEST_PART = 4096;

/** More requesters would only queue. */
export const MOST_REQUESTERS = 256;

type Part = readonly GuestRequest[];

/** Has `requests` sent by N requesters. Phases begin, and what is about more than guest blocks is done, while nothing is in flight. */
export async function* sentBy(requesters: number, requests: RequestStream): AsyncGenerator<readonly GuestRequest[]> {
  if (requesters === 1) {
    yield* requests;
    return;
  }
  const dealer = new Dealer(requesters);
  for await (const batch of requests) for (const request of batch) yield* dealer.take(request);
  yield* dealer.rest();
}

class Dealer {
  readonly #requesters: number;
  #parts: Part[] = [];
  #open: GuestRequest[] = [];
  #turn = 0;

  constructor(requesters: number) {
    this.#requesters = requesters;
  }

  *take(request: GuestRequest): Generator<Part> {
    if (!isBlockRequest(request)) {
      yield* this.rest();
      yield [request];
      return;
    }
    this.#open.push(request);
    if (request.op === 'flush') this.#close();
    if (this.#parts.length === this.#requesters || this.#open.length === LONGEST_PART) yield* this.rest();
  }

  /** What was taken and not sent yet. */
  *rest(): Generator<Part> {
    this.#close();
    const parts = this.#parts;
    this.#parts = [];
    if (parts.length > 1) yield* this.#turns(parts);
    else if (parts.length === 1) yield* this.#shared(parts[0]!);
  }

  #close(): void {
    if (this.#open.length > 0) this.#parts.push(this.#open);
    this.#open = [];
  }

  /** One part for all: its requests are shared out, and its flush comes after them. */
  *#shared(part: Part): Generator<Part> {
    const isFlushed = part.at(-1)!.op === 'flush';
    const changes = isFlushed ? part.slice(0, -1) : part;
    const each = Math.ceil(changes.length / this.#requesters);
    const parts = Array.from({ length: this.#requesters }, (_, index) =>
      changes.slice(index * each, (index + 1) * each),
    );
    yield* this.#turns(parts);
    if (isFlushed) yield [part.at(-1)!];
  }

  *#turns(parts: readonly Part[]): Generator<Part> {
    const longest = Math.max(...parts.map(({ length }) => length));
    for (let at = 0; at < longest; at++) {
      const together = parts.flatMap((part, requester) => {
        const request = part[at];
        return request === undefined ? [] : [{ requester, request }];
      });
      for (const turn of withoutOverlaps(together)) {
        this.#turn++;
        yield turn.map(({ requester, request }) => ({ ...request, requester, turn: this.#turn }));
      }
    }
  }
}

interface Sent {
  readonly requester: number;
  readonly request: GuestRequest;
}

/** No program has two requests on the same sectors in flight: the later one waits for the earlier. */
function* withoutOverlaps(together: readonly Sent[]): Generator<readonly Sent[]> {
  let turn: Sent[] = [];
  for (const sent of together) {
    if (turn.some(({ request }) => overlap(request, sent.request))) {
      yield turn;
      turn = [];
    }
    turn.push(sent);
  }
  if (turn.length > 0) yield turn;
}

function isBlockRequest({ op }: GuestRequest): boolean {
  return (['read', 'write', 'write-zeroes', 'discard', 'flush'] satisfies BlockRequest['op'][] as string[]).includes(
    op,
  );
}

function overlap(a: GuestRequest, b: GuestRequest): boolean {
  if (!('length' in a && 'length' in b)) return false;
  return a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}
