/**
 * Discard and write-zeroes: clusters that lose their content, with or without their place in the file
 * (qcow2.rst, "Standard Cluster Descriptor" bit 0, and the zero bitmap of extended L2 entries).
 */
import { type GuestOffset, roundDown, roundUp } from '../base/units.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import { AUTOCLEAR } from '../format/header.ts';
import {
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_ALLOCATED,
  CLUSTER_ZERO_PLAIN,
  entryOffset,
  L2_COPIED,
  L2_ZERO,
  SUBCLUSTERS_PER_CLUSTER,
  writeBitmaps,
  writeEntry,
  zeroSubclusters,
} from '../format/l2-entry.ts';
import type { HostRange } from './geometry.ts';
import { freeReplaced, writeGuest } from './guest-io.ts';
import { mapForRead } from './mapping.ts';
import type { Replaced } from './replaced.ts';
import { dataFileOf, type ImageState } from './state.ts';

/** Zeros are written in pieces of this size where an image cannot say "zero" in its tables. */
const ZERO_PIECE_BYTES = 65536;
/** Punching is a favour to the file system: past this many ranges the rest is not given back. */
const FREED_RANGES_MAX = 65536;

/** What becomes of one L2 entry; returns what it no longer references. */
type EntryChange = (state: ImageState, slice: CachedTable, index: number) => HostRange | null;

/**
 * Discards the whole clusters inside the range; they read as zeros afterwards. Parts of clusters at its ends stay as they are.
 * A version 2 image with a backing file keeps everything, because discarding would bring the backing file's content back.
 * Returns the guest range, in bytes, that was discarded.
 */
export function discardGuest(
  state: ImageState,
  offset: number,
  lengthBytes: number,
): { offset: number; lengthBytes: number } {
  const { clusterBytes } = state.geometry;
  const from = roundUp(offset, clusterBytes);
  const end =
    offset + lengthBytes === state.vars.sizeBytes
      ? state.vars.sizeBytes
      : roundDown(offset + lengthBytes, clusterBytes);
  const exposesBacking = state.backing !== null && state.header.version === 2;
  if (end <= from || exposesBacking || isRawDataFile(state)) return { offset: from, lengthBytes: 0 };
  changeEntries(
    state,
    from,
    end,
    (slice, index) => holdsContent(state, slice, index),
    state.backing === null ? unallocate : zeroPlain,
  );
  return { offset: from, lengthBytes: end - from };
}

/** Frees every cluster that starts in [from, end), whatever shows through then: for what lies behind a disk's new end. */
export function unmapClusters(state: ImageState, from: number, end: number): void {
  changeEntries(
    state,
    from,
    end,
    (slice, index) => state.entries.kind(slice, index) !== CLUSTER_UNALLOCATED,
    unallocate,
  );
}

/** An unallocated cluster shows the backing file's content, where there is one. */
function holdsContent(state: ImageState, slice: CachedTable, index: number): boolean {
  const kind = state.entries.kind(slice, index);
  return kind === CLUSTER_UNALLOCATED ? state.backing !== null : kind !== CLUSTER_ZERO_PLAIN;
}

/**
 * Makes the range read as zeros. Whole clusters are marked so where the image can say it: with `mayUnmap` they give up their
 * place in the file, without it they keep it. The rest is written. Offset and length are multiples of 512.
 */
export function writeZeroes(state: ImageState, offset: number, lengthBytes: number, mayUnmap: boolean): void {
  const { clusterBytes } = state.geometry;
  const end = offset + lengthBytes;
  const from = roundUp(offset, clusterBytes);
  // The last cluster of a disk may reach past its end: zeroing it whole is the same to the guest, if all of it is asked for.
  const to = Math.max(from, end === state.vars.sizeBytes ? roundUp(end, clusterBytes) : roundDown(end, clusterBytes));
  if (!marksZeroes(state)) return writeZeroData(state, offset, end);
  writeZeroData(state, offset, Math.min(from, end));
  if (to > from) {
    const change = mayUnmap ? zeroPlain : zeroKeepingPlace;
    changeEntries(state, from, to, (slice, index) => needsZeroing(state, slice, index, mayUnmap), change);
  }
  writeZeroData(state, to, end);
}

/** Gives discarded host clusters back to the file system. Only after a flush: until then the file may still name them. */
export function punchFreed(state: ImageState): void {
  if (state.freedRanges === null || state.freedRanges.length === 0) return;
  const ranges = state.freedRanges;
  state.freedRanges = [];
  for (const { offset, lengthBytes } of ranges) {
    // Taken again since then, it holds new data.
    if (state.counts.of(state.geometry.hostCluster(offset)) !== 0) continue;
    if (!dataFileOf(state).punchHole(offset, lengthBytes)) state.freedRanges = null;
    if (state.freedRanges === null) return;
  }
}

/** Whether tables can say "zeros": a version 2 entry has no zero flag, and a raw external data file must hold real zeros. */
export function marksZeroes(state: ImageState): boolean {
  return state.header.version === 3 && !isRawDataFile(state);
}

function isRawDataFile(state: ImageState): boolean {
  return state.dataFile !== null && (state.features.autoclear & AUTOCLEAR.rawExternalData) !== 0n;
}

/** Writes zeros where the guest does not read zeros already. */
function writeZeroData(state: ImageState, from: number, end: number): void {
  let at = from;
  while (at < end) {
    const { kind, lengthBytes } = mapForRead(state, at as GuestOffset, Math.min(ZERO_PIECE_BYTES, end - at));
    const isZero =
      kind === CLUSTER_ZERO_PLAIN ||
      kind === CLUSTER_ZERO_ALLOCATED ||
      (kind === CLUSTER_UNALLOCATED && state.backing === null);
    if (!isZero || isRawDataFile(state)) writeGuest(state, at as GuestOffset, new Uint8Array(lengthBytes));
    at += lengthBytes;
  }
}

/** Applies `change` to the entries of the whole clusters in [from, end) that `concerns`, and frees what they referenced. */
function changeEntries(
  state: ImageState,
  from: number,
  end: number,
  concerns: (slice: CachedTable, index: number) => boolean,
  change: EntryChange,
): void {
  const { bytesPerSlice } = state.geometry;
  for (let at = from; at < end; at = roundDown(at, bytesPerSlice) + bytesPerSlice) {
    const sliceEnd = Math.min(end, roundDown(at, bytesPerSlice) + bytesPerSlice);
    if (!anyConcerned(state, at, sliceEnd, concerns)) continue;
    freeDiscarded(state, changeSlice(state, at, sliceEnd, concerns, change));
  }
}

/** Looks before it touches: an L2 table is neither made nor copied for a range in which nothing changes. */
function anyConcerned(
  state: ImageState,
  from: number,
  end: number,
  concerns: (slice: CachedTable, index: number) => boolean,
): boolean {
  const slice = state.tables.forRead(from as GuestOffset);
  if (slice === null) return state.backing !== null;
  try {
    const first = state.geometry.indexInSlice(from as GuestOffset);
    const count = state.geometry.clustersFor(end - from);
    for (let index = first; index < first + count; index++) if (concerns(slice, index)) return true;
    return false;
  } finally {
    state.l2.release(slice);
  }
}

function changeSlice(
  state: ImageState,
  from: number,
  end: number,
  concerns: (slice: CachedTable, index: number) => boolean,
  change: EntryChange,
): Replaced {
  const ranges: HostRange[] = [];
  const slice = state.tables.forWrite(from as GuestOffset);
  try {
    const first = state.geometry.indexInSlice(from as GuestOffset);
    const count = state.geometry.clustersFor(end - from);
    state.l2.markDirty(slice, state.entries.at(first), state.entries.at(first + count));
    for (let index = first; index < first + count; index++) {
      if (!concerns(slice, index)) continue;
      const range = change(state, slice, index);
      if (range !== null) ranges.push(range);
    }
  } finally {
    state.l2.release(slice);
  }
  return { ranges, slice };
}

function needsZeroing(state: ImageState, slice: CachedTable, index: number, mayUnmap: boolean): boolean {
  const kind = state.entries.kind(slice, index);
  if (state.geometry.extendedL2) return true;
  if (kind === CLUSTER_ZERO_PLAIN) return false;
  if (kind === CLUSTER_ZERO_ALLOCATED) return mayUnmap;
  return kind !== CLUSTER_UNALLOCATED || state.backing !== null;
}

const unallocate: EntryChange = (state, slice, index) => {
  const reference = state.entries.reference(slice, index);
  writePlain(state, slice, index, false);
  return reference;
};

const zeroPlain: EntryChange = (state, slice, index) => {
  if (state.dataFile !== null) return zeroKeepingPlace(state, slice, index);
  const reference = state.entries.reference(slice, index);
  writePlain(state, slice, index, true);
  return reference;
};

/** Keeps the host cluster of an entry that is this disk's alone; what is shared or compressed goes. */
const zeroKeepingPlace: EntryChange = (state, slice, index) => {
  const kind = state.entries.kind(slice, index);
  const keeps = state.entries.isOwned(slice, index) && (kind === CLUSTER_NORMAL || kind === CLUSTER_ZERO_ALLOCATED);
  if (!keeps) {
    const reference = state.entries.reference(slice, index);
    writePlain(state, slice, index, true);
    return reference;
  }
  const at = state.entries.at(index);
  if (state.geometry.extendedL2) zeroSubclusters(slice.view, at, 0, SUBCLUSTERS_PER_CLUSTER);
  else writeEntry(slice.view, at, entryOffset(slice.view, at), L2_COPIED + L2_ZERO);
  return null;
};

/** An entry without a host cluster: unallocated, or reading as zeros. */
function writePlain(state: ImageState, slice: CachedTable, index: number, zero: boolean): void {
  const at = state.entries.at(index);
  const { extendedL2 } = state.geometry;
  writeEntry(slice.view, at, 0, zero && !extendedL2 ? L2_ZERO : 0);
  if (extendedL2) writeBitmaps(slice.view, at, 0, zero ? 0xffffffff : 0);
}

/** Frees the ranges, neighbours together, and remembers whole clusters for punching. */
function freeDiscarded(state: ImageState, { ranges, slice }: Replaced): void {
  const joined: { offset: number; lengthBytes: number }[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    const continues =
      last !== undefined &&
      last.offset + last.lengthBytes === range.offset &&
      state.geometry.isClusterAligned(range.offset);
    if (continues) last.lengthBytes += range.lengthBytes;
    else joined.push({ ...range });
  }
  freeReplaced(state, { ranges: joined, slice });
  if (state.freedRanges === null) return;
  for (const range of ranges) {
    const isWhole = state.geometry.isClusterAligned(range.offset) && state.geometry.isClusterAligned(range.lengthBytes);
    if (isWhole && state.freedRanges.length < FREED_RANGES_MAX) state.freedRanges.push(range);
  }
}
