/** Follows a write log while it grows, to tell which of its entries belong to which guest request. */
import fs from 'node:fs';
import {
  Qcow2Error,
  readWriteLogEntry,
  readWriteLogSuperblock,
  SECTOR_BYTES,
  WRITE_LOG_ENTRY_FIELDS_BYTES,
} from '../../engine/index.ts';

export class LogFollower {
  readonly #path: string;
  #entries = 0;
  #nextOffset = SECTOR_BYTES;

  constructor(path: string) {
    this.#path = path;
  }

  /** Entries found so far. */
  get entries(): number {
    return this.#entries;
  }

  /** Looks for entries that have come since the last call; returns how many there are now. */
  advance(): number {
    const file = fs.openSync(this.#path, 'r');
    try {
      const fileBytes = fs.fstatSync(file).size;
      const fields = new DataView(new ArrayBuffer(WRITE_LOG_ENTRY_FIELDS_BYTES));
      while (this.#nextOffset + fields.byteLength <= fileBytes) {
        fs.readSync(file, fields, 0, fields.byteLength, this.#nextOffset);
        this.#nextOffset += readWriteLogEntry(fields, 0, SECTOR_BYTES).entryBytes;
        this.#entries++;
      }
      return this.#entries;
    } finally {
      fs.closeSync(file);
    }
  }

  /** Throws Qcow2Error CORRUPT when the finished log itself counts other entries than were found. */
  checkComplete(): void {
    const found = this.advance();
    const log = fs.readFileSync(this.#path);
    // The driver writes its superblock with the first entry.
    if (log.length === 0 && found === 0) return;
    const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
    const { sectorBytes, entryCount } = readWriteLogSuperblock(view, this.#path);
    if (entryCount === found && sectorBytes === SECTOR_BYTES) return;
    throw new Qcow2Error('CORRUPT', `${this.#path} says that it has ${entryCount} entries, and has ${found}`);
  }
}
