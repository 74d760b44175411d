/**
 * The second phase: the image is opened again after the crash, written to and closed. Nothing may change but what was written, and
 * the image must still be sound. This is where a stale COPIED flag does its damage.
 */
import { checkImage, openImage, SECTOR_BYTES } from '../../engine/index.ts';
import { type GuestContent, readContent } from './guest-content.ts';
import { GuestMapReader, type GuestRun, Unreadable } from './guest-map.ts';
import { sectorsOf } from './guest-values.ts';
import type { StateFile } from './state-file.ts';
import type { ImageView } from './state-judge.ts';

/** Far above any value of a workload. */
const FIRST_VALUE = 0x4000_0000;
/** How many clusters that are mapped already are written to. */
const MAPPED_TARGETS = 6;

const NO_LOOSE_DATA: ReadonlyMap<number, readonly number[]> = new Map();

/** Returns in words what went wrong, or null. The file is left changed. */
export function runSecondPhase(file: StateFile, before: ImageView): string | null {
  const targets = chooseTargets(before);
  try {
    writeAll(file, targets);
  } catch (error) {
    return `the image cannot be used again: ${(error as Error).message}`;
  }
  const report = checkImage(file, { maxFindings: 20 });
  if (report.corruptions > 0 || report.checkErrors > 0) {
    const worst = report.findings.find(({ severity }) => severity === 'corruption' || severity === 'check-error');
    return `after further writes: ${worst?.text ?? 'the checker finds corruption'}`;
  }
  try {
    return compare(file, before, targets);
  } catch (error) {
    if (error instanceof Unreadable) return `after further writes: ${error.message}`;
    throw error;
  }
}

function writeAll(file: StateFile, targets: readonly number[]): void {
  const image = openImage(file, { policy: 'writeback', l2CacheTables: 4, refcountCacheTables: 2 });
  targets.forEach((sector, index) => {
    image.write(sector * SECTOR_BYTES, sectorsOf(FIRST_VALUE + index, 1));
  });
  image.flush();
  image.close();
}

/** One sector in each of several clusters: those that snapshots share first, then others in use, and one that is not. */
function chooseTargets({ reader, runs, snapshots }: ImageView): number[] {
  const diskSectors = reader.sizeBytes / SECTOR_BYTES;
  const clusterSectors = 2 ** reader.clusterBits / SECTOR_BYTES;
  const inSnapshots = new Set(snapshots.flatMap((snapshot) => snapshot.runs.map(({ hostSector }) => hostSector)));
  const onDisk = runs.filter(({ guestSector }) => guestSector < diskSectors);
  const isShared = ({ kind, hostSector }: GuestRun) => kind !== 'zero' && inSnapshots.has(hostSector);
  const ordered = [...onDisk.filter(isShared), ...onDisk.filter((run) => !isShared(run))].slice(0, MAPPED_TARGETS);
  const targets = ordered.map(({ guestSector }) => guestSector);
  const mapped = new Set(onDisk.map(({ guestSector }) => guestSector));
  let free = 0;
  while (free < diskSectors && mapped.has(free)) free += clusterSectors;
  return free < diskSectors ? [...targets, free] : targets;
}

function compare(file: StateFile, before: ImageView, targets: readonly number[]): string | null {
  const reader = new GuestMapReader(file);
  const read = (runs: readonly GuestRun[]) => readContent(file, reader, runs, NO_LOOSE_DATA, () => {});
  const expected: GuestContent = new Map(before.disk);
  targets.forEach((sector, index) => {
    expected.set(sector, FIRST_VALUE + index);
  });
  const changed = firstDifference(expected, read(reader.disk()));
  if (changed !== null) return `after further writes guest sector ${changed} has changed, which nobody wrote to`;
  const listed = reader.snapshots();
  if (listed.length !== before.snapshots.length) return 'after further writes the list of snapshots has changed';
  for (const [index, { content }] of before.snapshots.entries()) {
    const { name, l1Offset, l1Entries } = listed[index]!;
    const sector = firstDifference(content, read(reader.map(l1Offset, l1Entries)));
    if (sector !== null) return `after further writes guest sector ${sector} of snapshot ${name} has changed`;
  }
  return null;
}

/** The first guest sector that differs; null when there is none. */
function firstDifference(first: GuestContent, second: GuestContent): number | null {
  for (const [sector, value] of first) if ((second.get(sector) ?? 0) !== value) return sector;
  for (const sector of second.keys()) if (!first.has(sector)) return sector;
  return null;
}
