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
import { readL1, type SnapshotsParts } from './snapshot-method.ts';

export interface ExpansionParts extends SnapshotsParts {
  readonly backing: GuestDisk | null;
  readonly updates: MappingUpdates;
}

/** Of the disk and of every snapshot. No image with an external data file or extended L2 entries. Durable on return. */
export function expandZeroClusters(parts: ExpansionParts): void {
  const done = new Set<number>([0]);
  const expandAll = (l1: L1Table) => {
    for (let index = 0; index < l1.entryCount; index++) {
      const offset = parts.tables.offsetAt(l1, index);
      if (!done.has(offset)) expandTable(parts, offset);
      done.add(offset);
    }
  };
  expandAll(parts.vars.l1);
  for (const entry of parts.vars.snapshots) expandAll(readL1(parts, entry));
  parts.policy.flush();
}

/** In place, shared or not: every disk that uses the table reads the same zeros there. */
function expandTable(parts: ExpansionParts, offset: number): void {
  const { clusterBytes, l2SliceBytes, entriesPerSlice } = parts.geometry;
  const uses = parts.counts.of(parts.geometry.hostCluster(offset));
  for (let start = 0; start < clusterBytes; start += l2SliceBytes) {
    const slice = parts.l2.get(offset + start);
    try {
      for (let index = 0; index < entriesPerSlice; index++) expandEntry(parts, slice, index, uses);
    } finally {
      parts.l2.release(slice);
    }
  }
}

/** `uses`: how many L1 entries name the table, and so how many references its entry stands for. */
function expandEntry(parts: ExpansionParts, slice: CachedTable, index: number, uses: number): void {
  const kind = parts.entries.kind(slice, index);
  if (kind !== CLUSTER_ZERO_PLAIN && kind !== CLUSTER_ZERO_ALLOCATED) return;
  const kept = kind === CLUSTER_ZERO_ALLOCATED ? parts.entries.dataOffset(slice, index) : null;
  // A cluster that other tables name too may be data there.
  const isOwn = kept !== null && parts.counts.of(parts.geometry.hostCluster(kept)) === uses;
  if (isOwn)
    return setZeros(parts, slice, index, { offset: kept, wait: [], readsAsZeros: false, isUnnamed: false }, uses);
  if (parts.backing === null) setEntry(parts, slice, index, 0, 0);
  else setZeros(parts, slice, index, allocateFor(parts, uses), uses);
  if (kept === null) return;
  const range = { offset: kept, lengthBytes: parts.geometry.clusterBytes };
  parts.updates.release({ ranges: new Array<HostRange>(uses).fill(range), slice });
}

function allocateFor(parts: ExpansionParts, uses: number): Allocation {
  const { offset, wait } = parts.allocator.allocate(1);
  const raised = [...wait];
  for (let use = 1; use < uses; use++) raised.push(...parts.counts.raise(offset, parts.geometry.clusterBytes));
  return { offset, wait: raised, readsAsZeros: false, isUnnamed: false };
}

function setZeros(
  parts: ExpansionParts,
  slice: CachedTable,
  index: number,
  { offset, wait }: Allocation,
  uses: number,
): void {
  parts.file.write(offset, new Uint8Array(parts.geometry.clusterBytes), 'data');
  parts.updates.orderBefore('copied-data-before-mapping', wait, slice);
  setEntry(parts, slice, index, offset, uses === 1 ? L2_COPIED : 0);
}

function setEntry(parts: ExpansionParts, slice: CachedTable, index: number, offset: number, flags: number): void {
  const at = parts.entries.at(index);
  parts.l2.markDirty(slice, at, at + parts.geometry.l2EntryBytes);
  writeEntry(slice.view, at, offset, flags);
}
