/**
 * The second phase: the image is opened again after the crash, written to and closed. Nothing may change but what was written, and
 * the image must still be sound. This is where a stale COPIED flag does its damage.
 */
import { checkImage, openImage, SECTOR_BYTES } from '../../../engine/index.ts';
import { sectorsOf } from '../requests/guest-values.ts';
import type { StateFile } from '../states/state-file.ts';
import { readRun } from './guest-content.ts';
import { GuestMapReader, type GuestRun, type ImageView, Unreadable } from './guest-map.ts';

/** Far above any value of a workload. */
const FIRST_VALUE = 0x4000_0000;
/** How many clusters that are mapped already are written to. */
const MAPPED_TARGETS = 6;

/** What is written to the disk: guest sector to value. */
type Writes = ReadonlyMap<number, number>;

const NO_WRITES: Writes = new Map();

/** Returns in words what went wrong, or null. The file is left as it was. */
export function runSecondPhase(file: StateFile, before: ImageView): string | null {
  const writes: Writes = new Map(chooseTargets(before).map((sector, index) => [sector, FIRST_VALUE + index]));
  file.keep();
  try {
    return writeAndCompare(file, before, writes);
  } finally {
    file.restore();
  }
}

function writeAndCompare(file: StateFile, before: ImageView, writes: Writes): string | null {
  try {
    writeAll(file, writes);
  } catch (error) {
    return `the image cannot be used again: ${(error as Error).message}`;
  }
  const report = checkImage(file, { maxFindings: 40 });
  if (report.corruptions > 0 || report.checkErrors > 0) {
    const worst = report.findings.find(({ severity }) => severity === 'corruption' || severity === 'check-error');
    return `after further writes: ${worst?.text ?? 'the checker finds corruption'}`;
  }
  try {
    return compare(file, before, writes);
  } catch (error) {
    if (error instanceof Unreadable) return `after further writes: ${error.message}`;
    throw error;
  }
}

function writeAll(file: StateFile, writes: Writes): void {
  const image = openImage(file, { policy: 'writeback', l2CacheTables: 4, refcountCacheTables: 2 });
  for (const [sector, value] of writes) image.write(sector * SECTOR_BYTES, sectorsOf(value, 1));
  image.flush();
  image.close();
}

/** One sector in each of several clusters: those that snapshots share first, then others in use, and one that is not. */
function chooseTargets({ reader, disk, snapshots }: ImageView): number[] {
  const diskSectors = reader.sizeBytes / SECTOR_BYTES;
  const inSnapshots = new Set(snapshots.flatMap(({ runs }) => runs.map(({ hostSector }) => hostSector)));
  const onDisk = disk.filter(({ guestSector }) => guestSector < diskSectors);
  const isShared = ({ kind, hostSector }: GuestRun) => kind !== 'zero' && inSnapshots.has(hostSector);
  const ordered = [...onDisk.filter(isShared), ...onDisk.filter((run) => !isShared(run))].slice(0, MAPPED_TARGETS);
  const targets = ordered.map(({ guestSector }) => guestSector);
  const mapped = new Set(onDisk.map(({ guestSector }) => guestSector));
  const clusterSectors = 2 ** reader.clusterBits / SECTOR_BYTES;
  let free = 0;
  while (free < diskSectors && mapped.has(free)) free += clusterSectors;
  return free < diskSectors ? [...targets, free] : targets;
}

function compare(file: StateFile, before: ImageView, writes: Writes): string | null {
  const reader = new GuestMapReader(file);
  const changed = firstChange(file, before.disk, reader.disk(), writes, reader.usesZstd);
  if (changed !== null) return `after further writes guest sector ${changed} has changed, which nobody wrote to`;
  const listed = reader.snapshots();
  if (listed.length !== before.snapshots.length) return 'after further writes the list of snapshots has changed';
  for (const [index, { runs }] of before.snapshots.entries()) {
    const { name, l1Offset, l1Entries } = listed[index]!;
    const sector = firstChange(file, runs, reader.map(l1Offset, l1Entries), NO_WRITES, reader.usesZstd);
    if (sector !== null) return `after further writes guest sector ${sector} of snapshot ${name} has changed`;
  }
  return null;
}

/** The first guest sector that reads otherwise than before and than what was written; null when there is none. */
function firstChange(
  file: StateFile,
  before: readonly GuestRun[],
  after: readonly GuestRun[],
  writes: Writes,
  usesZstd: boolean,
): number | null {
  const kept = file.asKept();
  const afterAt = new Map(after.map((run) => [run.guestSector, run]));
  for (const run of before) {
    const now = afterAt.get(run.guestSector);
    afterAt.delete(run.guestSector);
    if (isUntouched(file, run, now)) continue;
    const isSame = (index: number) => now !== undefined && isUntouchedSector(file, run, now, index);
    const then = readRun(kept, run, usesZstd, isSame);
    const values = now === undefined ? null : readRun(file, now, usesZstd, isSame);
    const sector = firstDifference(run, then, values, writes);
    if (sector !== null) return sector;
  }
  for (const run of afterAt.values()) {
    const sector = firstDifference(run, null, readRun(file, run, usesZstd), writes);
    if (sector !== null) return sector;
  }
  return null;
}

/** `then` and `now` are what the run read and reads as; null for zeros. */
function firstDifference(
  run: GuestRun,
  then: Int32Array | null,
  now: Int32Array | null,
  writes: Writes,
): number | null {
  for (let index = 0; index < run.sectorCount; index++) {
    const expected = writes.get(run.guestSector + index) ?? then?.[index] ?? 0;
    if ((now?.[index] ?? 0) !== expected) return run.guestSector + index;
  }
  return null;
}

/** True when the run lies where it lay and nothing there was written. */
function isUntouched(file: StateFile, then: GuestRun, now: GuestRun | undefined): boolean {
  if (now === undefined) return false;
  const isSame =
    then.kind === now.kind && then.hostSector === now.hostSector && then.stream?.offset === now.stream?.offset;
  if (!isSame || then.kind === 'zero') return isSame;
  const lengthBytes = then.stream?.lengthBytes ?? then.sectorCount * SECTOR_BYTES;
  return !file.wasWritten(then.stream?.offset ?? then.hostSector * SECTOR_BYTES, lengthBytes);
}

/** The same for one sector of a run of plain data. */
function isUntouchedSector(file: StateFile, then: GuestRun, now: GuestRun, index: number): boolean {
  if (then.kind !== 'data' || now.kind !== 'data' || then.hostSector !== now.hostSector) return false;
  return !file.wasWritten((now.hostSector + index) * SECTOR_BYTES, SECTOR_BYTES);
}
