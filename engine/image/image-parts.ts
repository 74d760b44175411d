/** An open image: its parts, put together from the bottom up. One owner, one thread. */

import type { Allocator, AllocatorFactory } from '../cache/allocator.ts';
import type { Behaviour } from '../cache/behaviour.ts';
import type { CachePolicy, SnapshotWalk } from '../cache/policy.ts';
import type { TableCache } from '../cache/table-cache.ts';
import type { GuestDisk } from '../disk/device.ts';
import type { Header } from '../format/header.ts';
import type { DurableFile, Sequence } from '../io/durability.ts';
import { ActiveL1 } from './active-l1.ts';
import type { AttemptedWrites } from './attempted-writes.ts';
import { DirtyBitmaps } from './bitmaps.ts';
import { CompressedClusters } from './compressed.ts';
import { L2Entries } from './entries.ts';
import type { FeatureBits } from './feature-bits.ts';
import type { Geometry } from './geometry.ts';
import { GuestIo } from './guest-io.ts';
import { HolePuncher } from './hole-puncher.ts';
import { L2Tables } from './l2-tables.ts';
import { Mapping } from './mapping.ts';
import { MappingUpdates } from './mapping-updates.ts';
import type { OverlapGuard } from './overlap.ts';
import { Refcounts } from './refcounts.ts';
import type { Seal } from './sealed-file.ts';
import type { ImageVars } from './vars.ts';
import { WriteRuns } from './write-runs.ts';
import { Zeroes } from './zeroes.ts';

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
  readonly createAllocator: AllocatorFactory;
  readonly l2: TableCache;
  readonly refcounts: TableCache;
  readonly backing: GuestDisk | null;
  /** Where guest data lies when it is not in the image file (qcow2.rst, "external data file"); null otherwise. */
  readonly dataFile: DurableFile | null;
  readonly features: FeatureBits;
  /** Refcounts are not ordered before references; the dirty bit says so, and a repair at the next open makes up for it. */
  readonly lazyRefcounts: boolean;
  /** Each request ends in a flush. */
  readonly writesThrough: boolean;
  /** Discarded clusters are given back to the file system. */
  readonly punchHoles: boolean;
}

export interface ImageParts extends ImageBase {
  readonly counts: Refcounts;
  readonly allocator: Allocator;
  readonly activeL1: ActiveL1;
  readonly tables: L2Tables;
  readonly mapping: Mapping;
  readonly runs: WriteRuns;
  readonly updates: MappingUpdates;
  readonly io: GuestIo;
  readonly zeroes: Zeroes;
  readonly entries: L2Entries;
  readonly bitmaps: DirtyBitmaps;
  /** What is informed, in this order, that a sync returned. */
  readonly settling: readonly { settled(durable: Sequence): void }[];
}

/** Makes the parts from the bottom up: counting, tables, mapping, guest requests. */
export function assemble(base: ImageBase): ImageParts {
  const { file, dataFile, geometry, header, punchHoles, createAllocator } = base;
  // A refcount table that was replaced is released like any other clusters; only here do the two know each other.
  const counts: Refcounts = new Refcounts(base, (ranges, dropped) => allocator.release(ranges, dropped));
  const allocator: Allocator = createAllocator({ file, clusterBytes: geometry.clusterBytes, counts });
  const puncher = new HolePuncher({ file: dataFile ?? file, geometry, counts }, punchHoles);
  const hasDataFile = dataFile !== null;
  const entries = new L2Entries({ fileName: file.name, geometry, version: header.version, hasDataFile });
  const activeL1 = new ActiveL1({ ...base, allocator });
  const tables = new L2Tables({ ...base, allocator, activeL1 });
  const settling = [allocator, puncher];
  const lower = { ...base, counts, allocator, settling, puncher, entries, activeL1, tables };
  const mapping = new Mapping(lower);
  const updates = new MappingUpdates(lower);
  const runs = new WriteRuns(lower);
  const compressed = new CompressedClusters({ ...lower, updates });
  const io = new GuestIo({ ...lower, mapping, updates, runs, compressed });
  const zeroes = new Zeroes({ ...lower, mapping, updates, io });
  const bitmaps = new DirtyBitmaps(lower);
  return { ...lower, mapping, updates, runs, io, zeroes, bitmaps };
}
