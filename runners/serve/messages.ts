/** What the server and the thread of an image say to each other. One image belongs to one thread. */
import type { HostCacheMode, PolicyName, ReserveOptions } from '../../engine/index.ts';
import type { NbdWork, Outcome } from '../../engine/nbd/index.ts';
import type { ImageFormat } from '../image-tool/disks.ts';
import type { ServerStats } from './server-stats.ts';
import type { SharedPlace } from './shared-memory.ts';

/** Which image a thread opens, and how. */
export interface ImageChoice {
  readonly imagePath: string;
  readonly format: ImageFormat;
  /** Serve no image but a disk of this size that keeps nothing. */
  readonly nullBytes?: number;
  readonly readOnly: boolean;
  readonly policy: PolicyName | null;
  /** Absent: as the policy has it. */
  readonly reserve?: ReserveOptions;
  readonly cache: HostCacheMode;
  /** Offer each internal snapshot as well, to be read. */
  readonly snapshots: boolean;
  /** Names in the image's header may be followed; into these folders, or that of the image itself where there are none. */
  readonly allowBacking: boolean;
  readonly folders: readonly string[];
}

/** A disk that the thread serves: the image itself, and its snapshots. */
export interface ServedDisk {
  /** Null for the image itself. */
  readonly snapshot: string | null;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
}

export interface WireRequest {
  /** The server's own number, given back in the answer. */
  readonly id: number;
  /** Index of the disk among those that the thread offered. */
  readonly disk: number;
  readonly work: NbdWork;
  /** Where in the shared memory the bytes of a write are, or those of a read go. */
  readonly place?: SharedPlace;
  /** The bytes of a write for which there was no shared memory. */
  readonly payload?: Uint8Array<ArrayBuffer>;
  /** Number of the client that asks. */
  readonly client: number;
}

export interface WireAnswer {
  readonly id: number;
  readonly outcome: Outcome;
}

export interface ThreadSetup {
  readonly image: ImageChoice;
  /** One 32-bit number that grows with each message to the thread: it can sleep on it while it is not at its event loop. */
  readonly bell: SharedArrayBuffer;
  /** See `shared-memory.ts`. */
  readonly memory: SharedArrayBuffer;
}

export type ToThread =
  | { readonly kind: 'requests'; readonly requests: readonly WireRequest[] }
  | { readonly kind: 'left'; readonly client: number }
  | { readonly kind: 'stats' }
  | { readonly kind: 'close' };

export type FromThread =
  | { readonly kind: 'opened'; readonly disks: readonly ServedDisk[] }
  | { readonly kind: 'answers'; readonly answers: readonly WireAnswer[] }
  | { readonly kind: 'stats'; readonly stats: ServerStats }
  /** Opening or closing failed; a bad image or a failing device when `expected`, else a defect. */
  | { readonly kind: 'failed'; readonly message: string; readonly expected: boolean }
  | { readonly kind: 'closed'; readonly stats: ServerStats };
