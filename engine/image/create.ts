/**
 * Creating an empty image: header, refcount table, refcount blocks, L1 table, in this order from the start of the file.
 */
import { Qcow2Error } from '../base/errors.ts';
import { roundUp, SECTOR_BYTES } from '../base/units.ts';
import {
  AUTOCLEAR,
  CLUSTER_BITS_MAX,
  CLUSTER_BITS_MIN,
  COMPATIBLE,
  COMPRESSION_ZLIB,
  COMPRESSION_ZSTD,
  encodeHeader,
  HEADER_BYTES_V2,
  HEADER_BYTES_V3,
  type Header,
  INCOMPATIBLE,
  L1_BYTES_MAX,
  STANDARD_FEATURE_NAMES,
} from '../format/header.ts';
import { REFCOUNT_ORDER_DEFAULT, refcountsPerBlock, setRefcount } from '../format/refcount-block.ts';
import { writeUint64 } from '../format/uint64.ts';
import type { BlockFile } from '../io/block-file.ts';
import { writeBytes } from '../io/sector-access.ts';
import { Geometry } from './geometry.ts';
import { geometryOf } from './metadata.ts';

const EXTENDED_L2_CLUSTER_BITS_MIN = 14;

/** What a new image is like; sizes are bytes. */
export interface CreateOptions {
  /** Size of the virtual disk, a multiple of 512. */
  readonly sizeBytes: number;
  /** A power of two from 512 to 2 MiB. Default 64 KiB. */
  readonly clusterSizeBytes?: number;
  /** 3 unless given; the stages of history wrote version 2. */
  readonly version?: 2 | 3;
  /** 1, 2, 4, 8, 16, 32 or 64; version 2 has 16. Default 16. */
  readonly refcountBits?: number;
  readonly backingFile?: string;
  readonly backingFormat?: 'raw' | 'qcow2';
  /** Version 3 only, as are all below: L2 entries of 32 subclusters each; clusters of 16 KiB or more. */
  readonly extendedL2?: boolean;
  readonly lazyRefcounts?: boolean;
  readonly compressionType?: 'zlib' | 'zstd';
  /** Name of an external file for guest data; the caller creates it. */
  readonly dataFile?: string;
  /** The data file is to be a plain raw disk at all times. */
  readonly dataFileRaw?: boolean;
}

/**
 * Writes an empty image into `file`, which must be empty, and makes it durable.
 * @throws Qcow2Error INVALID_ARGUMENT for options that the format cannot hold; nothing is written then.
 */
export function createImage(file: BlockFile, options: CreateOptions): void {
  const header = planHeader(options);
  const geometry = geometryOf(header);
  const blockCount = header.l1TableOffset / geometry.clusterBytes - 1 - header.refcountTableClusters;
  const firstBlock = 1 + header.refcountTableClusters;
  const usedClusters = header.l1TableOffset / geometry.clusterBytes + geometry.clustersFor(header.l1Entries * 8);
  const encoded = encodeHeader(header);

  const table = new Uint8Array(header.refcountTableClusters * geometry.clusterBytes);
  const tableView = new DataView(table.buffer);
  const blocks = new Uint8Array(blockCount * geometry.clusterBytes);
  const blocksView = new DataView(blocks.buffer);
  for (let block = 0; block < blockCount; block++)
    writeUint64(tableView, block * 8, geometry.hostOffset(firstBlock + block));
  for (let cluster = 0; cluster < usedClusters; cluster++) setRefcount(blocksView, cluster, header.refcountOrder, 1);

  file.truncate(header.l1TableOffset + roundUp(header.l1Entries * 8, SECTOR_BYTES));
  file.write(geometry.clusterBytes, table, 'refcount-table');
  file.write(geometry.hostOffset(firstBlock), blocks, 'refcount-block');
  writeBytes(file, 0, encoded, 'header');
  file.sync('other');
}

/** The header of an empty image whose metadata fit themselves. */
export function planHeader(options: CreateOptions): Header {
  const clusterBits = checkOptions(options);
  const version = options.version ?? 3;
  const refcountOrder = options.refcountBits === undefined ? REFCOUNT_ORDER_DEFAULT : Math.log2(options.refcountBits);
  const geometry = new Geometry({ clusterBits, refcountOrder, extendedL2: options.extendedL2 ?? false });
  const l1Entries = geometry.l1EntriesFor(options.sizeBytes);
  if (l1Entries * 8 > L1_BYTES_MAX) {
    const message = `a disk of ${options.sizeBytes} bytes needs clusters larger than ${geometry.clusterBytes} bytes (its L1 table would pass 32 MiB)`;
    throw new Qcow2Error('INVALID_ARGUMENT', message);
  }
  const { tableClusters, blockCount } = planRefcounts(geometry, geometry.clustersFor(l1Entries * 8));
  return {
    version,
    backingFileName: options.backingFile ?? null,
    backingFormat: options.backingFormat ?? null,
    clusterBits,
    sizeBytes: options.sizeBytes,
    cryptMethod: 0,
    l1Entries,
    l1TableOffset: geometry.hostOffset(1 + tableClusters + blockCount),
    refcountTableOffset: geometry.clusterBytes,
    refcountTableClusters: tableClusters,
    snapshotCount: 0,
    snapshotsOffset: 0,
    ...featureBits(options),
    refcountOrder,
    headerLength: version === 2 ? HEADER_BYTES_V2 : HEADER_BYTES_V3,
    compressionType: options.compressionType === 'zstd' ? COMPRESSION_ZSTD : COMPRESSION_ZLIB,
    extensions: [],
    featureNames: version === 2 ? [] : STANDARD_FEATURE_NAMES,
    dataFileName: options.dataFile ?? null,
  };
}

function featureBits(
  options: CreateOptions,
): Pick<Header, 'incompatibleFeatures' | 'compatibleFeatures' | 'autoclearFeatures'> {
  const bit = (wanted: boolean | undefined, value: bigint) => (wanted ? value : 0n);
  return {
    incompatibleFeatures:
      bit(options.extendedL2, INCOMPATIBLE.extendedL2) |
      bit(options.compressionType === 'zstd', INCOMPATIBLE.compression) |
      bit(options.dataFile !== undefined, INCOMPATIBLE.dataFile),
    compatibleFeatures: bit(options.lazyRefcounts, COMPATIBLE.lazyRefcounts),
    autoclearFeatures: bit(options.dataFileRaw, AUTOCLEAR.rawExternalData),
  };
}

/** How many refcount blocks count the header, `otherClusters`, the refcount table and themselves, and the table for them. */
export function planRefcounts(
  geometry: Geometry,
  otherClusters: number,
): { tableClusters: number; blockCount: number } {
  let tableClusters = 1;
  let blockCount = 1;
  for (;;) {
    const needed = Math.ceil((1 + tableClusters + blockCount + otherClusters) / geometry.clustersPerRefcountBlock);
    const neededTable = geometry.clustersFor(needed * 8);
    if (needed <= blockCount && neededTable <= tableClusters) return { tableClusters, blockCount };
    blockCount = Math.max(blockCount, needed);
    tableClusters = Math.max(tableClusters, neededTable);
  }
}

/** Returns the cluster bits. */
function checkOptions(options: CreateOptions): number {
  const refuse = (message: string) => {
    throw new Qcow2Error('INVALID_ARGUMENT', message);
  };
  const clusterBits = Math.log2(options.clusterSizeBytes ?? 65536);
  if (!Number.isInteger(clusterBits) || clusterBits < CLUSTER_BITS_MIN || clusterBits > CLUSTER_BITS_MAX) {
    refuse(`cluster size ${options.clusterSizeBytes} is not a power of two from 512 to 2097152 bytes`);
  }
  if (!Number.isSafeInteger(options.sizeBytes) || options.sizeBytes < 0 || options.sizeBytes % SECTOR_BYTES !== 0) {
    refuse(`disk size ${options.sizeBytes} is not a multiple of 512 bytes below 2^53`);
  }
  const order = Math.log2(options.refcountBits ?? 16);
  if (!Number.isInteger(order) || order < 0 || order > 6)
    refuse(`refcount width ${options.refcountBits} is not 1, 2, 4, 8, 16, 32 or 64 bits`);
  if (options.version === 2) refuseVersion3Options(options);
  if (options.extendedL2 && clusterBits < EXTENDED_L2_CLUSTER_BITS_MIN)
    refuse('extended L2 entries need clusters of 16 KiB or more');
  if (options.dataFileRaw && options.dataFile === undefined) refuse('a raw data file needs a data file');
  if (options.dataFile !== undefined && options.backingFile !== undefined && options.dataFileRaw) {
    refuse('an image with a backing file cannot have a raw data file');
  }
  if (refcountsPerBlock(clusterBits, order) < 1) refuse('a refcount block would hold no count');
  return clusterBits;
}

function refuseVersion3Options(options: CreateOptions): void {
  const { extendedL2, lazyRefcounts, dataFile, compressionType } = options;
  const wanted = Object.entries({
    'extended L2 entries': extendedL2,
    'lazy refcounts': lazyRefcounts,
    'an external data file': dataFile !== undefined,
    'zstd compression': compressionType === 'zstd',
    'refcounts that are not 16 bits wide': (options.refcountBits ?? 16) !== 16,
  }).find(([, value]) => value === true);
  if (wanted !== undefined) throw new Qcow2Error('INVALID_ARGUMENT', `a version 2 image cannot have ${wanted[0]}`);
}
