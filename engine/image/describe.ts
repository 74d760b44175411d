/** What an image says about itself, from its header and snapshot table alone: no other file is opened, no table believed. */
import { BITMAP_FLAGS, type BitmapEntry } from '../format/bitmap-directory.ts';
import { AUTOCLEAR, COMPATIBLE, COMPRESSION_ZSTD, INCOMPATIBLE } from '../format/header.ts';
import type { BlockFile } from '../io/block-file.ts';
import { readBitmaps } from './bitmap-storage.ts';
import { peekHeader, readSnapshots } from './metadata.ts';
import { type SnapshotInfo, snapshotInfo } from './snapshot-list.ts';

/** Names come from the image: escape them before showing them, and never open one that was not allowed. */
export interface ImageDescription {
  readonly version: 2 | 3;
  /** Size of the virtual disk. */
  readonly sizeBytes: number;
  readonly clusterSizeBytes: number;
  readonly refcountBits: number;
  readonly backingFile: string | null;
  readonly backingFormat: string | null;
  readonly hasDataFile: boolean;
  readonly dataFile: string | null;
  readonly dataFileRaw: boolean;
  readonly compressionType: 'zlib' | 'zstd';
  readonly extendedL2: boolean;
  readonly lazyRefcounts: boolean;
  readonly encryption: 'aes' | 'luks' | null;
  readonly isDirty: boolean;
  readonly isCorrupt: boolean;
  readonly snapshots: readonly SnapshotInfo[];
  /** Persistent dirty bitmaps; those that a writer without support has left out of date are not listed. */
  readonly bitmaps: readonly BitmapInfo[];
}

/** A persistent dirty bitmap, as the image lists it. */
export interface BitmapInfo {
  readonly name: string;
  /** `in-use`: a program has it open, or crashed with it; what it says is not to be trusted. `auto`: changes are recorded. */
  readonly flags: readonly ('in-use' | 'auto')[];
  readonly granularityBytes: number;
}

const ENCRYPTIONS = [null, 'aes', 'luks'] as const;

/** Throws Qcow2Error CORRUPT or UNSUPPORTED for a header or snapshot table that cannot be read. Reads only. */
export function describeImage(file: BlockFile): ImageDescription {
  const header = peekHeader(file);
  const { incompatibleFeatures: features } = header;
  return {
    version: header.version,
    sizeBytes: header.sizeBytes,
    clusterSizeBytes: 2 ** header.clusterBits,
    refcountBits: 2 ** header.refcountOrder,
    backingFile: header.backingFileName,
    backingFormat: header.backingFormat,
    hasDataFile: (features & INCOMPATIBLE.dataFile) !== 0n,
    dataFile: header.dataFileName,
    dataFileRaw: (header.autoclearFeatures & AUTOCLEAR.rawExternalData) !== 0n,
    compressionType: header.compressionType === COMPRESSION_ZSTD ? 'zstd' : 'zlib',
    extendedL2: (features & INCOMPATIBLE.extendedL2) !== 0n,
    lazyRefcounts: (header.compatibleFeatures & COMPATIBLE.lazyRefcounts) !== 0n,
    encryption: ENCRYPTIONS[header.cryptMethod] ?? null,
    isDirty: (features & INCOMPATIBLE.dirty) !== 0n,
    isCorrupt: (features & INCOMPATIBLE.corrupt) !== 0n,
    snapshots: readSnapshots(file, header).map((entry) => snapshotInfo(entry, header.sizeBytes)),
    bitmaps: readBitmaps(file, header).map(bitmapInfo),
  };
}

function bitmapInfo({ name, flags, granularityBytes }: BitmapEntry): BitmapInfo {
  const inUse = (flags & BITMAP_FLAGS.inUse) !== 0 ? (['in-use'] as const) : [];
  const auto = (flags & BITMAP_FLAGS.auto) !== 0 ? (['auto'] as const) : [];
  return { name, flags: [...inUse, ...auto], granularityBytes };
}
