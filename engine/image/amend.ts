/** Changing what the header of a closed image says: its backing file's name, lazy refcounts, its version. */
import { Qcow2Error } from '../base/errors.ts';
import {
  COMPATIBLE,
  encodeHeader,
  HEADER_BYTES_V3,
  type Header,
  INCOMPATIBLE,
  STANDARD_FEATURE_NAMES,
} from '../format/header.ts';
import { snapshotName } from '../format/snapshot-table.ts';
import type { BlockFile } from '../io/block-file.ts';
import { peekHeader, readSnapshots } from './metadata.ts';

export interface AmendOptions {
  /** Name to store, or null for no backing file. The content of the disk is not adjusted. */
  readonly backingFile?: string | null;
  readonly backingFormat?: 'raw' | 'qcow2' | null;
  readonly lazyRefcounts?: boolean;
  /** Version 2 images can become version 3; the way back would have to rewrite clusters. */
  readonly version?: 2 | 3;
}

/**
 * Rewrites the header of the image in `file`, which must not be open elsewhere; durable on return.
 * @throws Qcow2Error INVALID_ARGUMENT or UNSUPPORTED for what cannot be changed; the file is unchanged then.
 */
export function amendImage(file: BlockFile, options: AmendOptions): void {
  const header = peekHeader(file);
  const amended = amendedHeader(header, options, file.name);
  if (amended.version > header.version) refuseSnapshotsWithoutSize(file, header);
  const bytes = new Uint8Array(2 ** header.clusterBits);
  bytes.set(encodeHeader(amended));
  // The first sector holds every fixed field: it is written last, so that a header never points to a name that is not there.
  const firstSector = bytes.subarray(0, 512);
  if (bytes.length > firstSector.length) {
    file.write(firstSector.length, bytes.subarray(firstSector.length), 'header');
    file.sync('table-before-pointer');
  }
  file.write(0, firstSector, 'header');
  file.sync('hook-up');
}

function amendedHeader(header: Header, options: AmendOptions, name: string): Header {
  const { backingFile = header.backingFileName, backingFormat = header.backingFormat } = options;
  const version = options.version ?? header.version;
  if (version < header.version)
    throw new Qcow2Error('UNSUPPORTED', `${name}: a version 3 image cannot be made version 2`);
  if ((header.incompatibleFeatures & (INCOMPATIBLE.dirty | INCOMPATIBLE.corrupt)) !== 0n) {
    throw new Qcow2Error('CORRUPT', `${name}: image is marked dirty or corrupt; repair it before it is amended`);
  }
  if (options.lazyRefcounts && version === 2)
    throw new Qcow2Error('INVALID_ARGUMENT', 'lazy refcounts need a version 3 image');
  const lazy = options.lazyRefcounts ?? (header.compatibleFeatures & COMPATIBLE.lazyRefcounts) !== 0n;
  const upgraded = version === 3 && header.version === 2;
  return {
    ...header,
    version,
    backingFileName: backingFile,
    backingFormat: backingFile === null ? null : backingFormat,
    compatibleFeatures:
      (header.compatibleFeatures & ~COMPATIBLE.lazyRefcounts) | (lazy ? COMPATIBLE.lazyRefcounts : 0n),
    ...(upgraded ? { headerLength: HEADER_BYTES_V3, featureNames: STANDARD_FEATURE_NAMES } : {}),
  };
}

/** A version 3 snapshot must say how large the disk was; version 2 entries need not, and rewriting them is not done here. */
function refuseSnapshotsWithoutSize(file: BlockFile, header: Header): void {
  const incomplete = readSnapshots(file, header).find((entry) => entry.virtualSizeBytes === null);
  if (incomplete === undefined) return;
  const message = `${file.name}: snapshot ${JSON.stringify(snapshotName(incomplete))} does not say the size of its disk, which version 3 needs; delete it first`;
  throw new Qcow2Error('UNSUPPORTED', message, { file: file.name, table: 'snapshot table' });
}
