/** Preallocation: every cluster of a new image mapped, and as much of the file taken as was asked for. */
import { Qcow2Error } from '../base/errors.ts';
import { type GuestOffset, MiB, roundUp } from '../base/units.ts';
import type { GuestDisk } from '../disk/device.ts';
import type { Header } from '../format/header.ts';
import type { DurableFile } from '../io/durability.ts';
import type { Geometry } from './geometry.ts';
import type { MappingUpdates, Unwritten } from './mapping-updates.ts';
import type { OverlapGuard } from './overlap.ts';
import type { WriteRuns } from './write-runs.ts';

export interface PreallocationParts {
  readonly file: DurableFile;
  readonly dataFile: DurableFile | null;
  readonly backing: GuestDisk | null;
  readonly geometry: Geometry;
  readonly header: Pick<Header, 'version'>;
  readonly guard: Pick<OverlapGuard, 'holdsMetadata'>;
  readonly runs: WriteRuns;
  readonly updates: MappingUpdates;
}

/** `metadata`: mapped, the file sparse. `falloc`: space reserved by the file system. `full`: zeros written. */
export const PREALLOCATIONS = ['off', 'metadata', 'falloc', 'full'] as const;
/** How much of a new image is allocated at once: one of {@link PREALLOCATIONS}. */
export type Preallocation = (typeof PREALLOCATIONS)[number];

/** How much is mapped before the space for it is taken. */
const STEP_BYTES = 256 * MiB;

export interface PreallocationOptions {
  /** The clusters are marked as zeros: they may have been used before, or hide a backing file. Version 3. Default false. */
  readonly zeroed?: boolean;
}

/**
 * Maps `lengthBytes` of a new, empty disk from `offset`, a multiple of the cluster size, on. Durable after the next flush.
 * @throws Qcow2Error INVALID_ARGUMENT for an image with a backing file unless `zeroed` or with extended L2 entries, and for one of version 2 if so; NO_SPACE when
 * `falloc` or `full` find no room.
 */
export function preallocateImage(
  parts: PreallocationParts,
  how: Preallocation,
  offset: number,
  lengthBytes: number,
  { zeroed = false }: PreallocationOptions = {},
): void {
  if (how === 'off') return;
  if (zeroed && parts.header.version === 2)
    throw new Qcow2Error('INVALID_ARGUMENT', 'a version 2 image cannot mark clusters as zeros');
  if (parts.backing !== null && !zeroed && !parts.geometry.extendedL2) {
    const message = 'an image with a backing file can be preallocated only with extended L2 entries';
    throw new Qcow2Error('INVALID_ARGUMENT', message);
  }
  const shown = zeroed ? 'zeros' : parts.backing === null ? 'file' : 'backing';
  if (!parts.geometry.isClusterAligned(offset))
    throw new Qcow2Error('INVALID_ARGUMENT', `preallocation from offset ${offset}, inside a cluster`, { offset });
  const end = roundUp(offset + lengthBytes, parts.geometry.clusterBytes);
  for (let at = offset; at < end; at += STEP_BYTES) {
    const from = (parts.dataFile ?? parts.file).sizeBytes();
    takeSpace(parts, from, mapWithoutData(parts, at, Math.min(end, at + STEP_BYTES), shown), how);
  }
}

/** Gives every cluster in [from, end) a place in the file, without content. Returns where the last one ends. */
function mapWithoutData(parts: PreallocationParts, from: number, end: number, shown: Unwritten): number {
  let hostEnd = 0;
  for (let at = from; at < end; ) {
    const run = parts.runs.prepare(at as GuestOffset, end - at);
    parts.updates.linkWithoutData(run, shown, () => parts.runs.giveBack(run));
    hostEnd = Math.max(hostEnd, run.hostOffset + run.lengthBytes);
    at += run.lengthBytes;
  }
  return hostEnd;
}

/** Makes the file at least `end` bytes long; what is taken past `from` is all that is new. */
function takeSpace(parts: PreallocationParts, from: number, end: number, how: Preallocation): void {
  // Clusters that were freed before lie inside the file.
  if (end <= from) return;
  const file = parts.dataFile ?? parts.file;
  const reserved = how === 'falloc' && file.preallocate(from, end - from);
  const writes = how === 'full' || (how === 'falloc' && !reserved);
  if (end > file.sizeBytes()) file.truncate(end);
  if (!writes) return;
  const zeros = new Uint8Array(MiB);
  // Tables that were laid among the data are in the cache or the file already: only what no table owns is written.
  for (let at = from; at < end; at += MiB) writeUnowned(parts, at, zeros.subarray(0, Math.min(MiB, end - at)));
}

function writeUnowned(parts: PreallocationParts, offset: number, zeros: Uint8Array): void {
  const { clusterBytes } = parts.geometry;
  for (let done = 0; done < zeros.length; done += clusterBytes) {
    const piece = zeros.subarray(done, Math.min(zeros.length, done + clusterBytes));
    if (parts.dataFile !== null || !parts.guard.holdsMetadata(offset + done))
      (parts.dataFile ?? parts.file).write(offset + done, piece, 'data');
  }
}
