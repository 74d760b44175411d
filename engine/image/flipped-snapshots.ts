/**
 * Snapshot operations that a power cut finds either done or not begun, in two barriers whatever the size of the disk.
 *
 * The header fields that say which L1 table is active, how large the disk is, and where the snapshot table lies, share one sector. So
 * everything new is written aside; a barrier; one write flips the header; a barrier. Until the flip all that has changed in place is
 * harmless: refcounts are too high, COPIED flags are missing. What the flip has dropped is lowered afterwards and rides along with later
 * flushes; a power cut before that leaks it.
 */
import { Qcow2Error } from '../base/errors.ts';
import { Pointer } from '../cache/ordering.ts';
import { HEADER_FIELDS, L1_BYTES_MAX } from '../format/header-fields.ts';
import { L1_ENTRY_BYTES } from '../format/l1-entry.ts';
import { encodeSnapshotTable, type SnapshotEntry } from '../format/snapshot-table.ts';
import { writeUint64 } from '../format/uint64.ts';
import { readBytes } from '../io/sector-access.ts';
import { L1Table } from './l1-table.ts';
import { withRoom } from './make-room.ts';
import { readL1, type SnapshotMethod, type SnapshotsParts, snapshotTableRange } from './snapshot-method.ts';
import { walkL1 } from './snapshot-walk.ts';
import { orUndo, type UndoLog } from './undo.ts';

/** What one write of the header changes. */
type Flip = Partial<Pick<SnapshotsParts['vars'], 'sizeBytes' | 'l1' | 'snapshots' | 'snapshotsOffset'>>;

/** From the size of the disk to the place of the snapshot table, all within the first sector (qcow2.rst, "Header"). */
const FLIPPED_FROM = HEADER_FIELDS.size;
const FLIPPED_TO = HEADER_FIELDS.snapshotsOffset + 8;

export const flippedSnapshots: SnapshotMethod = {
  create(parts, entry) {
    const oldTable = snapshotTableRange(parts);
    const header = flipped(parts, 'taking a snapshot', () => {
      walkL1(parts, parts.vars.l1, 1);
      const l1TableOffset = placeL1(parts, parts.vars.l1.entryBytes);
      return flip(parts, placeTable(parts, [...parts.vars.snapshots, entry(l1TableOffset)]));
    });
    parts.allocator.release([oldTable], [header]);
  },

  goBack(parts, entry, sizeBytes) {
    const old = parts.vars.l1;
    const entryCount = Math.max(entry.l1Entries, parts.geometry.l1EntriesFor(sizeBytes));
    refuseLongL1(parts, entryCount);
    const header = flipped(parts, 'going back to a snapshot', (undo) => {
      const snapshotL1 = readL1(parts, entry);
      undo.keepL1(snapshotL1);
      walkL1(parts, snapshotL1, 1);
      const bytes = new Uint8Array(entryCount * L1_ENTRY_BYTES);
      bytes.set(snapshotL1.entryBytes);
      const l1 = new L1Table(placeL1(parts, bytes), entryCount);
      l1.entryBytes.set(bytes);
      return flip(parts, { l1, sizeBytes });
    });
    parts.allocator.release([{ offset: old.offset, lengthBytes: old.reservedBytes }], [header]);
    lowerDropped('going back to a snapshot', () => walkL1(parts, old, -1, 'dropped'));
  },

  remove(parts, entry) {
    const oldTable = snapshotTableRange(parts);
    const l1 = readL1(parts, entry);
    const header = flipped(parts, 'deleting a snapshot', () =>
      flip(
        parts,
        placeTable(
          parts,
          parts.vars.snapshots.filter((other) => other !== entry),
        ),
      ),
    );
    const l1Range = { offset: entry.l1TableOffset, lengthBytes: entry.l1Entries * L1_ENTRY_BYTES };
    parts.allocator.release([oldTable, l1Range], [header]);
    lowerDropped('deleting a snapshot', () => {
      walkL1(parts, l1, -1, 'dropped');
      walkL1(parts, parts.vars.l1, 0);
    });
  },
};

/** Up to the flip, all of it or nothing, and with all the space that can be had. */
function flipped(parts: SnapshotsParts, what: string, action: (undo: UndoLog) => Pointer): Pointer {
  return withRoom(parts, () => orUndo(parts, { what, first: 'references' }, action));
}

/** A damaged snapshot may claim any size: its L1 table is not made before that is known to be possible. */
function refuseLongL1({ file }: SnapshotsParts, entryCount: number): void {
  const lengthBytes = entryCount * L1_ENTRY_BYTES;
  if (lengthBytes <= L1_BYTES_MAX) return;
  const message = `${file.name}: the L1 table would need ${lengthBytes} bytes; the limit is ${L1_BYTES_MAX}`;
  throw new Qcow2Error('INVALID_ARGUMENT', message, { file: file.name, table: 'l1' });
}

/** Writes an L1 table aside; returns its offset. */
function placeL1({ geometry, allocator, policy }: SnapshotsParts, bytes: Uint8Array): number {
  const { offset } = allocator.allocate(geometry.clustersFor(bytes.length));
  policy.place(new Pointer('l1', offset, bytes));
  return offset;
}

function placeTable({ geometry, allocator, policy }: SnapshotsParts, snapshots: readonly SnapshotEntry[]): Flip {
  const bytes = encodeSnapshotTable(snapshots);
  // An empty table needs no place, but the offset of one must lie on a cluster boundary.
  if (bytes.length === 0) return { snapshots, snapshotsOffset: 0 };
  const { offset } = allocator.allocate(geometry.clustersFor(bytes.length));
  policy.place(new Pointer('snapshot-table', offset, bytes));
  return { snapshots, snapshotsOffset: offset };
}

/** Makes durable what was written aside, then the header that names it. Returns the header's write. */
function flip({ file, policy, vars }: SnapshotsParts, change: Flip): Pointer {
  policy.flush();
  const next = { ...vars, ...change };
  const bytes = new Uint8Array(FLIPPED_TO - FLIPPED_FROM);
  readBytes(file, FLIPPED_FROM, bytes, 'header');
  const view = new DataView(bytes.buffer);
  writeUint64(view, HEADER_FIELDS.size - FLIPPED_FROM, next.sizeBytes);
  view.setUint32(HEADER_FIELDS.l1Size - FLIPPED_FROM, next.l1.entryCount);
  writeUint64(view, HEADER_FIELDS.l1TableOffset - FLIPPED_FROM, next.l1.offset);
  view.setUint32(HEADER_FIELDS.snapshotCount - FLIPPED_FROM, next.snapshots.length);
  writeUint64(view, HEADER_FIELDS.snapshotsOffset - FLIPPED_FROM, next.snapshotsOffset);
  const header = new Pointer('header', FLIPPED_FROM, bytes);
  policy.publishNow(header);
  Object.assign(vars, change);
  return header;
}

/** The operation is done and durable, and stays so. What a failing device keeps from being lowered now leaks until a repair. */
function lowerDropped(what: string, lower: () => void): void {
  try {
    lower();
  } catch (error) {
    if (!(error instanceof Qcow2Error)) throw error;
    throw new Qcow2Error(
      error.code,
      `${what} is done, but not all that it freed: ${error.message}`,
      error.facts,
      error,
    );
  }
}
