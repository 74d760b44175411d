/**
 * Changes made to a request stream on its way to the engine. Each takes a stream and gives one; batches stay batches.
 *
 * `--guest-flush`: a guest of 2011 mounted without barriers hardly flushes, a guest of today does so after every commit.
 * `--discard`: a guest's disk ignores discards unless it is configured to pass them on.
 */
import { WorkloadError } from './errors.ts';
import type { GuestRequest, RequestStream } from './request.ts';

/** `everyWrites`: a flush after every N writes, in place of the recorded ones. */
export type GuestFlush = 'recorded' | 'none' | { readonly everyWrites: number };

/** `ignore` drops discards and zeroes that may unmap. */
export type GuestDiscard = 'ignore' | 'unmap';

/** Reads the value of `--guest-flush`: `recorded`, `none` or `every:N`. Throws {@link WorkloadError}. */
export function parseGuestFlush(text: string): GuestFlush {
  if (text === 'recorded' || text === 'none') return text;
  const everyWrites = /^every:([1-9]\d{0,14})$/.exec(text)?.[1];
  if (everyWrites !== undefined) return { everyWrites: Number(everyWrites) };
  throw new WorkloadError(`--guest-flush "${text}": expected recorded, none or every:N with N from 1`);
}

/**
 * Applies a {@link GuestFlush}. Writes of data and of zeroes count as writes. `none` keeps one flush, at the very end: even a
 * guest without barriers leaves a durable disk when it is powered off. With `every:N` writes left at the end get no flush.
 */
export function withGuestFlush(requests: RequestStream, flush: GuestFlush): RequestStream {
  if (flush === 'recorded') return requests;
  if (flush === 'none') return flushedAtEnd(withoutOps(requests, (request) => request.op === 'flush'));
  return flushEvery(requests, flush.everyWrites);
}

/** Applies a {@link GuestDiscard}. */
export function withGuestDiscard(requests: RequestStream, discard: GuestDiscard): RequestStream {
  if (discard === 'unmap') return requests;
  return withoutOps(requests, (r) => r.op === 'discard' || (r.op === 'write-zeroes' && r.mayUnmap));
}

/** At most `limit` requests, marks not counted, and the source is closed after them. */
export async function* limited(requests: RequestStream, limit: number): AsyncGenerator<readonly GuestRequest[]> {
  let left = limit;
  if (left <= 0) return;
  for await (const batch of requests) {
    const kept: GuestRequest[] = [];
    for (const request of batch) {
      if (left === 0) break;
      kept.push(request);
      if (request.op !== 'mark') left--;
    }
    yield kept;
    if (left === 0) return;
  }
}

async function* withoutOps(
  requests: RequestStream,
  dropped: (request: GuestRequest) => boolean,
): AsyncGenerator<readonly GuestRequest[]> {
  for await (const batch of requests) yield batch.filter((request) => !dropped(request));
}

async function* flushedAtEnd(requests: RequestStream): AsyncGenerator<readonly GuestRequest[]> {
  yield* requests;
  yield [{ op: 'flush' }];
}

async function* flushEvery(requests: RequestStream, everyWrites: number): AsyncGenerator<readonly GuestRequest[]> {
  let sinceFlush = 0;
  for await (const batch of requests) {
    const changed: GuestRequest[] = [];
    for (const request of batch) {
      if (request.op === 'flush') continue;
      changed.push(request);
      if (request.op !== 'write' && request.op !== 'write-zeroes') continue;
      if (++sinceFlush < everyWrites) continue;
      changed.push(request.atUs === undefined ? { op: 'flush' } : { op: 'flush', atUs: request.atUs });
      sinceFlush = 0;
    }
    yield changed;
  }
}
