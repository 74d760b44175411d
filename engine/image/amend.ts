/** Changing what the header of a closed image says, and what follows from it in the tables. */
import { Qcow2Error } from '../base/errors.ts';
import { changeRefcountWidth } from '../check/refcount-width.ts';
import type { GuestDisk } from '../disk/device.ts';
import {
  AUTOCLEAR,
  COMPATIBLE,
  encodeHeader,
  HEADER_BYTES_V2,
  HEADER_BYTES_V3,
  type Header,
  INCOMPATIBLE,
  STANDARD_FEATURE_NAMES,
} from '../format/header.ts';
import { type SnapshotEntry, snapshotName } from '../format/snapshot-table.ts';
import type { BlockFile } from '../io/block-file.ts';
import { StagedFile } from '../io/staged-file.ts';
import { type AmendOptions, refuseAmendment } from './amend-checks.ts';
import { dropBitmaps } from './bitmap-storage.ts';
import { writeOutForClose } from './closing.ts';
import { expandZeroClusters } from './expand-zeroes.ts';
import { knownAutoclear } from './feature-bits.ts';
import { writeHeaderCluster } from './header-writing.ts';
import type { ImageParts } from './image-parts.ts';
import { peekHeader, readSnapshots } from './metadata.ts';
import { openParts, repairUnclean } from './open.ts';
import { snapshotTableRange } from './snapshot-method.ts';
import { replaceSnapshotTable } from './walked-snapshots.ts';

/** Amending reads no guest data. */
const NOTHING_BELOW: GuestDisk = { sizeBytes: 0, read: (_offset, into) => void into.fill(0) };

/**
 * Changes the image in `file`, which must not be open elsewhere; durable on return. One that was not closed cleanly is repaired
 * first. Unknown autoclear bits are cleared.
 * @throws Qcow2Error INVALID_ARGUMENT or UNSUPPORTED for what cannot be changed; the file is unchanged then.
 */
export function amendImage(file: BlockFile, options: AmendOptions): void {
  refuseAmendment(file, options);
  if ((peekHeader(file).incompatibleFeatures & INCOMPATIBLE.dirty) !== 0n) repairUnclean(file);
  // First, and in version 2 as allowed: wherever this is interrupted, the image is whole.
  if (options.version === 3) storeSnapshotSizes(file);
  const header = peekHeader(file);
  const version = Math.max(header.version, options.version ?? 2) as 2 | 3;
  // As version 3 while anything is left that version 2 does not have.
  writeHeader(file, amendedHeader(header, options, version));
  if (options.refcountBits !== undefined) setRefcountBits(file, options.refcountBits);
  if (options.version === 2 && version === 3) downgrade(file);
}

function writeHeader(file: BlockFile, header: Header): void {
  const bytes = new Uint8Array(2 ** header.clusterBits);
  bytes.set(encodeHeader(header));
  writeHeaderCluster(file, bytes);
}

function amendedHeader(header: Header, options: AmendOptions, version: 2 | 3): Header {
  const { backingFile = header.backingFileName, backingFormat = header.backingFormat } = options;
  const lazy = options.lazyRefcounts ?? (header.compatibleFeatures & COMPATIBLE.lazyRefcounts) !== 0n;
  const dropsRaw = options.dataFileRaw === false ? AUTOCLEAR.rawExternalData : 0n;
  const upgraded = version === 3 && header.version === 2;
  return {
    ...header,
    version,
    backingFileName: backingFile,
    backingFormat: backingFile === null ? null : backingFormat,
    dataFileName: options.dataFile ?? header.dataFileName,
    compatibleFeatures:
      (header.compatibleFeatures & ~COMPATIBLE.lazyRefcounts) | (lazy ? COMPATIBLE.lazyRefcounts : 0n),
    autoclearFeatures: knownAutoclear(header.autoclearFeatures) & ~dropsRaw,
    ...(upgraded ? { headerLength: HEADER_BYTES_V3, featureNames: STANDARD_FEATURE_NAMES } : {}),
  };
}

/**
 * A version 3 snapshot must say how large the disk was. In a version 2 image with snapshots, where entries need not say, a disk
 * cannot have been resized.
 */
function storeSnapshotSizes(file: BlockFile): void {
  const header = peekHeader(file);
  const says = (entry: SnapshotEntry) => entry.virtualSizeBytes !== null;
  if (header.version !== 2 || readSnapshots(file, header).every(says)) return;
  // The policy whose orders hold over a power cut here: refcounts, then the table, then its pointer, then what was freed.
  // Staged, because a damaged image may be refused as late as when the table is written.
  const staged = new StagedFile(file);
  const parts = openParts(staged, { policy: 'legacy', backing: NOTHING_BELOW });
  const needed = parts.geometry.l1EntriesFor(parts.vars.sizeBytes);
  for (const entry of parts.vars.snapshots) if (!says(entry) && entry.l1Entries < needed) refuseShortL1(parts, entry);
  const complete = parts.vars.snapshots.map((entry) =>
    says(entry) ? entry : { ...entry, virtualSizeBytes: parts.vars.sizeBytes },
  );
  replaceSnapshotTable(parts, complete, snapshotTableRange(parts));
  writeOutForClose(parts);
  staged.commit();
}

function refuseShortL1(parts: ImageParts, entry: SnapshotEntry): never {
  const message = `${parts.file.name}: snapshot ${JSON.stringify(snapshotName(entry))} does not say the size of its disk, and its L1 table of ${entry.l1Entries} entries maps less than ${parts.vars.sizeBytes} bytes; delete it first`;
  throw new Qcow2Error('UNSUPPORTED', message, { file: parts.file.name, table: 'snapshot-table' });
}

function setRefcountBits(file: BlockFile, bits: number): void {
  if (2 ** peekHeader(file).refcountOrder !== bits) changeRefcountWidth(file, bits);
}

/** The last step: everything that version 2 cannot say is gone by then. */
function downgrade(file: BlockFile): void {
  const { backingFileName } = peekHeader(file);
  const parts = openParts(file, backingFileName === null ? {} : { backing: NOTHING_BELOW });
  dropBitmaps(parts);
  expandZeroClusters(parts);
  writeOutForClose(parts);
  file.sync('close');
  const { unknownFields: _, ...header } = peekHeader(file);
  writeHeader(file, {
    ...header,
    version: 2,
    headerLength: HEADER_BYTES_V2,
    incompatibleFeatures: 0n,
    compatibleFeatures: 0n,
    autoclearFeatures: 0n,
    featureNames: [],
  });
}
