/** Changing what the header of a closed image says: its backing file's name, lazy refcounts, its version. */
import { Qcow2Error } from '../base/errors.ts';
import type { GuestDisk } from '../disk/device.ts';
import {
  COMPATIBLE,
  encodeHeader,
  HEADER_BYTES_V3,
  type Header,
  INCOMPATIBLE,
  STANDARD_FEATURE_NAMES,
} from '../format/header.ts';
import { type SnapshotEntry, snapshotName } from '../format/snapshot-table.ts';
import type { BlockFile } from '../io/block-file.ts';
import { StagedFile } from '../io/staged-file.ts';
import { peekHeader, readSnapshots } from './metadata.ts';
import { openState } from './open.ts';
import { replaceSnapshotTable, snapshotTableRange } from './snapshots.ts';
import type { ImageState } from './state.ts';

export interface AmendOptions {
  /** Name to store, or null for no backing file. The content of the disk is not adjusted. */
  readonly backingFile?: string | null;
  readonly backingFormat?: 'raw' | 'qcow2' | null;
  readonly lazyRefcounts?: boolean;
  /** Version 2 images can become version 3; the way back would have to rewrite clusters. */
  readonly version?: 2 | 3;
}

/** Amending reads no guest data. */
const NOTHING_BELOW: GuestDisk = { sizeBytes: 0, read: (_offset, into) => void into.fill(0) };

/**
 * Rewrites the header of the image in `file`, which must not be open elsewhere; durable on return.
 * @throws Qcow2Error INVALID_ARGUMENT or UNSUPPORTED for what cannot be changed; the file is unchanged then.
 */
export function amendImage(file: BlockFile, options: AmendOptions): void {
  let bytes = amendedCluster(file, options);
  // First, and in version 2 as allowed: wherever this is interrupted, the image is whole.
  if (options.version === 3 && storeSnapshotSizes(file)) bytes = amendedCluster(file, options);
  // The first sector holds every fixed field: it is written last, so that a header never points to a name that is not there.
  const firstSector = bytes.subarray(0, 512);
  if (bytes.length > firstSector.length) {
    file.write(firstSector.length, bytes.subarray(firstSector.length), 'header');
    file.sync('table-before-pointer');
  }
  file.write(0, firstSector, 'header');
  file.sync('hook-up');
}

/** The first cluster as it will be. */
function amendedCluster(file: BlockFile, options: AmendOptions): Uint8Array {
  const header = peekHeader(file);
  const bytes = new Uint8Array(2 ** header.clusterBits);
  bytes.set(encodeHeader(amendedHeader(header, options, file.name)));
  return bytes;
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

/**
 * A version 3 snapshot must say how large the disk was. In a version 2 image with snapshots, where entries need not say, a disk
 * cannot have been resized. Returns whether the table was rewritten.
 */
function storeSnapshotSizes(file: BlockFile): boolean {
  const header = peekHeader(file);
  const says = (entry: SnapshotEntry) => entry.virtualSizeBytes !== null;
  if (header.version !== 2 || readSnapshots(file, header).every(says)) return false;
  // The policy whose orders hold over a power cut here: refcounts, then the table, then its pointer, then what was freed.
  // Staged, because a damaged image may be refused as late as when the table is written.
  const staged = new StagedFile(file);
  const state = openState(staged, { policy: 'legacy', backing: NOTHING_BELOW });
  const needed = state.geometry.l1EntriesFor(state.vars.sizeBytes);
  for (const entry of state.vars.snapshots) if (!says(entry) && entry.l1Entries < needed) refuseShortL1(state, entry);
  const complete = state.vars.snapshots.map((entry) =>
    says(entry) ? entry : { ...entry, virtualSizeBytes: state.vars.sizeBytes },
  );
  replaceSnapshotTable(state, complete, snapshotTableRange(state));
  state.policy.close();
  staged.commit();
  return true;
}

function refuseShortL1(state: ImageState, entry: SnapshotEntry): never {
  const message = `${state.file.name}: snapshot ${JSON.stringify(snapshotName(entry))} does not say the size of its disk, and its L1 table of ${entry.l1Entries} entries maps less than ${state.vars.sizeBytes} bytes; delete it first`;
  throw new Qcow2Error('UNSUPPORTED', message, { file: state.file.name, table: 'snapshot-table' });
}
