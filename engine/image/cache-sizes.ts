/** How large the table caches are: in tables, or in bytes as users of today's tools give them. */
import { Qcow2Error } from '../base/errors.ts';
import { MiB, SECTOR_BYTES } from '../base/units.ts';
import type { Behaviour } from '../cache/behaviour.ts';

/** How many tables are held in memory. */
export interface CacheSizeOptions {
  /** How many L2 tables (or slices) are cached. Default 16. */
  readonly l2CacheTables?: number;
  /** How many refcount blocks are cached. Default 4 (1 at stage S0). */
  readonly refcountCacheTables?: number;
  /** Bytes for the L2 cache, instead of `l2CacheTables`. */
  readonly l2CacheBytes?: number;
  /** Bytes for the refcount block cache, instead of `refcountCacheTables`. */
  readonly refcountCacheBytes?: number;
  /** Bytes for both: what the refcount cache does not take goes to the L2 cache. */
  readonly cacheBytes?: number;
  /**
   * How much of an L2 table is one entry of the cache: a power of two from 512 to the cluster size, which is the default; 4 KiB where a
   * policy sizes its cache for the disk and it does not hold the tables of all of it.
   */
  readonly l2CacheEntryBytes?: number;
}

const L2_CACHE_BYTES_MAX = 32 * MiB;
/** A copied L2 table and its original are pinned together. */
const MIN_L2_TABLES = 2;

/** Of an L2 table, where not all tables of the disk are cached. */
const EVICTED_SLICE_BYTES = 4096;

/** Tables that an image can have besides those of its disk as it is: of snapshots, of VM state, of a disk that grows. */
const MORE_TABLES = 4096;
const WIDEST_REFCOUNT_BYTES = 8;

export interface CacheCapacities {
  readonly l2Tables: number;
  readonly refcountBlocks: number;
  readonly l2SliceBytes: number;
}

/** @throws Qcow2Error INVALID_ARGUMENT for sizes that do not go together or hold too little. */
export function cacheCapacities(
  options: CacheSizeOptions,
  behaviour: Behaviour,
  clusterBytes: number,
  bytesPerL2Table: number,
  diskBytes: number,
): CacheCapacities {
  const { cacheBytes, l2CacheBytes, refcountCacheBytes } = options;
  if (cacheBytes !== undefined && l2CacheBytes !== undefined && refcountCacheBytes !== undefined) {
    throw new Qcow2Error('INVALID_ARGUMENT', 'cache size, L2 cache size and refcount cache size may not all be given');
  }
  const refcountBlocks = capacity(
    'refcount cache',
    options.refcountCacheTables,
    refcountCacheBytes ?? remainder(cacheBytes, l2CacheBytes),
    clusterBytes,
    behaviour.refcountCacheTables,
    1,
  );
  const forL2 = l2CacheBytes ?? remainder(cacheBytes, refcountBlocks * clusterBytes);
  const byDefault = defaultL2Tables(behaviour, diskBytes, bytesPerL2Table, clusterBytes);
  const sizedInBytes = behaviour.l2CacheCoversDisk && options.l2CacheTables === undefined;
  const coversDisk = (forL2 ?? byDefault * clusterBytes) >= Math.ceil(diskBytes / bytesPerL2Table) * clusterBytes;
  const l2SliceBytes = sliceBytes(options, clusterBytes, sizedInBytes && !coversDisk);
  const l2Tables = capacity(
    'L2 cache',
    options.l2CacheTables,
    forL2,
    l2SliceBytes,
    byDefault * (clusterBytes / l2SliceBytes),
    MIN_L2_TABLES,
  );
  // Whatever the options say, memory is taken for no more than an image of this size can have, and some thousands.
  const mostL2 = Math.ceil(diskBytes / bytesPerL2Table) + MORE_TABLES;
  const mostBlocks = Math.ceil((2 * diskBytes * WIDEST_REFCOUNT_BYTES) / clusterBytes ** 2) + MORE_TABLES;
  return {
    l2Tables: Math.min(l2Tables, mostL2 * (clusterBytes / l2SliceBytes)),
    refcountBlocks: Math.min(refcountBlocks, mostBlocks),
    l2SliceBytes,
  };
}

/** In whole tables. Every table of the disk is cached where 32 MiB hold them: at 64 KiB clusters up to 256 GiB. */
function defaultL2Tables(
  { l2CacheCoversDisk, l2CacheTables }: Behaviour,
  diskBytes: number,
  bytesPerL2Table: number,
  clusterBytes: number,
): number {
  if (!l2CacheCoversDisk) return l2CacheTables;
  const most = Math.floor(L2_CACHE_BYTES_MAX / clusterBytes);
  return Math.max(MIN_L2_TABLES, Math.min(most, Math.ceil(diskBytes / bytesPerL2Table)));
}

function remainder(total: number | undefined, taken: number | undefined): number | undefined {
  return total === undefined || taken === undefined ? undefined : Math.max(0, total - taken);
}

function capacity(
  what: string,
  tables: number | undefined,
  bytes: number | undefined,
  tableBytes: number,
  byDefault: number,
  least: number,
): number {
  const count = tables ?? (bytes === undefined ? byDefault : Math.floor(bytes / tableBytes));
  if (Number.isSafeInteger(count) && count >= least) return count;
  throw new Qcow2Error(
    'INVALID_ARGUMENT',
    `the ${what} must hold at least ${least} tables of ${tableBytes} bytes, not ${count}`,
  );
}

/** `evicts`: the cache is smaller than what the disk needs, and smaller entries are cheaper to load and to write out. */
function sliceBytes(options: CacheSizeOptions, clusterBytes: number, evicts: boolean): number {
  const byDefault = evicts ? Math.min(clusterBytes, EVICTED_SLICE_BYTES) : clusterBytes;
  const size = options.l2CacheEntryBytes ?? byDefault;
  if (Number.isInteger(Math.log2(size)) && size >= SECTOR_BYTES && size <= clusterBytes) return size;
  throw new Qcow2Error(
    'INVALID_ARGUMENT',
    `L2 cache entry size ${size} is not a power of two from 512 to the cluster size (${clusterBytes})`,
  );
}
