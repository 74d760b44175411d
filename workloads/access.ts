/** Access patterns that several synthetic workloads share. */
import { MiB } from '../engine/base/units.ts';
import { WorkloadError } from './errors.ts';
import type { Prng } from './prng.ts';
import type { GuestRequest } from './request.ts';

/** The order of the places of a workload is held in memory: 4 bytes each, 64 MiB at most. */
const MAX_PLACES = 16 * 1024 * 1024;

/** Writes `[offset, offset + length)` front to back in pieces of at most `pieceBytes`. */
export function* writeRange(offset: number, length: number, pieceBytes = MiB): Generator<GuestRequest> {
  for (let done = 0; done < length; done += pieceBytes) {
    yield { op: 'write', offset: offset + done, length: Math.min(pieceBytes, length - done) };
  }
}

/** Puts a flush after every `everyWrites` writes (0: never) and, if any were made, one at the end. */
export function* withFlushes(writes: Iterable<GuestRequest>, everyWrites: number): Generator<GuestRequest> {
  let sinceFlush = 0;
  for (const request of writes) {
    yield request;
    if (request.op !== 'write' || everyWrites === 0) continue;
    sinceFlush = (sinceFlush + 1) % everyWrites;
    if (sinceFlush === 0) yield { op: 'flush' };
  }
  if (sinceFlush > 0 || everyWrites === 0) yield { op: 'flush' };
}

/** How many requests {@link withFlushes} makes of `writes` writes. */
export function countWithFlushes(writes: number, everyWrites: number): number {
  return writes + (everyWrites === 0 ? 1 : Math.ceil(writes / everyWrites));
}

/** `count` writes of `lengthBytes` at random multiples of it below `spanBytes`. */
export function* randomWrites(
  prng: Prng,
  spanBytes: number,
  lengthBytes: number,
  count: number,
): Generator<GuestRequest> {
  const places = Math.floor(spanBytes / lengthBytes);
  for (let made = 0; made < count; made++) {
    yield { op: 'write', offset: prng.below(places) * lengthBytes, length: lengthBytes };
  }
}

/** The numbers below `count` in random order, each once. Throws {@link WorkloadError} above 16 Mi. */
export function shuffledPlaces(prng: Prng, count: number): Uint32Array {
  if (count > MAX_PLACES) throw new WorkloadError(`${count} places are too many to shuffle (at most ${MAX_PLACES})`);
  return prng.shuffle(Uint32Array.from({ length: count }, (_, index) => index));
}

/** Refuses requests that do not fit into the span that they are made in. */
export function requireFit(workload: string, requestBytes: number, spanBytes: number): void {
  if (requestBytes <= spanBytes) return;
  throw new WorkloadError(`workload ${workload}: --request-bytes ${requestBytes} is above --span ${spanBytes}`);
}
