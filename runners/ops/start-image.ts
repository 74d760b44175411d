/** Gives an existing version 2 image a backing file, as `qemu-img rebase -u` would, before a script runs on it. */
import { closeSync, openSync, writeSync } from 'node:fs';

const BACKING_FILE_OFFSET_FIELD = 8;
const VERSION_2_HEADER_BYTES = 72;
/** End of the header extensions: type 0, length 0. */
const END_OF_EXTENSIONS_BYTES = 8;

export function setBackingFile(imagePath: string, backingPath: string): void {
  const name = Buffer.from(backingPath);
  const nameOffset = VERSION_2_HEADER_BYTES + END_OF_EXTENSIONS_BYTES;
  const field = Buffer.alloc(12);
  field.writeBigUInt64BE(BigInt(nameOffset), 0);
  field.writeUInt32BE(name.length, 8);
  const descriptor = openSync(imagePath, 'r+');
  try {
    writeSync(descriptor, name, 0, name.length, nameOffset);
    writeSync(descriptor, field, 0, field.length, BACKING_FILE_OFFSET_FIELD);
  } finally {
    closeSync(descriptor);
  }
}
