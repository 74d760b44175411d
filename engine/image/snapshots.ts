/**
 * Internal snapshots: create, apply, delete (qcow2.rst, "Snapshots").
 *
 * Each is a walk that shifts refcounts, a table written aside, and a header field that publishes it. No stage of history is
 * atomic over a power cut here; `docs/safety.md` says what each leaves behind. When a call fails, what was done is taken back.
 */
import { Qcow2Error } from '../base/errors.ts';
import type { HostRange } from '../base/units.ts';
import { roundUp, SECTOR_BYTES } from '../base/units.ts';
import type { Allocation } from '../cache/allocator.ts';
import { type Place, Pointer } from '../cache/ordering.ts';
import type { Header } from '../format/header.ts';
import { HEADER_FIELDS, SNAPSHOT_COUNT_MAX } from '../format/header-fields.ts';
import { L1_ENTRY_BYTES } from '../format/l1-entry.ts';
import {
  encodeSnapshotTable,
  SNAPSHOT_NAME_BYTES_MAX,
  type SnapshotEntry,
  snapshotId,
  snapshotName,
} from '../format/snapshot-table.ts';
import { writeUint64 } from '../format/uint64.ts';
import { readBytes } from '../io/sector-access.ts';
import type { ActiveL1 } from './active-l1.ts';
import { L1Table } from './l1-table.ts';
import { REFCOUNT_TABLE_ENTRY_BYTES } from './refcount-table.ts';
import { findSnapshot } from './snapshot-list.ts';
import { type WalkParts, walkL1 } from './snapshot-walk.ts';
import { orUndo, type UndoLog, type UndoParts } from './undo.ts';
import type { ImageVars } from './vars.ts';

export interface SnapshotsParts extends WalkParts, UndoParts {
  readonly header: Pick<Header, 'version'>;
  readonly activeL1: ActiveL1;
}

export interface NewSnapshot {
  /** 1 to 65535 bytes of UTF-8, not the name or id of another snapshot. */
  readonly name: string;
  /** Default: now. */
  readonly dateSeconds?: number;
  readonly dateNanoseconds?: number;
  readonly vmClockNs?: bigint;
  /** How much VM state was written before; 0 for a snapshot of the disk alone. */
  readonly vmStateBytes?: number;
}

/**
 * Takes a snapshot of the disk as it is now. Returns its id.
 * @throws Qcow2Error INVALID_ARGUMENT for a name in use, a value out of bounds, or when there are 65536 snapshots; the image is
 * unchanged.
 */
export function createSnapshot(parts: SnapshotsParts, wanted: NewSnapshot): string {
  const nameBytes = new TextEncoder().encode(wanted.name);
  refuseNewName(parts, wanted.name, nameBytes);
  refuseNewValues(wanted);
  parts.allocator.settleAll();
  return orUndo(parts, { what: 'taking a snapshot', first: 'references' }, () => addSnapshot(parts, wanted, nameBytes));
}

function addSnapshot(parts: SnapshotsParts, wanted: NewSnapshot, nameBytes: Uint8Array): string {
  const id = String(
    parts.vars.snapshots.reduce((highest, entry) => Math.max(highest, Number(snapshotId(entry)) || 0), 0) + 1,
  );
  walkL1(parts, parts.vars.l1, 1);
  const clusters = parts.geometry.clustersFor(parts.vars.l1.entryBytes.length);
  const { offset: l1TableOffset, wait } = parts.allocator.allocate(clusters);
  const copy = new Pointer('l1', l1TableOffset, parts.vars.l1.entryBytes);
  parts.policy.order({ order: 'refcount-before-snapshot-l1', before: wait, after: [copy] });
  parts.policy.publish(copy, wait);
  const entry: SnapshotEntry = {
    l1TableOffset,
    l1Entries: parts.vars.l1.entryCount,
    idBytes: new TextEncoder().encode(id),
    nameBytes,
    dateSeconds: wanted.dateSeconds ?? Math.floor(Date.now() / 1000),
    dateNanoseconds: wanted.dateNanoseconds ?? 0,
    vmClockNs: wanted.vmClockNs ?? 0n,
    vmStateSizeBytes: wanted.vmStateBytes ?? 0,
    virtualSizeBytes: parts.header.version === 2 ? null : parts.vars.sizeBytes,
    icount: null,
    unknownExtraData: new Uint8Array(0),
  };
  replaceSnapshotTable(parts, [...parts.vars.snapshots, entry], snapshotTableRange(parts));
  return id;
}

/**
 * Makes the disk what it was when the snapshot was taken, its size included. What the disk was before is lost, other snapshots
 * stay.
 * @throws Qcow2Error INVALID_ARGUMENT when there is no such snapshot, or a version 2 disk had another size then; CORRUPT when its
 * size is none. The image is unchanged.
 */
export function applySnapshot(parts: SnapshotsParts, nameOrId: string): void {
  const entry = findSnapshot(parts.vars, nameOrId);
  const sizeBytes = entry.virtualSizeBytes ?? parts.vars.sizeBytes;
  if (sizeBytes !== parts.vars.sizeBytes) refuseOtherSize(parts, nameOrId, sizeBytes);
  refuseMisplacedL1(parts, entry);
  parts.allocator.settleAll();
  orUndo(parts, { what: 'going back to a snapshot', first: 'refcounts' }, () => goBack(parts, entry, sizeBytes));
}

function refuseOtherSize(parts: SnapshotsParts, nameOrId: string, sizeBytes: number): void {
  const what = `snapshot ${JSON.stringify(nameOrId)} is of a disk of ${sizeBytes} bytes`;
  if (sizeBytes % SECTOR_BYTES !== 0)
    throw new Qcow2Error('CORRUPT', `${parts.file.name}: ${what}, which is not a multiple of 512`);
  if (parts.header.version === 3) return;
  const why = 'a version 2 image with snapshots keeps its size; make it version 3 first (amend -o compat=1.1)';
  throw new Qcow2Error('INVALID_ARGUMENT', `${what}, this one has ${parts.vars.sizeBytes}: ${why}`);
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
  // The active table may be longer, when it grew after the snapshot: its tail must not go on naming tables just freed.
  parts.policy.publish(new Pointer('l1', l1.offset, l1.entryBytes), []);
  // After the table: with the old size it is whole too, only cut off or followed by what reads as zeros.
  if (sizeBytes !== parts.vars.sizeBytes) parts.activeL1.publishSize(sizeBytes);
  // From here on it is as long as the snapshot's, as in history: what needs more entries grows it anew.
  // Never shorter than the disk needs: a damaged snapshot may say less.
  const entryCount = Math.max(entry.l1Entries, neededEntries);
  if (entryCount < l1.entryCount) parts.vars.l1 = l1.shortenedTo(entryCount);
  walkL1(parts, parts.vars.l1, 1);
}

/** Forgets a snapshot and frees what only it used. Throws INVALID_ARGUMENT when there is none of that name or id. */
export function deleteSnapshot(parts: SnapshotsParts, nameOrId: string): void {
  const entry = findSnapshot(parts.vars, nameOrId);
  parts.allocator.settleAll();
  orUndo(parts, { what: 'deleting a snapshot', first: 'refcounts' }, (undo) => dropSnapshot(parts, entry, undo));
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
 * The variables of an image that is open for reading, as they were at a snapshot. @throws Qcow2Error INVALID_ARGUMENT when there is no such snapshot,
 * CORRUPT when its L1 table does not map the disk that it claims.
 */
export function varsAtSnapshot(parts: SnapshotsParts, nameOrId: string): ImageVars {
  const entry = findSnapshot(parts.vars, nameOrId);
  const sizeBytes = entry.virtualSizeBytes ?? parts.vars.sizeBytes;
  if (entry.virtualSizeBytes !== null && parts.geometry.l1EntriesFor(sizeBytes) > entry.l1Entries) {
    const message = `${parts.file.name}: snapshot ${JSON.stringify(nameOrId)} claims ${sizeBytes} bytes; its L1 table of ${entry.l1Entries} entries maps less`;
    throw new Qcow2Error('CORRUPT', message, { file: parts.file.name, table: 'snapshot-table' });
  }
  return { ...parts.vars, l1: readL1(parts, entry), sizeBytes };
}

export function readL1(parts: SnapshotsParts, entry: SnapshotEntry): L1Table {
  refuseMisplacedL1(parts, entry);
  const l1 = new L1Table(entry.l1TableOffset, entry.l1Entries);
  readBytes(parts.file, l1.offset, l1.entryBytes, 'l1');
  return l1;
}

function refuseNewName(parts: SnapshotsParts, name: string, nameBytes: Uint8Array): void {
  const refuse = (why: string) => {
    throw new Qcow2Error('INVALID_ARGUMENT', `cannot create snapshot ${JSON.stringify(name)}: ${why}`);
  };
  if (nameBytes.length === 0) refuse('the name is empty');
  if (nameBytes.length > SNAPSHOT_NAME_BYTES_MAX) refuse(`the name is longer than ${SNAPSHOT_NAME_BYTES_MAX} bytes`);
  if (parts.vars.snapshots.some((entry) => snapshotName(entry) === name)) refuse('a snapshot of that name exists');
  if (parts.vars.snapshots.length >= SNAPSHOT_COUNT_MAX) refuse(`there are ${SNAPSHOT_COUNT_MAX} snapshots already`);
}

/** What the fields of a snapshot table entry cannot hold. */
function refuseNewValues(wanted: NewSnapshot): void {
  const { name, dateSeconds = 0, dateNanoseconds = 0, vmClockNs = 0n, vmStateBytes = 0 } = wanted;
  const refuse = (what: string, value: number | bigint) => {
    const message = `cannot create snapshot ${JSON.stringify(name)}: ${what} ${value} is out of range`;
    throw new Qcow2Error('INVALID_ARGUMENT', message);
  };
  if (!isIntegerBelow(dateSeconds, 2 ** 32)) refuse('date', dateSeconds);
  if (!isIntegerBelow(dateNanoseconds, 1_000_000_000)) refuse('nanosecond of the date', dateNanoseconds);
  if (vmClockNs < 0n || vmClockNs >= 2n ** 64n) refuse('guest clock', vmClockNs);
  if (!isIntegerBelow(vmStateBytes, Number.MAX_SAFE_INTEGER)) refuse('VM state size', vmStateBytes);
}

function isIntegerBelow(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < limit;
}

/** Before anything changes: a snapshot's L1 table that is not in the file, or is something else, would spread its damage. */
function refuseMisplacedL1(parts: SnapshotsParts, entry: SnapshotEntry): void {
  const { l1TableOffset: offset } = entry;
  const lengthBytes = entry.l1Entries * L1_ENTRY_BYTES;
  const refuse = (why: string) => {
    const message = `${parts.file.name}: the L1 table of snapshot ${JSON.stringify(snapshotName(entry))} at offset ${offset} (${lengthBytes} bytes) ${why}`;
    throw new Qcow2Error('CORRUPT', message, { file: parts.file.name, table: 'l1', offset });
  };
  if (offset + lengthBytes > roundUp(parts.file.sizeBytes(), parts.geometry.clusterBytes))
    refuse('is outside the file');
  const overlaps = (other: HostRange) =>
    offset < other.offset + other.lengthBytes && other.offset < offset + lengthBytes;
  const { l1, refcountTable } = parts.vars;
  const tableBytes = refcountTable.blockOffsets.length * REFCOUNT_TABLE_ENTRY_BYTES;
  if (overlaps({ offset: l1.offset, lengthBytes: l1.entryBytes.length })) refuse('is the active one');
  if (overlaps({ offset: refcountTable.offset, lengthBytes: tableBytes })) refuse('overlaps the refcount table');
  if (overlaps(snapshotTableRange(parts))) refuse('overlaps the snapshot table');
}

/** Where the snapshot table lies. */
export function snapshotTableRange(parts: SnapshotsParts): HostRange {
  return { offset: parts.vars.snapshotsOffset, lengthBytes: encodeSnapshotTable(parts.vars.snapshots).length };
}

/**
 * Writes a new snapshot table aside, publishes it in the header and frees the old one. `beforeWriting` is given what writes and
 * publishes; made again, it does no harm.
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
  const publish = () => publishSnapshotTable(parts, entries, { offset, wait });
  beforeWriting?.(publish);
  parts.allocator.release([old], publish());
}

/** Returns the pointers that publish it. */
function publishSnapshotTable(
  parts: SnapshotsParts,
  entries: readonly SnapshotEntry[],
  { offset, wait }: Allocation,
): Pointer[] {
  const bytes = encodeSnapshotTable(entries);
  const pieces = entryPieces(entries).map(
    ([from, to]) => new Pointer('snapshot-table', offset + from, bytes.subarray(from, to)),
  );
  for (const piece of pieces) parts.policy.publish(piece, wait);
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
