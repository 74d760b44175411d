/** The snapshots of an open image as they are listed and chosen. Names and ids come from the image and are untrusted. */
import { Qcow2Error } from '../base/errors.ts';
import { type SnapshotEntry, snapshotId, snapshotName } from '../format/snapshot-table.ts';
import type { ImageVars } from './vars.ts';

/** A snapshot as lists show it. Name and id come from the image: escape them before showing them. */
export interface SnapshotInfo {
  readonly id: string;
  readonly name: string;
  /** Seconds and nanoseconds since 1970. */
  readonly dateSeconds: number;
  readonly dateNanoseconds: number;
  readonly vmClockNs: bigint;
  readonly vmStateBytes: number;
  /** Size of the virtual disk when it was taken. */
  readonly virtualSizeBytes: number;
  /** How many instructions the guest had executed, of a guest that runs by their number; null for any other. */
  readonly icount: bigint | null;
}

export function listSnapshots({ snapshots, sizeBytes }: ImageVars): SnapshotInfo[] {
  return snapshots.map((entry) => snapshotInfo(entry, sizeBytes));
}

/** `diskBytes`: size of the virtual disk now, which it had then too where the entry does not say. */
export function snapshotInfo(entry: SnapshotEntry, diskBytes: number): SnapshotInfo {
  return {
    id: snapshotId(entry),
    name: snapshotName(entry),
    dateSeconds: entry.dateSeconds,
    dateNanoseconds: entry.dateNanoseconds,
    vmClockNs: entry.vmClockNs,
    vmStateBytes: entry.vmStateSizeBytes,
    virtualSizeBytes: entry.virtualSizeBytes ?? diskBytes,
    // All ones: not known.
    icount: entry.icount === 2n ** 64n - 1n ? null : entry.icount,
  };
}

/** The snapshot with this id, or else with this name. */
export function findSnapshot({ snapshots }: ImageVars, nameOrId: string): SnapshotEntry {
  const found =
    snapshots.find((entry) => snapshotId(entry) === nameOrId) ??
    snapshots.find((entry) => snapshotName(entry) === nameOrId);
  if (found !== undefined) return found;
  const known = snapshots.slice(0, 20).map((entry) => JSON.stringify(snapshotName(entry)));
  const list = known.length === 0 ? 'the image has none' : `the image has ${known.join(', ')}`;
  throw new Qcow2Error('INVALID_ARGUMENT', `there is no snapshot ${JSON.stringify(nameOrId)}: ${list}`);
}
