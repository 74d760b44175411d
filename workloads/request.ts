/**
 * What a guest asks of its disk. A workload is a stream of these, the same for every policy and engine.
 * Offsets and lengths are bytes, multiples of 512. `atUs` is the time since the start of a recorded trace.
 */
export type GuestRequest =
  | {
      readonly op: 'read' | 'write' | 'discard';
      readonly offset: number;
      readonly length: number;
      readonly atUs?: number;
    }
  | {
      readonly op: 'write-zeroes';
      readonly offset: number;
      readonly length: number;
      readonly mayUnmap: boolean;
      readonly atUs?: number;
    }
  | { readonly op: 'flush'; readonly atUs?: number }
  | { readonly op: 'vmstate-write' | 'vmstate-read'; readonly offset: number; readonly length: number }
  | { readonly op: 'snapshot-create' | 'snapshot-apply' | 'snapshot-delete'; readonly name: string }
  /** Close and open again, with cold caches. */
  | { readonly op: 'reopen' }
  /** Names the requests that follow, for reports. */
  | { readonly op: 'mark'; readonly text: string };

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
