/** Internal snapshots: create, apply, delete (qcow2.rst, "Snapshots"): what is asked for is checked here, and done by a method. */
import { Qcow2Error } from '../base/errors.ts';
import { SECTOR_BYTES } from '../base/units.ts';
import type { Behaviour } from '../cache/behaviour.ts';
import { SNAPSHOT_COUNT_MAX } from '../format/header-fields.ts';
import { SNAPSHOT_NAME_BYTES_MAX, type SnapshotEntry, snapshotId, snapshotName } from '../format/snapshot-table.ts';
import { flippedSnapshots } from './flipped-snapshots.ts';
import { findSnapshot } from './snapshot-list.ts';
import { readL1, refuseMisplacedL1, type SnapshotMethod, type SnapshotsParts } from './snapshot-method.ts';
import type { ImageVars } from './vars.ts';
import { walkedSnapshots } from './walked-snapshots.ts';

const METHODS: Readonly<Record<Behaviour['snapshots'], SnapshotMethod>> = {
  walked: walkedSnapshots,
  flipped: flippedSnapshots,
};

/** What a new internal snapshot is called, and what is kept with it. */
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
  refusePartialSector(parts, wanted.name);
  const id = String(
    parts.vars.snapshots.reduce((highest, entry) => Math.max(highest, Number(snapshotId(entry)) || 0), 0) + 1,
  );
  parts.allocator.settleAll();
  methodOf(parts).create(parts, (l1TableOffset) => newEntry(parts, wanted, { id, nameBytes, l1TableOffset }));
  return id;
}

function methodOf({ behaviour }: SnapshotsParts): SnapshotMethod {
  return METHODS[behaviour.snapshots];
}

function newEntry(
  { vars, header }: SnapshotsParts,
  wanted: NewSnapshot,
  { id, nameBytes, l1TableOffset }: { id: string; nameBytes: Uint8Array; l1TableOffset: number },
): SnapshotEntry {
  return {
    l1TableOffset,
    l1Entries: vars.l1.entryCount,
    idBytes: new TextEncoder().encode(id),
    nameBytes,
    dateSeconds: wanted.dateSeconds ?? Math.floor(Date.now() / 1000),
    dateNanoseconds: wanted.dateNanoseconds ?? 0,
    vmClockNs: wanted.vmClockNs ?? 0n,
    vmStateSizeBytes: wanted.vmStateBytes ?? 0,
    virtualSizeBytes: header.version === 2 ? null : vars.sizeBytes,
    icount: null,
    unknownExtraData: new Uint8Array(0),
  };
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
  methodOf(parts).goBack(parts, entry, sizeBytes);
}

function refuseOtherSize(parts: SnapshotsParts, nameOrId: string, sizeBytes: number): void {
  const what = `snapshot ${JSON.stringify(nameOrId)} is of a disk of ${sizeBytes} bytes`;
  if (sizeBytes % SECTOR_BYTES !== 0)
    throw new Qcow2Error('CORRUPT', `${parts.file.name}: ${what}, which is not a multiple of 512`);
  if (parts.header.version === 3) return;
  const why = 'a version 2 image with snapshots keeps its size; make it version 3 first (amend -o compat=1.1)';
  throw new Qcow2Error('INVALID_ARGUMENT', `${what}, this one has ${parts.vars.sizeBytes}: ${why}`);
}

/** Forgets a snapshot and frees what only it used. Throws INVALID_ARGUMENT when there is none of that name or id. */
export function deleteSnapshot(parts: SnapshotsParts, nameOrId: string): void {
  const entry = findSnapshot(parts.vars, nameOrId);
  parts.allocator.settleAll();
  methodOf(parts).remove(parts, entry);
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

function refuseNewName(parts: SnapshotsParts, name: string, nameBytes: Uint8Array): void {
  const refuse = (why: string) => {
    throw new Qcow2Error('INVALID_ARGUMENT', `cannot create snapshot ${JSON.stringify(name)}: ${why}`);
  };
  if (nameBytes.length === 0) refuse('the name is empty');
  if (nameBytes.length > SNAPSHOT_NAME_BYTES_MAX) refuse(`the name is longer than ${SNAPSHOT_NAME_BYTES_MAX} bytes`);
  if (parts.vars.snapshots.some((entry) => snapshotName(entry) === name)) refuse('a snapshot of that name exists');
  if (parts.vars.snapshots.length >= SNAPSHOT_COUNT_MAX) refuse(`there are ${SNAPSHOT_COUNT_MAX} snapshots already`);
}

/** Nothing could go back to a snapshot of such a disk once its size has changed: that of a disk is whole sectors. */
function refusePartialSector({ vars }: SnapshotsParts, name: string): void {
  if (vars.sizeBytes % SECTOR_BYTES === 0) return;
  const why = `the disk has ${vars.sizeBytes} bytes, which is not a multiple of 512; resize it first`;
  throw new Qcow2Error('INVALID_ARGUMENT', `cannot create snapshot ${JSON.stringify(name)}: ${why}`);
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
