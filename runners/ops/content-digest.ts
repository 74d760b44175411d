/** Names what a result was made from by its content: a file may be another one tomorrow. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const PIECE_BYTES = 1024 * 1024;

/** SHA-256 of the file's bytes, in hexadecimal digits. Throws what the file system says. */
export function contentDigest(file: string): string {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(PIECE_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    for (let read = readSync(descriptor, buffer); read > 0; read = readSync(descriptor, buffer)) {
      hash.update(buffer.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}
