/** Growing and shrinking the virtual disk (qcow2.rst, "Header", size and l1_size). */
import { Qcow2Error } from '../base/errors.ts';
import { type GuestOffset, roundUp, SECTOR_BYTES } from '../base/units.ts';
import type { Allocator, ClusterCounts } from '../cache/allocator.ts';
import { Pointer } from '../cache/ordering.ts';
import type { CachePolicy } from '../cache/policy.ts';
import type { GuestDisk } from '../disk/device.ts';
import type { Header } from '../format/header.ts';
import { L1_ENTRY_BYTES, writeL1Entry } from '../format/l1-entry.ts';
import type { DurableFile } from '../io/durability.ts';
import type { ActiveL1 } from './active-l1.ts';
import type { Geometry } from './geometry.ts';
import type { L2Tables } from './l2-tables.ts';
import type { ImageVars } from './vars.ts';
import type { Zeroes } from './zeroes.ts';

export interface ResizeParts {
  readonly file: DurableFile;
  readonly dataFile: DurableFile | null;
  readonly backing: GuestDisk | null;
  readonly geometry: Geometry;
  readonly header: Pick<Header, 'version'>;
  readonly vars: ImageVars;
  readonly policy: CachePolicy;
  readonly allocator: Allocator;
  readonly counts: ClusterCounts;
  readonly activeL1: ActiveL1;
  readonly tables: L2Tables;
  readonly zeroes: Zeroes;
}

/** How far the end of the file is searched for free clusters: a file may claim to be larger than one can look through. */
const SEARCHED_CLUSTERS_MAX = 2 ** 24;

/**
 * Sets the size of the virtual disk; new space reads as zeros. Shrinking loses what is past the new end and must be allowed.
 * @throws Qcow2Error INVALID_ARGUMENT; the image is unchanged then.
 */
export function resizeImage(parts: ResizeParts, sizeBytes: number, allowShrink: boolean): void {
  const refuse = (why: string) => {
    throw new Qcow2Error('INVALID_ARGUMENT', `${parts.file.name}: cannot resize to ${sizeBytes} bytes: ${why}`);
  };
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || sizeBytes % SECTOR_BYTES !== 0)
    refuse('not a multiple of 512 bytes');
  if (parts.dataFile !== null && sizeBytes < parts.vars.sizeBytes)
    refuse('an image with an external data file cannot be shrunk');
  if (sizeBytes < parts.vars.sizeBytes && !allowShrink)
    refuse('shrinking the disk would lose the data past its new end; allow it explicitly');
  // A version 2 snapshot need not say how large its disk was, so the disk must stay as large.
  if (parts.vars.snapshots.length > 0 && parts.header.version === 2)
    refuse('a version 2 image with snapshots keeps its size; make it version 3 first (amend -o compat=1.1)');
  if (sizeBytes < parts.vars.sizeBytes) shrinkTables(parts, sizeBytes);
  else growTables(parts, sizeBytes);
  parts.policy.flush();
  // What the disk gave up can be taken off the end of the file only once it is not counted any more.
  parts.allocator.settled(parts.file.durable);
  parts.activeL1.publishSize(sizeBytes);
  cutFreeEnd(parts);
}

/** Before the new size is published: a larger backing file must not show through where the disk ended until now. */
function growTables(parts: ResizeParts, sizeBytes: number): void {
  const { geometry, backing, dataFile } = parts;
  const oldBytes = parts.vars.sizeBytes;
  // A raw data file is the disk, so it is as long as the disk; any other may be shorter, and reads as zeros there.
  if (dataFile !== null && dataFile.sizeBytes() < sizeBytes) dataFile.truncate(sizeBytes);
  // VM state lies where the disk will be; the snapshots that it belongs to have references of their own.
  if (sizeBytes > oldBytes) freeTablesFrom(parts, geometry.l1EntriesFor(oldBytes) * geometry.bytesPerL2Table);
  parts.activeL1.grow(geometry.l1EntriesFor(sizeBytes), true);
  const backingEnd = Math.min(sizeBytes, backing?.sizeBytes ?? 0);
  if (backingEnd > oldBytes) parts.zeroes.write(oldBytes, backingEnd - oldBytes, true);
}

/** Frees the clusters and L2 tables past the new end; the L1 table keeps its length. */
function shrinkTables(parts: ResizeParts, sizeBytes: number): void {
  const from = roundUp(sizeBytes, parts.geometry.clusterBytes);
  // What is cut off inside the last cluster must not come back if the disk grows again.
  const tailEnd = Math.min(parts.vars.sizeBytes, from);
  if (tailEnd > sizeBytes) parts.zeroes.write(sizeBytes, tailEnd - sizeBytes, false);
  freeTablesFrom(parts, from);
}

/** Up to the end of the L1 table, not of the disk: VM state lies there. `from` is a multiple of the cluster size. */
function freeTablesFrom(parts: ResizeParts, from: number): void {
  const { geometry } = parts;
  const { l1 } = parts.vars;
  for (let index = geometry.l1Index(from as GuestOffset); index < l1.entryCount; index++) {
    const start = index * geometry.bytesPerL2Table;
    if (parts.tables.offsetAt(l1, index) !== 0)
      parts.zeroes.unmap(Math.max(from, start), start + geometry.bytesPerL2Table);
  }
  const freed: number[] = [];
  for (let index = Math.ceil(from / geometry.bytesPerL2Table); index < l1.entryCount; index++) {
    const offset = parts.tables.offsetAt(l1, index);
    if (offset === 0) continue;
    freed.push(offset);
    writeL1Entry(l1.view, index * L1_ENTRY_BYTES, 0, false);
  }
  if (freed.length === 0) return;
  const pointer = new Pointer('l1', l1.offset, l1.entryBytes);
  parts.policy.publish(pointer, []);
  const tables = freed.map((offset) => ({ offset, lengthBytes: geometry.clusterBytes }));
  parts.allocator.release(tables, [pointer]);
}

/** Gives the free clusters at the end of the file back; after the flush, so nothing in the file names them any more. */
function cutFreeEnd(parts: ResizeParts): void {
  const { geometry } = parts;
  const { refcountTable } = parts.vars;
  const end = geometry.clustersFor(parts.file.sizeBytes());
  const lastBlock = refcountTable.blockOffsets.findLastIndex((offset) => offset !== 0);
  let used = Math.min(end, (lastBlock + 1) * geometry.clustersPerRefcountBlock);
  const giveUp = used - SEARCHED_CLUSTERS_MAX;
  while (used > 0 && used > giveUp && parts.counts.of(used - 1) === 0) used--;
  if (used < end) parts.file.truncate(used * geometry.clusterBytes);
}
