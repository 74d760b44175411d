/** What guest sectors read as in a crash state, as values. */
import zlib from 'node:zlib';
import { SECTOR_BYTES } from '../../../engine/index.ts';
import { NOT_A_VALUE, valueAt } from '../requests/guest-values.ts';
import type { FileContent } from '../states/state-file.ts';
import type { GuestRun } from './guest-map.ts';

/** The sector cannot be read at all: its compressed stream is damaged. */
const UNREADABLE = -2;

/**
 * The values that the sectors of `run` read as; what is past the end of the file reads as zeros. What `ignores` holds for, by
 * place in the run, is not looked at.
 */
export function readRun(
  file: FileContent,
  run: GuestRun,
  usesZstd: boolean,
  ignores: (index: number) => boolean = () => false,
): Int32Array {
  const values = new Int32Array(run.sectorCount);
  if (run.kind === 'zero') return values;
  if (run.kind === 'compressed') return readStream(file, run, usesZstd);
  const endSector = Math.floor(file.sizeBytes() / SECTOR_BYTES);
  const count = Math.min(run.sectorCount, endSector - run.hostSector);
  if (count <= 0) return values;
  const words = file.words(run.hostSector * SECTOR_BYTES, count * SECTOR_BYTES);
  for (let index = 0; index < count; index++) {
    if (ignores(index)) continue;
    file.look((run.hostSector + index) * SECTOR_BYTES, SECTOR_BYTES);
    values[index] = valueAt(words, (index * SECTOR_BYTES) / 4);
  }
  return values;
}

function readStream(file: FileContent, run: GuestRun, usesZstd: boolean): Int32Array {
  const stream = new Uint8Array(run.stream!.lengthBytes);
  file.read(run.stream!.offset, stream, 'data');
  const words = inflateOnce(stream, run.sectorCount * SECTOR_BYTES, usesZstd);
  if (words === null) return new Int32Array(run.sectorCount).fill(UNREADABLE);
  return Int32Array.from({ length: run.sectorCount }, (_, index) => valueAt(words, (index * SECTOR_BYTES) / 4));
}

/** Streams and what they give, of those met last: from state to state they are mostly the same few. */
const inflated = new Map<string, Uint32Array | null>();
const INFLATED_MOST = 64;

function inflateOnce(stream: Uint8Array, clusterBytes: number, usesZstd: boolean): Uint32Array | null {
  const text = Buffer.from(stream.buffer, stream.byteOffset, stream.length).toString('latin1');
  const key = `${usesZstd} ${clusterBytes} ${text}`;
  let words = inflated.get(key);
  if (words === undefined) {
    words = inflate(stream, clusterBytes, usesZstd);
    if (inflated.size === INFLATED_MOST) inflated.clear();
    inflated.set(key, words);
  }
  return words;
}

/** The first `clusterBytes` that the stream gives, as words; null when it gives fewer. */
function inflate(stream: Uint8Array, clusterBytes: number, usesZstd: boolean): Uint32Array | null {
  const maxOutputLength = clusterBytes;
  try {
    // A stream may be followed by anything up to the end of its last sector.
    const bytes = usesZstd
      ? zlib.zstdDecompressSync(stream, { maxOutputLength })
      : zlib.inflateRawSync(stream, { maxOutputLength, finishFlush: 2 });
    return bytes.length < clusterBytes ? null : new Uint32Array(Uint8Array.from(bytes).buffer);
  } catch {
    return null;
  }
}

/** In words, for a story. `requestOf` says which request wrote a value. */
export function valueWords(value: number, requestOf: (value: number) => number): string {
  if (value === 0) return 'zeros';
  if (value === UNREADABLE) return 'an error (its compressed stream is damaged)';
  const request = value === NOT_A_VALUE ? -1 : requestOf(value);
  return request < 0 ? 'bytes that no guest wrote' : `the data of request ${request + 1}`;
}
