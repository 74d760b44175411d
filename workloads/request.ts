/**
 * What a guest asks of its disk. A workload is a stream of these, the same for every policy and engine.
 */
import type { BlockRequest, ReopenRequest, StateRequest } from '../engine/disk/request.ts';

/** Offsets and lengths are bytes, multiples of 512. `atUs` is the time since the start of a recorded trace, in microseconds. */
export type GuestRequest = (BlockRequest | StateRequest | ReopenRequest | MarkRequest) & {
  readonly atUs?: number;
  /** Which of several requesters sends it; requests with the same `turn` are in flight at once. See `requesters.ts`. */
  readonly requester?: number;
  readonly turn?: number;
};

/** Names the requests that follow, for reports. */
interface MarkRequest {
  readonly op: 'mark';
  readonly text: string;
}

export type GuestOp = GuestRequest['op'];

/** Every operation, in the order of reports. */
export const GUEST_OPS = [
  'read',
  'write',
  'write-zeroes',
  'discard',
  'flush',
  'vmstate-write',
  'vmstate-read',
  'snapshot-create',
  'snapshot-apply',
  'snapshot-delete',
  'reopen',
  'mark',
] as const satisfies readonly GuestOp[];

/** Requests arrive in batches, so that a trace is never held whole and progress can be shown between batches. */
export type RequestStream = AsyncIterable<readonly GuestRequest[]>;

/** How many requests a batch has, about. */
export const BATCH_REQUESTS = 1024;
