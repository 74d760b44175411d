/**
 * Compressed clusters: reading them, and writing whole clusters compressed, packed one behind the other into shared host
 * clusters (qcow2.rst, "Compressed Clusters"). A compressed cluster is never changed in place.
 */
import { Qcow2Error } from '../base/errors.ts';
import { type GuestOffset, roundUp, SECTOR_BYTES } from '../base/units.ts';
import { compressCluster, decompressCluster } from '../format/compression.ts';
import { writeCompressedEntry } from '../format/l2-entry.ts';
import { maxRefcount } from '../format/refcount-block.ts';
import { readBytes, writeBytes } from '../io/sector-access.ts';
import type { HostRange } from './geometry.ts';
import type { Replaced } from './replaced.ts';
import type { ImageState } from './state.ts';

/** Fills `into` with the guest bytes from `inCluster` on of the cluster compressed at `range`. Throws CORRUPT for a bad stream. */
export function readCompressed(state: ImageState, range: HostRange, inCluster: number, into: Uint8Array): void {
  if (range.offset >= state.file.sizeBytes()) {
    const message = `${state.file.name}: compressed cluster at offset ${range.offset} is outside the file`;
    throw new Qcow2Error('CORRUPT', message, { file: state.file.name, offset: range.offset });
  }
  const stored = new Uint8Array(range.lengthBytes);
  readBytes(state.file, range.offset, stored, 'data');
  const what = `${state.file.name}: compressed cluster at offset ${range.offset}`;
  const cluster = decompressCluster(stored, state.geometry.clusterBytes, state.header.compressionType, what);
  into.set(cluster.subarray(inCluster, inCluster + into.length));
}

/**
 * Stores `cluster`, one whole cluster of guest bytes at `guestOffset`, compressed. Returns what its L2 entry named before, for
 * the caller to free, or null when compressing saves nothing and the cluster must be written plainly.
 */
export function writeCompressed(
  state: ImageState,
  guestOffset: GuestOffset,
  cluster: Uint8Array,
  orderRefcounts: (state: ImageState) => void,
): Replaced | null {
  const packed = compressCluster(cluster, state.header.compressionType);
  if (packed === null) return null;
  const offset = allocateBytes(state, packed.length);
  const padded = new Uint8Array(roundUp(offset + packed.length, SECTOR_BYTES) - offset);
  padded.set(packed);
  writeBytes(state.file, offset, padded, 'data');
  state.policy.require('data-before-mapping');
  orderRefcounts(state);
  const slice = state.tables.forWrite(guestOffset);
  try {
    const index = state.geometry.indexInSlice(guestOffset);
    const at = state.entries.at(index);
    const replaced = state.entries.reference(slice, index);
    state.l2.markDirty(slice, at, at + state.geometry.l2EntryBytes);
    if (state.geometry.extendedL2) slice.bytes.fill(0, at, at + state.geometry.l2EntryBytes);
    writeCompressedEntry(slice.view, at, offset, packed.length, state.geometry.clusterBits);
    return { ranges: replaced === null ? [] : [replaced], slice };
  } finally {
    state.l2.release(slice);
  }
}

/**
 * Host offset for a stream of `lengthBytes`, with its refcounts raised: behind the last one where it fits into that host
 * cluster, else at the start of a new one. Streams start at any byte; each host cluster counts the streams that touch it.
 */
function allocateBytes(state: ImageState, lengthBytes: number): number {
  const { geometry, vars, counts, allocator } = state;
  const inCluster = geometry.offsetInCluster(vars.freeByteOffset);
  const fits = vars.freeByteOffset !== 0 && inCluster + lengthBytes <= geometry.clusterBytes;
  const shareable = fits && counts.of(geometry.hostCluster(vars.freeByteOffset)) < maxRefcount(geometry.refcountOrder);
  const offset = shareable ? vars.freeByteOffset : allocator.allocate(1).offset;
  if (shareable) counts.raise(offset, lengthBytes);
  const end = offset + lengthBytes;
  vars.freeByteOffset = geometry.isClusterAligned(end) ? 0 : end;
  return offset;
}
