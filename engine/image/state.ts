/** An open image: its parts, put together. One owner, one thread. */
import type { Behaviour } from '../cache/behaviour.ts';
import type { CachePolicy, SnapshotWalk } from '../cache/policy.ts';
import type { TableCache } from '../cache/table-cache.ts';
import type { GuestDisk } from '../disk/device.ts';
import type { Header } from '../format/header.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { DurableFile } from '../io/durability.ts';
import { ActiveL1 } from './active-l1.ts';
import type { Allocator } from './allocator.ts';
import type { AttemptedWrites } from './attempted-writes.ts';
import { L2Entries } from './entries.ts';
import type { FeatureBits } from './feature-bits.ts';
import { FreeAtOnce } from './free-at-once.ts';
import type { Geometry, HostRange } from './geometry.ts';
import { L2Tables } from './l2-tables.ts';
import type { OverlapGuard } from './overlap.ts';
import { Refcounts } from './refcounts.ts';
import type { Seal } from './sealed-file.ts';
import type { ImageVars } from './vars.ts';

/** What the parts are made from. */
export interface ImageBase {
  readonly file: DurableFile;
  /** Of both files: closed, it ends all writing. */
  readonly seal: Seal;
  readonly attempts: AttemptedWrites;
  /** The layer of `file` that knows where the metadata lies. */
  readonly guard: OverlapGuard;
  readonly geometry: Geometry;
  /** As decoded at open. What changes while the image is open is in `vars`. */
  readonly header: Header;
  readonly vars: ImageVars;
  readonly behaviour: Behaviour;
  readonly policy: CachePolicy;
  readonly snapshotWalk: SnapshotWalk;
  readonly l2: TableCache;
  readonly refcounts: TableCache;
  readonly backing: GuestDisk | null;
  /** Where guest data lies when it is not in the image file (qcow2.rst, "external data file"); null otherwise. */
  readonly dataFile: DurableFile | null;
  /** One cluster, for copy-on-write. */
  readonly copyBuffer: Uint8Array;
  readonly features: FeatureBits;
  /** Refcounts are not ordered before references; the dirty bit says so, and a repair at the next open makes up for it. */
  readonly lazyRefcounts: boolean;
  /** Discarded host ranges, to be punched once their freeing is durable; null when nothing is punched. */
  freedRanges: HostRange[] | null;
}

export interface ImageState extends ImageBase {
  readonly counts: Refcounts;
  readonly allocator: Allocator;
  readonly entries: L2Entries;
  readonly activeL1: ActiveL1;
  readonly tables: L2Tables;
}

export function assemble(base: ImageBase): ImageState {
  const { file, geometry, header } = base;
  // A refcount table that was replaced is released like any other clusters; only here do the two know each other.
  const counts: Refcounts = new Refcounts(base, (ranges, dropped) => allocator.release(ranges, dropped));
  const allocator: Allocator = new FreeAtOnce({ ...base, counts });
  const hasDataFile = base.dataFile !== null;
  const entries = new L2Entries({ fileName: file.name, geometry, version: header.version, hasDataFile });
  const activeL1 = new ActiveL1({ ...base, allocator });
  const tables = new L2Tables({ ...base, allocator, activeL1 });
  return { ...base, counts, allocator, entries, activeL1, tables };
}

/** The file that guest data lies in. */
export function dataFileOf(state: ImageState): BlockFile {
  return state.dataFile ?? state.file;
}
