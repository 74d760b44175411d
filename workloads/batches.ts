/** Request streams out of plain generators and out of one another. */
import { BATCH_REQUESTS, type GuestRequest, type RequestStream } from './request.ts';

/** The requests of a generator in batches; nothing is made before it is asked for. */
export async function* batched(requests: Iterable<GuestRequest>): AsyncGenerator<readonly GuestRequest[]> {
  let batch: GuestRequest[] = [];
  for (const request of requests) {
    batch.push(request);
    if (batch.length < BATCH_REQUESTS) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** One stream after the other. */
export async function* inSequence(...streams: readonly RequestStream[]): AsyncGenerator<readonly GuestRequest[]> {
  for (const stream of streams) yield* stream;
}

/** A stream without requests. */
export function noRequests(): RequestStream {
  return batched([]);
}
