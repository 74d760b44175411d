/**
 * The fixed part of the header: where each field is, what the feature bits mean, and the limits that keep a hostile
 * image from costing memory (qcow2.rst, "Header").
 */
import { KiB, MiB } from '../base/units.ts';

/** "QFI\xfb". */
export const QCOW2_MAGIC = 0x514649fb;

/** Byte offset of each field in the file, for rewriting single fields in place. Widths are in the comments. */
export const HEADER_FIELDS = {
  /** u32 */ magic: 0,
  /** u32 */ version: 4,
  /** u64 */ backingFileOffset: 8,
  /** u32 */ backingFileSize: 16,
  /** u32 */ clusterBits: 20,
  /** u64 */ size: 24,
  /** u32 */ cryptMethod: 32,
  /** u32, entries */ l1Size: 36,
  /** u64 */ l1TableOffset: 40,
  /** u64 */ refcountTableOffset: 48,
  /** u32 */ refcountTableClusters: 56,
  /** u32 */ snapshotCount: 60,
  /** u64 */ snapshotsOffset: 64,
  /** u64, version 3 as all below */ incompatibleFeatures: 72,
  /** u64 */ compatibleFeatures: 80,
  /** u64 */ autoclearFeatures: 88,
  /** u32 */ refcountOrder: 96,
  /** u32 */ headerLength: 100,
  /** u8 */ compressionType: 104,
} as const;

export const HEADER_BYTES_V2 = 72;
/** The shortest version 3 header: without the compression type. */
export const HEADER_BYTES_V3_MIN = 104;
/** What new version 3 images get: with the compression type and its padding. */
export const HEADER_BYTES_V3 = 112;

export const CLUSTER_BITS_MIN = 9;
export const CLUSTER_BITS_MAX = 21;
/** 32 subclusters of at least one 512-byte sector. */
export const EXTENDED_L2_CLUSTER_BITS_MIN = 14;
export const L1_BYTES_MAX = 32 * MiB;
export const REFCOUNT_TABLE_BYTES_MAX = 8 * MiB;
export const SNAPSHOT_COUNT_MAX = 65_536;
export const BACKING_NAME_BYTES_MAX = 1023;
export const BACKING_FORMAT_BYTES_MAX = 15;
/** Longest data file name that is believed; longer than any path limit in use. */
export const DATA_FILE_NAME_BYTES_MAX = 4 * KiB;

/** Incompatible features: an image with one that the engine does not know must not be opened. */
export const INCOMPATIBLE = {
  dirty: 1n << 0n,
  corrupt: 1n << 1n,
  dataFile: 1n << 2n,
  compression: 1n << 3n,
  extendedL2: 1n << 4n,
} as const;

/** Compatible features: may be ignored when unknown. */
export const COMPATIBLE = { lazyRefcounts: 1n << 0n } as const;

/** Autoclear features: a writer that does not know one must clear it. */
export const AUTOCLEAR = { bitmaps: 1n << 0n, rawExternalData: 1n << 1n } as const;

export const INCOMPATIBLE_KNOWN =
  INCOMPATIBLE.dirty |
  INCOMPATIBLE.corrupt |
  INCOMPATIBLE.dataFile |
  INCOMPATIBLE.compression |
  INCOMPATIBLE.extendedL2;

export const COMPRESSION_ZLIB = 0;
export const COMPRESSION_ZSTD = 1;

/** Header extension types. */
export const EXTENSION = {
  end: 0,
  backingFormat: 0xe2792aca,
  featureNames: 0x6803f857,
  bitmaps: 0x23852875,
  fullDiskEncryption: 0x0537be77,
  dataFileName: 0x44415441,
} as const;
