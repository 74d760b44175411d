/**
 * L2 entries of an open image, read with the checks that a hostile image makes necessary (qcow2.rst, "L2 table entry").
 */
import { Qcow2Error } from '../base/errors.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_ZERO_ALLOCATED,
  CLUSTER_ZERO_PLAIN,
  clusterKind,
  compressedLengthBytes,
  compressedOffset,
  entryOffset,
  isCopied,
} from '../format/l2-entry.ts';
import type { HostRange } from './geometry.ts';
import type { ImageState } from './state.ts';

/** Byte index of entry `index` in its slice. */
export function entryAt(state: ImageState, index: number): number {
  return index * state.geometry.l2EntryBytes;
}

/**
 * The CLUSTER_ kind of entry `index` of a slice. With extended entries a cluster is CLUSTER_NORMAL as soon as it has a host
 * cluster; what its subclusters are stands in the bitmaps.
 */
export function kindAt(state: ImageState, slice: CachedTable, index: number): number {
  const kind = clusterKind(slice.view, entryAt(state, index), state.dataFile !== null);
  const zero = kind === CLUSTER_ZERO_PLAIN || kind === CLUSTER_ZERO_ALLOCATED;
  if (zero && (state.header.version === 2 || state.geometry.extendedL2)) {
    const why = state.geometry.extendedL2 ? 'an extended L2 entry' : 'a version 2 image';
    throw new Qcow2Error(
      'CORRUPT',
      `${state.file.name}: L2 entry ${index} has the zero flag, which ${why} cannot have`,
      { table: 'l2' },
    );
  }
  return kind;
}

/** True when the entry's cluster is referenced by this disk alone. */
export function isOwned(state: ImageState, slice: CachedTable, index: number): boolean {
  return isCopied(slice.view, entryAt(state, index));
}

/** Host offset of the data cluster of entry `index`, on a cluster boundary and never in the header. */
export function dataOffsetAt(state: ImageState, slice: CachedTable, index: number): number {
  const offset = entryOffset(slice.view, entryAt(state, index));
  const valid = state.geometry.isClusterAligned(offset) && (offset > 0 || state.dataFile !== null);
  if (valid) return offset;
  const message = `${state.file.name}: cluster allocation offset ${offset} unaligned (L2 entry ${index})`;
  throw new Qcow2Error('CORRUPT', message, { file: state.file.name, table: 'l2', found: offset });
}

/** Host bytes of the compressed stream of entry `index`, up to the end of its last sector. */
export function compressedRangeAt(state: ImageState, slice: CachedTable, index: number): HostRange {
  const { clusterBits } = state.geometry;
  const at = entryAt(state, index);
  const offset = compressedOffset(slice.view, at, clusterBits);
  const lengthBytes = compressedLengthBytes(slice.view, at, clusterBits);
  if (Number.isSafeInteger(offset + lengthBytes) && offset > 0) return { offset, lengthBytes };
  throw new Qcow2Error(
    'CORRUPT',
    `${state.file.name}: compressed cluster at impossible offset ${offset} (L2 entry ${index})`,
    { table: 'l2' },
  );
}

/** The host bytes in the image file that entry `index` holds a reference to, or null. */
export function referenceAt(state: ImageState, slice: CachedTable, index: number): HostRange | null {
  const kind = kindAt(state, slice, index);
  if (kind === CLUSTER_COMPRESSED) return compressedRangeAt(state, slice, index);
  if (kind !== CLUSTER_NORMAL && kind !== CLUSTER_ZERO_ALLOCATED) return null;
  // Clusters of an external data file are not counted: each belongs to its guest cluster for good.
  if (state.dataFile !== null) return null;
  return { offset: dataOffsetAt(state, slice, index), lengthBytes: state.geometry.clusterBytes };
}
