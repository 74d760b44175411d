/** The images that a script starts from: the given or a new empty one, and under it the backing image that the script asks for. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createImage, MemoryFile, MiB, openFile, openImage, Qcow2Error } from '../../engine/index.ts';
import { systemReason } from '../console/parser-words.ts';
import { type OpScript, patternByte } from './script.ts';

/** Starting images are empty or nearly so; more than this is a mistake, or a hostile archive. */
const START_BYTES_MAX = 1024 * MiB;

/** The bytes of the image at `start` (plain or gzip), checked against the script; without `start`, of a new empty one. */
export function startImage(script: OpScript, start: string | undefined): Uint8Array {
  const bytes = start === undefined ? newImage(script) : readStart(start);
  const image = openImage(new MemoryFile(start ?? script.name, bytes, { readOnly: true }));
  const refuse = (what: string, found: number, wanted: number) => {
    const message = `starting image ${start}: ${what} is ${found} bytes, ${script.file} wants ${wanted}`;
    throw new Qcow2Error('INVALID_ARGUMENT', message, { found, expected: wanted });
  };
  if (image.sizeBytes !== script.sizeBytes) refuse('its disk', image.sizeBytes, script.sizeBytes);
  if (image.clusterSizeBytes !== script.clusterSizeBytes) {
    refuse('its cluster size', image.clusterSizeBytes, script.clusterSizeBytes);
  }
  return bytes;
}

function newImage(script: OpScript): Uint8Array {
  const file = new MemoryFile(script.name);
  createImage(file, { sizeBytes: script.sizeBytes, clusterSizeBytes: script.clusterSizeBytes, version: 2 });
  return file.bytes();
}

function readStart(start: string): Uint8Array {
  try {
    const found = statSync(start);
    if (!found.isFile()) throw new Error('not a file');
    if (found.size > START_BYTES_MAX) throw new Error(`${found.size} bytes, at most ${START_BYTES_MAX} are possible`);
    const raw = readFileSync(start);
    const isGzip = raw[0] === 0x1f && raw[1] === 0x8b;
    return isGzip ? gunzipSync(raw, { maxOutputLength: START_BYTES_MAX }) : raw;
  } catch (error) {
    throw new Qcow2Error('INVALID_ARGUMENT', `cannot read starting image ${start}: ${systemReason(error)}`);
  }
}

const BACKING_FILE_OFFSET_FIELD = 8;
const VERSION_2_HEADER_BYTES = 72;
/** End of the header extensions: type 0, length 0. */
const END_OF_EXTENSIONS_BYTES = 8;

/** Writes the name of a backing file into the header of the image in `bytes`, as `qemu-img rebase -u` would. */
export function nameBackingFile(bytes: Uint8Array, name: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const nameBytes = new TextEncoder().encode(name);
  const nameOffset = VERSION_2_HEADER_BYTES + END_OF_EXTENSIONS_BYTES;
  const clusterBytes = 2 ** view.getUint32(20);
  const isBare = view.getUint32(4) === 2 && view.getUint32(VERSION_2_HEADER_BYTES) === 0;
  if (!isBare || nameOffset + nameBytes.length > clusterBytes) {
    const message = `a script with a backing file needs a starting image of version 2 with space for its name (${name}) in the header`;
    throw new Qcow2Error('INVALID_ARGUMENT', message);
  }
  bytes.set(nameBytes, nameOffset);
  view.setBigUint64(BACKING_FILE_OFFSET_FIELD, BigInt(nameOffset));
  view.setUint32(BACKING_FILE_OFFSET_FIELD + 8, nameBytes.length);
}

/** Makes the backing image of a script at `backingPath`: full, in sequential 1 MiB writes with the scripts' own patterns. */
export function makeBacking(sizeBytes: number, backingPath: string): void {
  const file = openFile(backingPath, { create: true, mode: 'unsafe' });
  try {
    createImage(file, { sizeBytes, version: 2 });
  } catch (error) {
    file.close();
    throw error;
  }
  const image = openImage(file);
  try {
    for (let n = 1; (n - 1) * MiB < sizeBytes; n++) {
      const at = (n - 1) * MiB;
      image.write(at, new Uint8Array(Math.min(MiB, sizeBytes - at)).fill(patternByte(n)));
    }
  } finally {
    image.close();
  }
}

/** Where the files of a script go. */
export function filesOf(script: OpScript, directory: string): { image: string; backing: string | null } {
  return {
    image: path.join(directory, `${script.name}.qcow2`),
    backing: script.backingBytes === null ? null : path.join(directory, `${script.name}.backing.qcow2`),
  };
}
