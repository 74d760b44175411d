/**
 * How every stage of history took snapshots: a walk that shifts refcounts, a table written aside, and header fields that publish it. Not
 * atomic over a power cut; `docs/safety.md` says what each step leaves behind. When a call fails, what was done is rolled back.
 */
import type { HostRange } from '../base/units.ts';
import { type Place, Pointer } from '../cache/ordering.ts';
import { HEADER_FIELDS } from '../format/header-fields.ts';
import { L1_ENTRY_BYTES } from '../format/l1-entry.ts';
import { encodeSnapshotTable, type SnapshotEntry } from '../format/snapshot-table.ts';
import { writeUint64 } from '../format/uint64.ts';
import { readL1, type SnapshotMethod, type SnapshotsParts, snapshotTableRange } from './snapshot-method.ts';
import { walkL1 } from './snapshot-walk.ts';
import { orUndo, type UndoLog } from './undo.ts';

export const walkedSnapshots: SnapshotMethod = {
  create: (parts, entry) =>
    orUndo(parts, { what: 'taking a snapshot', first: 'references' }, () => addSnapshot(parts, entry)),
  goBack: (parts, entry, sizeBytes) =>
    orUndo(parts, { what: 'going back to a snapshot', first: 'refcounts' }, () => goBack(parts, entry, sizeBytes)),
  remove: (parts, entry) =>
    orUndo(parts, { what: 'deleting a snapshot', first: 'refcounts' }, (undo) => dropSnapshot(parts, entry, undo)),
};

function addSnapshot(parts: SnapshotsParts, entry: (l1TableOffset: number) => SnapshotEntry): void {
  walkL1(parts, parts.vars.l1, 1);
  const clusters = parts.geometry.clustersFor(parts.vars.l1.entryBytes.length);
  const { offset: l1TableOffset, wait } = parts.allocator.allocate(clusters);
  const copy = new Pointer('l1', l1TableOffset, parts.vars.l1.entryBytes);
  parts.policy.order({ order: 'refcount-before-snapshot-l1', before: wait, after: [copy] });
  parts.policy.place(copy);
  replaceSnapshotTable(parts, [...parts.vars.snapshots, entry(l1TableOffset)], snapshotTableRange(parts));
}

function goBack(parts: SnapshotsParts, entry: SnapshotEntry, sizeBytes: number): void {
  const neededEntries = parts.geometry.l1EntriesFor(sizeBytes);
  // First, because it allocates: not from what the walk is about to free while the active table still names it.
  parts.activeL1.grow(Math.max(entry.l1Entries, neededEntries), true);
  walkL1(parts, parts.vars.l1, -1);
  const { l1 } = parts.vars;
  const snapshotBytes = readL1(parts, entry).entryBytes;
  l1.bytes.fill(0);
  l1.bytes.set(snapshotBytes);
  // The active table may be longer, when it grew after the snapshot: its tail must not keep naming tables just freed.
  parts.policy.publish(new Pointer('l1', l1.offset, l1.entryBytes), []);
  // After the table: with the old size it is whole too, only cut off or followed by what reads as zeros.
  if (sizeBytes !== parts.vars.sizeBytes) parts.activeL1.publishSize(sizeBytes);
  // From here on it is as long as the snapshot's, as in history: what needs more entries grows it again.
  // Never shorter than the disk needs: a damaged snapshot may say less.
  const entryCount = Math.max(entry.l1Entries, neededEntries);
  if (entryCount < l1.entryCount) parts.vars.l1 = l1.shortenedTo(entryCount);
  walkL1(parts, parts.vars.l1, 1);
}

function dropSnapshot(parts: SnapshotsParts, entry: SnapshotEntry, undo: UndoLog): void {
  const l1 = readL1(parts, entry);
  undo.keepL1(l1);
  walkL1(parts, l1, -1);
  walkL1(parts, parts.vars.l1, 0);
  const oldTable = snapshotTableRange(parts);
  parts.vars.snapshots = parts.vars.snapshots.filter((other) => other !== entry);
  // At once, whatever the allocator: the reference is dropped only when the table is published.
  parts.counts.lower(entry.l1TableOffset, entry.l1Entries * L1_ENTRY_BYTES, []);
  // The new table may take clusters that the snapshot has just given up.
  replaceSnapshotTable(parts, parts.vars.snapshots, oldTable, (publish) => undo.onlyForward(publish));
}

/**
 * Writes a new snapshot table aside, publishes it in the header and frees the old one. `beforeWriting` is given what writes and
 * publishes; repeated, it does no harm.
 */
export function replaceSnapshotTable(
  parts: SnapshotsParts,
  entries: readonly SnapshotEntry[],
  old: HostRange,
  beforeWriting?: (publish: () => void) => void,
): void {
  const clusters = parts.geometry.clustersFor(encodeSnapshotTable(entries).length);
  const { offset, wait } = parts.allocator.allocate(clusters);
  const place: Place = { kind: 'snapshot-table', offset };
  parts.policy.order({ order: 'refcount-before-snapshot-table', before: wait, after: [place] });
  const publish = () => publishSnapshotTable(parts, entries, offset);
  beforeWriting?.(publish);
  const published = publish();
  parts.policy.withdraw(old, published.at(-1)!);
  parts.allocator.release([old], published);
}

/** Returns the pointers that publish it. */
function publishSnapshotTable(parts: SnapshotsParts, entries: readonly SnapshotEntry[], offset: number): Pointer[] {
  const bytes = encodeSnapshotTable(entries);
  const pieces = entryPieces(entries).map(
    ([from, to]) => new Pointer('snapshot-table', offset + from, bytes.subarray(from, to)),
  );
  for (const piece of pieces) parts.policy.place(piece);
  const field = new Uint8Array(8);
  writeUint64(new DataView(field.buffer), 0, offset);
  const place = new Pointer('header', HEADER_FIELDS.snapshotsOffset, field);
  parts.policy.publish(place, pieces);
  const countField = new Uint8Array(4);
  new DataView(countField.buffer).setUint32(0, entries.length);
  const count = new Pointer('header', HEADER_FIELDS.snapshotCount, countField);
  parts.policy.publish(count, [place]);
  parts.vars.snapshotsOffset = offset;
  parts.vars.snapshots = entries;
  return [place, count];
}

/** The pieces of an encoded table as history wrote them: of each entry the fixed part with its extra data, the id, the name. */
function entryPieces(entries: readonly SnapshotEntry[]): [number, number][] {
  const pieces: [number, number][] = [];
  let end = 0;
  for (const entry of entries) {
    const start = Math.ceil(end / 8) * 8;
    end = start + encodeSnapshotTable([entry]).length;
    const nameStart = end - entry.nameBytes.length;
    const idStart = nameStart - entry.idBytes.length;
    pieces.push([start, idStart], [idStart, nameStart], [nameStart, end]);
  }
  return pieces;
}
