/**
 * Guest reads and writes in whole sectors, copy-on-write included (qcow2.rst, "Copy-on-write" and "Cluster mapping").
 */
import { type GuestOffset, roundDown } from '../base/units.ts';
import {
  allocateSubclusters,
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  L2_COPIED,
  writeEntry,
} from '../format/l2-entry.ts';
import { readCompressed } from './compressed.ts';
import type { HostRange } from './geometry.ts';
import { mapForRead } from './mapping.ts';
import type { Replaced } from './replaced.ts';
import { dataFileOf, type ImageState } from './state.ts';
import { planWrite, type WriteRun } from './write-plan.ts';

/** Fills `into` with the guest's bytes at `guestOffset`. `kind` says on whose behalf the file is read. */
export function readGuest(
  state: ImageState,
  guestOffset: GuestOffset,
  into: Uint8Array,
  kind: 'data' | 'cow' = 'data',
): void {
  let done = 0;
  while (done < into.length) {
    const offset = (guestOffset + done) as GuestOffset;
    const extent = mapForRead(state, offset, into.length - done);
    const piece = into.subarray(done, done + extent.lengthBytes);
    if (extent.kind === CLUSTER_NORMAL) dataFileOf(state).read(extent.hostOffset, piece, kind);
    else if (extent.kind === CLUSTER_UNALLOCATED) readBacking(state, offset, piece);
    else if (extent.kind === CLUSTER_COMPRESSED)
      readCompressed(state, extent.compressed!, state.geometry.offsetInCluster(offset), piece);
    else piece.fill(0);
    done += extent.lengthBytes;
  }
}

/** What the backing disk has at `guestOffset`; zeros past its end, and past the end of this disk (VM state lies there). */
function readBacking(state: ImageState, guestOffset: GuestOffset, into: Uint8Array): void {
  const endBytes = state.backing === null ? 0 : Math.min(state.backing.sizeBytes, state.vars.sizeBytes);
  const available = Math.max(0, Math.min(into.length, endBytes - guestOffset));
  if (available > 0) state.backing?.read(guestOffset, into.subarray(0, available));
  into.fill(0, available);
}

/** Writes `bytes` at `guestOffset`; both are multiples of 512. Durable only after a flush. */
export function writeGuest(state: ImageState, guestOffset: GuestOffset, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) {
    const offset = (guestOffset + done) as GuestOffset;
    const run = planWrite(state, offset, bytes.length - done);
    const inCluster = state.geometry.offsetInCluster(offset);
    dataFileOf(state).write(run.hostOffset + inCluster, bytes.subarray(done, done + run.lengthBytes), 'data');
    if (run.unlinkedClusters > 0) linkRun(state, run);
    done += run.lengthBytes;
  }
}

/** Completes the run's clusters by copying what the write left out, then sets their L2 entries and frees what they named. */
function linkRun(state: ImageState, run: WriteRun): void {
  const copied = copyAround(state, run);
  state.policy.require(copied || run.exposesOldContent ? 'copied-data-before-mapping' : 'data-before-mapping');
  orderRefcountsBeforeMapping(state);
  freeReplaced(state, setEntries(state, run));
}

/** Gives every cluster in the range a place in the file, without content: for a new image, whose file reads as zeros. */
export function mapWithoutData(state: ImageState, guestOffset: GuestOffset, lengthBytes: number): { hostEnd: number } {
  let hostEnd = 0;
  for (let done = 0; done < lengthBytes; ) {
    const run = planWrite(state, (guestOffset + done) as GuestOffset, lengthBytes - done);
    orderRefcountsBeforeMapping(state);
    freeReplaced(state, setEntries(state, run));
    hostEnd = Math.max(hostEnd, run.hostOffset + run.lengthBytes);
    done += run.lengthBytes;
  }
  return { hostEnd };
}

/** With lazy refcounts the dirty bit takes the place of the order: it says that references may be ahead of refcounts. */
export function orderRefcountsBeforeMapping(state: ImageState): void {
  if (state.lazyRefcounts) state.features.setDirty();
  else state.policy.require('refcounts-before-mapping');
}

/** Frees what L2 entries have just ceased to name. */
export function freeReplaced(state: ImageState, { ranges, slice }: Replaced): void {
  if (ranges.length === 0) return;
  state.policy.require('mapping-before-free');
  state.allocator.release(ranges, [slice]);
}

/** Copies the old content before and behind the written bytes into the run's first and last unit. True if it did. */
function copyAround(state: ImageState, run: WriteRun): boolean {
  const { guestOffset, lengthBytes, unitBytes } = run;
  const end = guestOffset + lengthBytes;
  const headBytes = run.copiesHead ? guestOffset % unitBytes : 0;
  const tailBytes = run.copiesTail ? (unitBytes - (end % unitBytes)) % unitBytes : 0;
  if (headBytes > 0) copyOld(state, run, guestOffset - headBytes, headBytes);
  if (tailBytes > 0) copyOld(state, run, end, tailBytes);
  return headBytes > 0 || tailBytes > 0;
}

function copyOld(state: ImageState, run: WriteRun, guestOffset: number, lengthBytes: number): void {
  const piece = state.copyBuffer.subarray(0, lengthBytes);
  readGuest(state, guestOffset as GuestOffset, piece, 'cow');
  const runStart = roundDown(run.guestOffset, state.geometry.clusterBytes);
  dataFileOf(state).write(run.hostOffset + guestOffset - runStart, piece, 'cow');
}

/** Points the run's L2 entries at its clusters. Returns what they named before and no longer do. */
function setEntries(state: ImageState, run: WriteRun): Replaced {
  const { geometry } = state;
  const ranges: HostRange[] = [];
  const slice = state.tables.forWrite(run.guestOffset);
  try {
    const first = geometry.indexInSlice(run.guestOffset);
    state.l2.markDirty(slice, state.entries.at(first), state.entries.at(first + run.unlinkedClusters));
    for (let count = 0; count < run.unlinkedClusters; count++) {
      const at = state.entries.at(first + count);
      const hostOffset = run.hostOffset + count * geometry.clusterBytes;
      const old = state.entries.reference(slice, first + count);
      if (old !== null && old.offset !== hostOffset) ranges.push(old);
      writeEntry(slice.view, at, hostOffset, L2_COPIED);
      if (geometry.extendedL2) linkSubclusters(state, run, slice.view, at, count);
    }
  } finally {
    state.l2.release(slice);
  }
  return { ranges, slice };
}

/** Marks the subclusters of the run's cluster number `count` that the run has filled. */
function linkSubclusters(state: ImageState, run: WriteRun, view: DataView, at: number, count: number): void {
  const { clusterBytes, subclusterBytes } = state.geometry;
  const clusterStart = roundDown(run.guestOffset, clusterBytes) + count * clusterBytes;
  const from = Math.max(0, roundDown(run.guestOffset, run.unitBytes) - clusterStart);
  const end = Math.ceil((run.guestOffset + run.lengthBytes) / run.unitBytes) * run.unitBytes;
  const to = Math.min(clusterBytes, end - clusterStart);
  allocateSubclusters(view, at, from / subclusterBytes, to / subclusterBytes);
}
