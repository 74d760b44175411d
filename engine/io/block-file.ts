/**
 * The contract between the engine and the file that holds an image: bytes, offsets and barriers, nothing else.
 *
 * Every access says what it touches ({@link TableKind}) and every sync says why it was made ({@link SyncCause}), so that
 * wrappers can count, trace, time, delay, fail or crash a run without knowing the format.
 *
 * Invariants of every implementation:
 *  1. `read` fills the whole buffer; bytes past the end of the file are zero.
 *  2. `write` is complete or throws; a write past the end extends the file, the gap reads as zeros.
 *  3. When `sync` returns, every write that returned before it was called is durable (unless the host cache mode is `unsafe`).
 *  4. Once a `sync` has failed the file is poisoned: later writes and syncs throw, because the operating system may
 *     have dropped the very pages that failed. Reads still work.
 */

import type { TableKind } from '../base/table-kind.ts';

export { TABLE_KINDS, type TableKind } from '../base/table-kind.ts';

/** Why a sync was made: the answer to "which order, or which promise, was paid for here?" */
export const SYNC_CAUSES = [
  /** The guest asked for durability: the sync that keeps that promise. */
  'guest-flush',
  /** Ends the write-out of a whole table cache that was asked for directly (guest flush, close). */
  'cache-flush',
  /** Ends the write-out of a table cache that another cache depends on. */
  'dependency',
  /** Data and copied data before the L2 entry that will name them. */
  'data-before-mapping',
  /** Refcounts before the new table or cluster that relies on them. */
  'refcounts-before-table',
  /** A new table before the pointer that publishes it. */
  'table-before-pointer',
  /** The pointer itself: an L1 sector, a refcount table entry, a header field. */
  'hook-up',
  /** L2 entries before the refcounts of the clusters that they no longer name. */
  'mapping-before-free',
  /** Inside a snapshot walk, after each refcount. */
  'snapshot-walk',
  /** A snapshot's L1 copy or snapshot table. */
  'snapshot-table',
  /** A table cache switches to writethrough. */
  'mode-switch',
  'close',
  'other',
] as const;
/** Why the engine syncs: one of {@link SYNC_CAUSES}. */
export type SyncCause = (typeof SYNC_CAUSES)[number];

/** A stretch of a file that the file system stores, or a hole. */
export interface FileExtent {
  readonly isHole: boolean;
  readonly endOffset: number;
}

/** A file as the engine sees it: offsets and lengths in bytes, a sync with its cause, and a promise kept after errors. */
export interface BlockFile {
  /** Path or other name, for error messages. */
  readonly name: string;
  /** True when every write is durable on return (O_DSYNC): small ordered writes then need no sync after them. */
  readonly writesAreDurable: boolean;
  /** True in host cache mode `unsafe`: `sync` does nothing and no sync reaches the operating system. */
  readonly ignoresSyncs: boolean;
  readonly readOnly: boolean;
  /** True where a write must be whole sectors of 512 bytes (O_DIRECT). */
  readonly sectorsOnly: boolean;
  sizeBytes(): number;
  /** Fills `into` from byte `offset`; zeros past the end of the file. */
  read(offset: number, into: Uint8Array, kind: TableKind): void;
  write(offset: number, from: Uint8Array, kind: TableKind): void;
  sync(cause: SyncCause): void;
  /** Cuts or extends the file to `sizeBytes`; extended bytes read as zero. */
  truncate(sizeBytes: number): void;
  /**
   * Gives the range back to the file system where the platform can; it then reads as zeros.
   * Returns false, having done nothing, where it cannot.
   */
  punchHole(offset: number, lengthBytes: number): boolean;
  /**
   * Takes space for the range now, so that later writes there cannot fail for lack of it; what lies past the end becomes part of the
   * file and reads as zeros. Returns false, having done nothing, where the file system cannot.
   */
  preallocate(offset: number, lengthBytes: number): boolean;
  /** Whether the file system stores what lies at `offset`, below the end of the file; null where it cannot say. */
  extentAt(offset: number): FileExtent | null;
  close(): void;
}

/** How the host opens the image file; a separate axis from the metadata cache policy. */
export const HOST_CACHE_MODES = ['writethrough', 'writeback', 'none', 'directsync', 'unsafe'] as const;
/** How the host caches a file: one of {@link HOST_CACHE_MODES}. */
export type HostCacheMode = (typeof HOST_CACHE_MODES)[number];
