/** What a header says, decoded (qcow2.rst, "Header"): the record that the codec and its checks share. */
import type { FeatureName, HeaderExtension } from './header-extensions.ts';

export interface Header {
  readonly version: 2 | 3;
  /** Null when the image has none. */
  readonly backingFileName: string | null;
  readonly backingFormat: string | null;
  readonly clusterBits: number;
  /** Virtual disk size. */
  readonly sizeBytes: number;
  /** 0 none, 1 AES, 2 LUKS. */
  readonly cryptMethod: number;
  readonly l1Entries: number;
  readonly l1TableOffset: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  readonly snapshotCount: number;
  readonly snapshotsOffset: number;
  readonly incompatibleFeatures: bigint;
  readonly compatibleFeatures: bigint;
  readonly autoclearFeatures: bigint;
  readonly refcountOrder: number;
  readonly headerLength: number;
  readonly compressionType: number;
  /** Extensions without a field of their own here, kept as they are: bitmaps, encryption, unknown ones. */
  readonly extensions: readonly HeaderExtension[];
  readonly featureNames: readonly FeatureName[];
  readonly dataFileName: string | null;
  /** Header bytes after the last field known here (a newer header), kept as they are. */
  readonly unknownFields?: Uint8Array;
}

/** The fields at fixed offsets: all but the names and the extensions. */
export type FixedFields = Omit<
  Header,
  'backingFileName' | 'backingFormat' | 'dataFileName' | 'featureNames' | 'extensions'
>;
