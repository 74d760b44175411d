/**
 * Guest reads and writes in whole sectors, copy-on-write included (qcow2.rst, "Copy-on-write" and "Cluster mapping").
 */
import { Qcow2Error } from '../base/errors.ts';
import type { GuestOffset } from '../base/units.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  entryOffset,
  L2_COPIED,
  writeEntry,
} from '../format/l2-entry.ts';
import { getL2ForWrite } from './l2-tables.ts';
import { kindAt, mapForRead, planWrite, type WriteRun } from './mapping.ts';
import { freeClusters } from './refcounts.ts';
import type { ImageState } from './state.ts';

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
    if (extent.kind === CLUSTER_NORMAL) state.file.read(extent.hostOffset, piece, kind);
    else if (extent.kind === CLUSTER_UNALLOCATED) readBacking(state, offset, piece);
    else if (extent.kind === CLUSTER_COMPRESSED)
      throw new Qcow2Error('UNSUPPORTED', 'compressed clusters cannot be read');
    else piece.fill(0);
    done += extent.lengthBytes;
  }
}

/** What the backing disk has at `guestOffset`; zeros past its end, and past the end of this disk (VM state lies there). */
function readBacking(state: ImageState, guestOffset: GuestOffset, into: Uint8Array): void {
  const endBytes = state.backing === null ? 0 : Math.min(state.backing.sizeBytes, state.sizeBytes);
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
    state.file.write(run.hostOffset + inCluster, bytes.subarray(done, done + run.lengthBytes), 'data');
    if (run.unlinkedClusters > 0) linkRun(state, run);
    done += run.lengthBytes;
  }
}

/** Completes the run's clusters by copying what the write left out, then sets their L2 entries and frees what they named. */
function linkRun(state: ImageState, run: WriteRun): void {
  const copied = copyAround(state, run);
  state.policy.require(copied || run.exposesOldContent ? 'copied-data-before-mapping' : 'data-before-mapping');
  state.policy.require('refcounts-before-mapping');
  const replaced = setEntries(state, run);
  if (replaced.length === 0) return;
  state.policy.require('mapping-before-free');
  for (const offset of replaced) freeClusters(state, offset, state.geometry.clusterBytes);
}

/** Copies the old content before and behind the written bytes into the run's first and last cluster. True if it did. */
function copyAround(state: ImageState, run: WriteRun): boolean {
  const { clusterBytes } = state.geometry;
  const headBytes = state.geometry.offsetInCluster(run.guestOffset);
  const endInRun = headBytes + run.lengthBytes;
  const tailBytes = (clusterBytes - (endInRun % clusterBytes)) % clusterBytes;
  const runStart = run.guestOffset - headBytes;
  if (headBytes > 0) copyOld(state, runStart, run.hostOffset, headBytes);
  if (tailBytes > 0) copyOld(state, runStart + endInRun, run.hostOffset + endInRun, tailBytes);
  return headBytes > 0 || tailBytes > 0;
}

function copyOld(state: ImageState, guestOffset: number, hostOffset: number, lengthBytes: number): void {
  const piece = state.copyBuffer.subarray(0, lengthBytes);
  readGuest(state, guestOffset as GuestOffset, piece, 'cow');
  state.file.write(hostOffset, piece, 'cow');
}

/** Points the run's L2 entries at its clusters. Returns the host offsets of clusters that are no longer named. */
function setEntries(state: ImageState, run: WriteRun): number[] {
  const { geometry } = state;
  const { clusterBytes, l2EntryBytes } = geometry;
  const replaced: number[] = [];
  const table = getL2ForWrite(state, run.guestOffset);
  try {
    const first = geometry.indexInSlice(run.guestOffset);
    state.l2.markDirty(table, first * l2EntryBytes, (first + run.unlinkedClusters) * l2EntryBytes);
    for (let count = 0; count < run.unlinkedClusters; count++) {
      const at = (first + count) * l2EntryBytes;
      const hostOffset = run.hostOffset + count * clusterBytes;
      const old = kindAt(state, table, first + count) === CLUSTER_COMPRESSED ? 0 : entryOffset(table.view, at);
      if (old !== 0 && old !== hostOffset) replaced.push(old);
      writeEntry(table.view, at, hostOffset, L2_COPIED);
    }
  } finally {
    state.l2.release(table);
  }
  return replaced;
}
