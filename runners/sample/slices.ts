/**
 * Cuts a request stream into slices whose write data is prepared beforehand: a slice is replayed in one go, on the
 * clock, without reading the trace or making data.
 *
 * Invariant: one slice is held at a time, its data at most {@link SLICE_BYTES} or what is in flight at once, whichever is larger.
 */
import { Qcow2Error } from '../../engine/index.ts';
import type { GuestRequest, RequestStream } from '../../workloads/request.ts';
import type { RequestFacts } from './cascades.ts';

const SLICE_BYTES = 4 * 1024 * 1024;
const SLICE_REQUESTS = 256;
/** A single request may need this much memory; real guests stay below 2 MiB, zeroing tools below 32 MiB. */
const MAX_REQUEST_BYTES = 64 * 1024 * 1024;
/** The same for all that are in flight at once. */
const MAX_TURN_BYTES = 128 * 1024 * 1024;

/** A request and what it needs: the data to write, or room to read into, and what is noted of it. */
export interface PreparedRequest {
  readonly request: GuestRequest;
  /** Counts the requests of the stream from 0, marks left out. */
  readonly index: number;
  readonly bytes: Uint8Array;
  /** Made here, off the clock, as who serves it alone needs it. */
  readonly facts: readonly [RequestFacts];
}

/** Makes the data of requests; called in the order of the stream. */
export interface DataSource {
  /** Puts the data of the request with this serial number (from 1) into `into`. */
  apply(request: GuestRequest, serial: number, into: Uint8Array): void;
}

const NOTHING = new Uint8Array(0);

/**
 * The slices of `requests`; serial numbers begin after `serialBase`. `mark` is called with the names of phases as they begin.
 * @throws Qcow2Error OUT_OF_RANGE for a request that ends past `diskSizeBytes`, UNSUPPORTED for one too long to hold.
 */
export async function* slices(
  requests: RequestStream,
  diskSizeBytes: number,
  data: DataSource,
  serialBase: number,
  mark: (text: string, nextIndex: number) => void = () => {},
): AsyncGenerator<readonly PreparedRequest[]> {
  const room = new Room();
  let slice: PreparedRequest[] = [];
  let index = 0;
  for await (const batch of requests) {
    for (const turn of turnsOf(batch)) {
      const [first] = turn;
      if (first!.op === 'mark') {
        mark(first!.text, index);
        continue;
      }
      const turnBytes = checkedLength(turn, index, diskSizeBytes);
      if (slice.length + turn.length > SLICE_REQUESTS || !room.holds(turnBytes)) {
        if (slice.length > 0) yield slice;
        slice = [];
        room.clear(turnBytes);
      }
      for (const request of turn) {
        const length = dataLength(request);
        const bytes = length === 0 ? NOTHING : room.take(length);
        data.apply(request, serialBase + index + 1, bytes);
        slice.push(preparedRequest(request, index, bytes));
        index++;
      }
    }
  }
  if (slice.length > 0) yield slice;
}

export function preparedRequest(request: GuestRequest, index: number, bytes: Uint8Array): PreparedRequest {
  const offset = 'offset' in request ? request.offset : 0;
  const length = 'length' in request ? request.length : 0;
  return { request, index, bytes, facts: [{ index, op: request.op, offset, length }] };
}

/** What is in flight at once, never in two slices: each request alone, or a batch that several requesters send. */
function turnsOf(batch: readonly GuestRequest[]): (readonly GuestRequest[])[] {
  return batch[0]?.turn === undefined ? batch.map((request) => [request]) : [batch];
}

/** The data of a turn, in bytes. */
function checkedLength(turn: readonly GuestRequest[], index: number, diskSizeBytes: number): number {
  let bytes = 0;
  for (const [place, request] of turn.entries()) {
    checkRequest(request, index + place, diskSizeBytes);
    bytes += dataLength(request);
  }
  if (turn.length === 1 || bytes <= MAX_TURN_BYTES) return bytes;
  throw new Qcow2Error(
    'UNSUPPORTED',
    `requests ${index + 1} to ${index + turn.length}, in flight at once, have ${bytes} bytes: ${MAX_TURN_BYTES} at most, so fewer requesters or shorter requests`,
  );
}

/** One buffer that the slices share, one after the other. */
class Room {
  #bytes = new Uint8Array(SLICE_BYTES);
  #used = 0;

  holds(length: number): boolean {
    return this.#used + length <= this.#bytes.length;
  }

  clear(nextLength: number): void {
    this.#used = 0;
    if (nextLength > this.#bytes.length) this.#bytes = new Uint8Array(nextLength);
  }

  take(length: number): Uint8Array {
    this.#used += length;
    return this.#bytes.subarray(this.#used - length, this.#used);
  }
}

function carriesData(request: GuestRequest): boolean {
  return request.op === 'read' || request.op === 'write' || isVmState(request);
}

function isVmState(request: GuestRequest): boolean {
  return request.op === 'vmstate-read' || request.op === 'vmstate-write';
}

function dataLength(request: GuestRequest): number {
  return carriesData(request) && 'length' in request ? request.length : 0;
}

/** Refused here, where the number of the request is known, before anything of it is done. */
function checkRequest(request: GuestRequest, index: number, diskSizeBytes: number): void {
  if (!('length' in request)) return;
  const { op, offset, length } = request;
  const what = `request ${index + 1} (${op} of ${length} bytes at offset ${offset})`;
  if (!isVmState(request) && offset + length > diskSizeBytes) {
    throw new Qcow2Error('OUT_OF_RANGE', `${what} ends past the end of the disk, which has ${diskSizeBytes} bytes`);
  }
  if (dataLength(request) > MAX_REQUEST_BYTES) {
    throw new Qcow2Error('UNSUPPORTED', `${what} is too long: one request may have ${MAX_REQUEST_BYTES} bytes`);
  }
}
