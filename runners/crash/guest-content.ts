/** Reads what the guest would find in a crash state, sector by sector, as values; guest data with several outcomes as sets. */
import { inflateRawSync, zstdDecompressSync } from 'node:zlib';
import { SECTOR_BYTES } from '../../engine/index.ts';
import type { GuestMapReader, GuestRun } from './guest-map.ts';
import { NOT_A_VALUE, valueAt } from './guest-values.ts';
import type { StateFile } from './state-file.ts';

/** The sector cannot be read at all: its compressed stream is damaged. */
export const UNREADABLE = -2;

/** Guest sectors that do not read as zeros, with what they read as. */
export type GuestContent = Map<number, number>;

/** Told of guest sectors whose host sector may hold any of several values. */
export type LooseSector = (guestSector: number, values: readonly number[]) => void;

/** What `runs` read as, with the newest of loose data; each loose sector is passed to `onLoose` besides. */
export function readContent(
  file: StateFile,
  reader: GuestMapReader,
  runs: readonly GuestRun[],
  looseData: ReadonlyMap<number, readonly number[]>,
  onLoose: LooseSector,
): GuestContent {
  const content: GuestContent = new Map();
  const endSector = Math.floor(file.sizeBytes() / SECTOR_BYTES);
  const { words } = file;
  for (const run of runs) {
    if (run.kind === 'zero') continue;
    if (run.kind === 'compressed') {
      readStream(file, reader, run, content);
      continue;
    }
    for (let index = 0; index < run.sectorCount; index++) {
      const host = run.hostSector + index;
      if (host >= endSector) break;
      const loose = looseData.get(host);
      if (loose !== undefined) onLoose(run.guestSector + index, loose);
      const value = valueAt(words, (host * SECTOR_BYTES) / 4);
      if (value !== 0) content.set(run.guestSector + index, value);
    }
  }
  return content;
}

function readStream(file: StateFile, reader: GuestMapReader, run: GuestRun, content: GuestContent): void {
  const stream = new Uint8Array(run.stream!.lengthBytes);
  file.read(run.stream!.offset, stream, 'data');
  const clusterBytes = run.sectorCount * SECTOR_BYTES;
  const inflated = inflate(stream, clusterBytes, reader.usesZstd);
  for (let index = 0; index < run.sectorCount; index++) {
    const value = inflated === null ? UNREADABLE : valueAt(inflated, (index * SECTOR_BYTES) / 4);
    if (value !== 0) content.set(run.guestSector + index, value);
  }
}

/** The first `clusterBytes` that the stream gives, as words; null when it gives fewer. */
function inflate(stream: Uint8Array, clusterBytes: number, zstd: boolean): Uint32Array | null {
  try {
    const options = { maxOutputLength: clusterBytes, finishFlush: 2 };
    const bytes = zstd
      ? zstdDecompressSync(stream, { maxOutputLength: clusterBytes })
      : inflateRawSync(stream, options);
    return bytes.length < clusterBytes ? null : new Uint32Array(Uint8Array.from(bytes).buffer, 0, clusterBytes / 4);
  } catch {
    return null;
  }
}

/** In words, for a story. `homeOf` says which guest sector a value was written to. */
export function valueWords(value: number, requestOf: (value: number) => number): string {
  if (value === 0) return 'zeros';
  if (value === UNREADABLE) return 'an error (its compressed stream is damaged)';
  if (value === NOT_A_VALUE) return 'bytes that no guest wrote';
  const request = requestOf(value);
  return request < 0 ? 'bytes that no guest wrote' : `the data of request ${request + 1}`;
}
