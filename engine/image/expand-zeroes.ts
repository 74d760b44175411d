/**
 * Zero clusters without the zero flag, which version 2 does not have (qcow2.rst, "Standard Cluster Descriptor"): unallocated where
 * nothing lies below, else real zeros.
 */

import type { HostRange } from '../base/units.ts';
import type { Allocation } from '../cache/allocator.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import type { GuestDisk } from '../disk/device.ts';
import { CLUSTER_ZERO_ALLOCATED, CLUSTER_ZERO_PLAIN, L2_COPIED, writeEntry } from '../format/l2-entry.ts';
import type { L1Table } from './l1-table.ts';
import type { MappingUpdates } from './mapping-updates.ts';
import { readL1, type SnapshotsParts } from './snapshots.ts';

export interface ExpansionParts extends SnapshotsParts {
  readonly backing: GuestDisk | null;
  readonly updates: MappingUpdates;
}

/** Of the disk and of every snapshot. No image with an external data file or extended L2 entries. Durable on return. */
export function expandZeroClusters(state: ExpansionParts): void {
  const done = new Set<number>([0]);
  const expandAll = (l1: L1Table) => {
    for (let index = 0; index < l1.entryCount; index++) {
      const offset = state.tables.offsetAt(l1, index);
      if (!done.has(offset)) expandTable(state, offset);
      done.add(offset);
    }
  };
  expandAll(state.vars.l1);
  for (const entry of state.vars.snapshots) expandAll(readL1(state, entry));
  state.policy.flush();
}

/** In place, shared or not: every disk that uses the table reads the same zeros there. */
function expandTable(state: ExpansionParts, offset: number): void {
  const { clusterBytes, l2SliceBytes, entriesPerSlice } = state.geometry;
  const uses = state.counts.of(state.geometry.hostCluster(offset));
  for (let start = 0; start < clusterBytes; start += l2SliceBytes) {
    const slice = state.l2.get(offset + start);
    try {
      for (let index = 0; index < entriesPerSlice; index++) expandEntry(state, slice, index, uses);
    } finally {
      state.l2.release(slice);
    }
  }
}

/** `uses`: how many L1 entries name the table, and so how many references its entry stands for. */
function expandEntry(state: ExpansionParts, slice: CachedTable, index: number, uses: number): void {
  const kind = state.entries.kind(slice, index);
  if (kind !== CLUSTER_ZERO_PLAIN && kind !== CLUSTER_ZERO_ALLOCATED) return;
  const kept = kind === CLUSTER_ZERO_ALLOCATED ? state.entries.dataOffset(slice, index) : null;
  // A cluster that other tables name too may be data there.
  const isOwn = kept !== null && state.counts.of(state.geometry.hostCluster(kept)) === uses;
  if (isOwn) return setZeros(state, slice, index, { offset: kept, wait: [] }, uses);
  if (state.backing === null) setEntry(state, slice, index, 0, 0);
  else setZeros(state, slice, index, allocateFor(state, uses), uses);
  if (kept === null) return;
  const range = { offset: kept, lengthBytes: state.geometry.clusterBytes };
  state.updates.release({ ranges: new Array<HostRange>(uses).fill(range), slice });
}

function allocateFor(state: ExpansionParts, uses: number): Allocation {
  const { offset, wait } = state.allocator.allocate(1);
  const raised = [...wait];
  for (let use = 1; use < uses; use++) raised.push(...state.counts.raise(offset, state.geometry.clusterBytes));
  return { offset, wait: raised };
}

function setZeros(
  state: ExpansionParts,
  slice: CachedTable,
  index: number,
  { offset, wait }: Allocation,
  uses: number,
): void {
  state.file.write(offset, new Uint8Array(state.geometry.clusterBytes), 'data');
  state.updates.orderBefore('copied-data-before-mapping', wait, slice);
  setEntry(state, slice, index, offset, uses === 1 ? L2_COPIED : 0);
}

function setEntry(state: ExpansionParts, slice: CachedTable, index: number, offset: number, flags: number): void {
  const at = state.entries.at(index);
  state.l2.markDirty(slice, at, at + state.geometry.l2EntryBytes);
  writeEntry(slice.view, at, offset, flags);
}
