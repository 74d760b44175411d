/**
 * Getting at L2 tables: for reading, and for writing, where a missing table is made and a shared one is copied
 * (qcow2.rst, "Cluster mapping").
 */
import { Qcow2Error } from '../base/errors.ts';
import type { GuestOffset } from '../base/units.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import { L1_ENTRY_BYTES, l1EntryIsCopied, l1EntryOffset, writeL1Entry } from '../format/l1-entry.ts';
import { growL1, type L1Table, publishL1Entry } from './l1-table.ts';
import { allocateClusters, freeClusters } from './refcounts.ts';
import type { ImageState } from './state.ts';
import { orUndo } from './undo.ts';

/** The slice of the L2 table that maps `guestOffset`, pinned; null where there is no table. */
export function getL2ForRead(state: ImageState, guestOffset: GuestOffset): CachedTable | null {
  const index = state.geometry.l1Index(guestOffset);
  if (index >= state.vars.l1.entryCount) return null;
  const offset = tableOffsetAt(state, state.vars.l1, index);
  return offset === 0 ? null : state.l2.get(offset + state.geometry.sliceStart(guestOffset));
}

/** The slice of the L2 table that maps `guestOffset`, pinned, of a table that may be changed in place. */
export function getL2ForWrite(state: ImageState, guestOffset: GuestOffset): CachedTable {
  const index = state.geometry.l1Index(guestOffset);
  if (index >= state.vars.l1.entryCount) growL1(state, index + 1, false);
  const offset = tableOffsetAt(state, state.vars.l1, index);
  const sliceStart = state.geometry.sliceStart(guestOffset);
  const writable = offset !== 0 && l1EntryIsCopied(state.vars.l1.view, index * L1_ENTRY_BYTES);
  return writable ? state.l2.get(offset + sliceStart) : replaceL2Table(state, index, offset, sliceStart);
}

/** Host offset of the L2 table that entry `index` of `l1` names, 0 for none. */
export function tableOffsetAt(state: ImageState, l1: L1Table, index: number): number {
  const offset = l1EntryOffset(l1.view, index * L1_ENTRY_BYTES);
  if (!state.geometry.isClusterAligned(offset)) {
    const facts = { table: 'l1' as const, offset: l1.offset + index * L1_ENTRY_BYTES, found: offset };
    throw new Qcow2Error('CORRUPT', `L2 table offset ${offset} unaligned (L1 index: ${index})`, facts);
  }
  return offset;
}

/**
 * Makes a new L2 table for L1 entry `index`: a copy of the one at `oldOffset`, or all zero when that is 0.
 * Returns its slice at `sliceStart`, pinned.
 */
function replaceL2Table(state: ImageState, index: number, oldOffset: number, sliceStart: number): CachedTable {
  if (oldOffset === 0 || !state.stage.freesSharedL2BeforeCopy) return newL2Table(state, index, oldOffset, sliceStart);
  return orUndo(state, { what: 'copying a shared L2 table', first: 'refcounts' }, () => {
    freeClusters(state, oldOffset, state.geometry.clusterBytes);
    return newL2Table(state, index, oldOffset, sliceStart);
  });
}

/** The same, in the order of the later stages: what is replaced is freed last. */
function newL2Table(state: ImageState, index: number, oldOffset: number, sliceStart: number): CachedTable {
  const { clusterBytes } = state.geometry;
  const newOffset = allocateClusters(state, clusterBytes);
  state.policy.require('refcount-before-l2-table');
  const slice = writeNewL2Table(state, newOffset, oldOffset, sliceStart);
  try {
    linkL2Table(state, index, newOffset, oldOffset);
    if (oldOffset !== 0 && !state.stage.freesSharedL2BeforeCopy) freeClusters(state, oldOffset, clusterBytes);
  } catch (error) {
    state.l2.unpin(slice);
    throw error;
  }
  return slice;
}

function linkL2Table(state: ImageState, index: number, newOffset: number, oldOffset: number): void {
  writeL1Entry(state.vars.l1.view, index * L1_ENTRY_BYTES, newOffset, true);
  try {
    publishL1Entry(state, index);
  } catch (error) {
    // Memory goes back to what the file may still say; the new table is leaked, not lost.
    writeL1Entry(state.vars.l1.view, index * L1_ENTRY_BYTES, oldOffset, false);
    throw error;
  }
}

/** Fills the table at `newOffset` and has it written before anything can point to it. The slice at `keepStart` stays pinned. */
function writeNewL2Table(state: ImageState, newOffset: number, oldOffset: number, keepStart: number): CachedTable {
  const { clusterBytes, l2SliceBytes } = state.geometry;
  for (let start = 0; start < clusterBytes; start += l2SliceBytes) {
    if (start !== keepStart) state.l2.release(fillNewSlice(state, newOffset, oldOffset, start));
  }
  const kept = fillNewSlice(state, newOffset, oldOffset, keepStart);
  try {
    // Once for the whole table: what this does for the last slice covers those released before it.
    state.policy.require('l2-table-before-l1-entry', kept);
    return kept;
  } catch (error) {
    state.l2.unpin(kept);
    throw error;
  }
}

/** One slice of it, dirty and pinned. */
function fillNewSlice(state: ImageState, newOffset: number, oldOffset: number, start: number): CachedTable {
  const slice = state.l2.getEmpty(newOffset + start);
  try {
    fillSlice(state, slice, oldOffset === 0 ? 0 : oldOffset + start);
    state.l2.markDirty(slice, 0, state.geometry.l2SliceBytes);
    return slice;
  } catch (error) {
    state.l2.unpin(slice);
    throw error;
  }
}

function fillSlice(state: ImageState, slice: CachedTable, oldOffset: number): void {
  if (oldOffset === 0) {
    slice.bytes.fill(0);
  } else if (state.stage.copiesL2FromFile) {
    state.file.read(oldOffset, slice.bytes, 'l2');
  } else {
    const old = state.l2.get(oldOffset);
    slice.bytes.set(old.bytes);
    state.l2.release(old);
  }
}
