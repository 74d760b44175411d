/**
 * How snapshots are taken, gone back to and deleted: a method of its own next to the cache policy, chosen by the behaviour. And what every
 * method needs: where the tables of snapshots lie, and reading them with the checks that a hostile image makes necessary.
 */
import { Qcow2Error } from '../base/errors.ts';
import { type HostRange, roundUp } from '../base/units.ts';
import type { Behaviour } from '../cache/behaviour.ts';
import type { Header } from '../format/header.ts';
import { L1_ENTRY_BYTES } from '../format/l1-entry.ts';
import { encodeSnapshotTable, type SnapshotEntry, snapshotName } from '../format/snapshot-table.ts';
import { readBytes } from '../io/sector-access.ts';
import type { ActiveL1 } from './active-l1.ts';
import { L1Table } from './l1-table.ts';
import type { RoomParts } from './make-room.ts';
import { REFCOUNT_TABLE_ENTRY_BYTES } from './refcount-table.ts';
import type { WalkParts } from './snapshot-walk.ts';
import type { UndoParts } from './undo.ts';

export interface SnapshotsParts extends WalkParts, UndoParts, RoomParts {
  readonly header: Pick<Header, 'version'>;
  readonly activeL1: ActiveL1;
  readonly behaviour: Pick<Behaviour, 'snapshots'>;
}

/**
 * Each call does all of it or, when it throws, nothing: what was done is rolled back. The caller has checked that it can be done, and
 * nothing that was freed waits to be lowered any more.
 */
export interface SnapshotMethod {
  /** Takes a snapshot of the disk as it is now; `entry` makes its entry for where its L1 table lies. */
  create(parts: SnapshotsParts, entry: (l1TableOffset: number) => SnapshotEntry): void;
  /** Makes the disk what it was in the snapshot, with `sizeBytes`. */
  goBack(parts: SnapshotsParts, entry: SnapshotEntry, sizeBytes: number): void;
  /** Forgets the snapshot and frees what only it used. */
  remove(parts: SnapshotsParts, entry: SnapshotEntry): void;
}

export function readL1(parts: SnapshotsParts, entry: SnapshotEntry): L1Table {
  refuseMisplacedL1(parts, entry);
  const l1 = new L1Table(entry.l1TableOffset, entry.l1Entries);
  readBytes(parts.file, l1.offset, l1.entryBytes, 'l1');
  return l1;
}

/** Before anything changes: a snapshot's L1 table that is not in the file, or is something else, would spread its damage. */
export function refuseMisplacedL1(parts: SnapshotsParts, entry: SnapshotEntry): void {
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
