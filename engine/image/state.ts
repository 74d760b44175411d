/** An open image: what the modules of this folder share. One owner, one thread. */
import type { CachePolicy } from '../cache/policy.ts';
import type { Stage } from '../cache/stage.ts';
import type { TableCache } from '../cache/table-cache.ts';
import type { Header } from '../format/header.ts';
import type { SnapshotEntry } from '../format/snapshot-table.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { HostRange } from './entries.ts';
import type { FeatureBits } from './feature-bits.ts';
import type { Geometry } from './geometry.ts';
import type { L1Table } from './l1-table.ts';
import type { OverlapGuard } from './overlap.ts';

/** What lies under an image, or a plain disk: guest bytes by offset. Reads past `sizeBytes` are the caller's to avoid. */
export interface GuestDisk {
  readonly sizeBytes: number;
  read(offset: number, into: Uint8Array): void;
  close?(): void;
}

/** The refcount table in memory: host offset of each refcount block, 0 where there is none. */
export interface RefcountTable {
  offset: number;
  clusterCount: number;
  blockOffsets: Float64Array;
}

export interface ImageState {
  readonly file: BlockFile;
  /** The outermost layer of `file`, which knows where the metadata lies. */
  readonly guard: OverlapGuard;
  readonly geometry: Geometry;
  /** As decoded at open. What changes while the image is open stands in the fields below. */
  readonly header: Header;
  sizeBytes: number;
  readonly stage: Stage;
  readonly policy: CachePolicy;
  readonly l2: TableCache;
  readonly refcounts: TableCache;
  readonly refcountTable: RefcountTable;
  readonly backing: GuestDisk | null;
  /** Where guest data lies when it is not in the image file (qcow2.rst, "external data file"); null otherwise. */
  readonly dataFile: BlockFile | null;
  /** One cluster, for copy-on-write. */
  readonly copyBuffer: Uint8Array;
  readonly features: FeatureBits;
  /** Refcounts are not ordered before references; the dirty bit says so, and a repair at the next open makes up for it. */
  readonly lazyRefcounts: boolean;
  l1: L1Table;
  /** The search for free clusters starts here; no cluster below it is free. Host cluster index. */
  freeClusterIndex: number;
  /** Where the next compressed cluster may go, inside a host cluster that others share; 0: nowhere. */
  freeByteOffset: number;
  /** Discarded host ranges, to be punched once their freeing is durable; null when nothing is punched. */
  freedRanges: HostRange[] | null;
  snapshots: SnapshotEntry[];
  snapshotsOffset: number;
}

/** The file that guest data lies in. */
export function dataFileOf(state: ImageState): BlockFile {
  return state.dataFile ?? state.file;
}
