/**
 * What is asked of a disk, as data: the one vocabulary of workloads, recordings, crash workloads, op scripts and servers.
 * Offsets and lengths are bytes.
 */

/** What a guest asks of any disk. */
export type BlockRequest =
  | { readonly op: 'read'; readonly offset: number; readonly length: number }
  /** `durable`: acknowledged only when it would survive a power cut. */
  | { readonly op: 'write'; readonly offset: number; readonly length: number; readonly durable?: boolean }
  | { readonly op: 'discard'; readonly offset: number; readonly length: number; readonly durable?: boolean }
  | {
      readonly op: 'write-zeroes';
      readonly offset: number;
      readonly length: number;
      readonly mayUnmap: boolean;
      readonly durable?: boolean;
      /** Refuse rather than write zeros out. */
      readonly fast?: boolean;
    }
  | { readonly op: 'flush' };

/** What the owner of a guest asks of its image; VM state counts its offsets from its own start. */
export type StateRequest =
  | { readonly op: 'vmstate-write'; readonly offset: number; readonly length: number }
  | { readonly op: 'vmstate-read'; readonly offset: number; readonly length: number }
  | {
      readonly op: 'snapshot-create';
      readonly name: string;
      /** Default: what was written since the snapshot before. */
      readonly vmStateBytes?: number;
      /** Unix time; default 0. */
      readonly dateSeconds?: number;
    }
  | { readonly op: 'snapshot-apply' | 'snapshot-delete'; readonly name: string };

/** What only tools ask of an image. */
export type ToolRequest =
  | { readonly op: 'write-compressed'; readonly offset: number; readonly length: number }
  | { readonly op: 'resize'; readonly sizeBytes: number };

/** Anything that can be asked of a disk by {@link perform}. */
export type DiskRequest = BlockRequest | StateRequest | ToolRequest;

/** Close the image and open it again, with cold caches: what no open disk can do on its own. */
export interface ReopenRequest {
  readonly op: 'reopen';
}
