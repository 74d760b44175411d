/**
 * Follows a dm-log-writes log while it grows, to tell which of its entries belong to which guest request.
 *
 *   super block, bytes:  0 magic · 8 version · 16 entries · 24 sector size (32 bits)
 *   entry, bytes:        0 sector · 8 sectors · 16 flags · 24 data length
 *
 * All numbers are little-endian. An entry takes one sector, its data follow in whole sectors; a discard has none.
 */
import fs from 'node:fs';
import { Qcow2Error } from '../../engine/index.ts';

export const LOG_SECTOR_BYTES = 512;
const MAGIC = 0x6a736677736872n;
const SUPER_BYTES = 28;
const ENTRY_BYTES = 32;
const DISCARD_FLAG = 4n;

export class WriteLog {
  readonly #path: string;
  #entries = 0;
  #nextOffset = LOG_SECTOR_BYTES;

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
      const entry = Buffer.alloc(ENTRY_BYTES);
      while (this.#nextOffset + ENTRY_BYTES <= fileBytes) {
        fs.readSync(file, entry, 0, ENTRY_BYTES, this.#nextOffset);
        const discards = (entry.readBigUInt64LE(16) & DISCARD_FLAG) !== 0n;
        const dataSectors = discards ? 0 : Number(entry.readBigUInt64LE(8));
        this.#nextOffset += (1 + dataSectors) * LOG_SECTOR_BYTES;
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
    const bytes = fs.readFileSync(this.#path).subarray(0, SUPER_BYTES);
    // The driver writes its super block with the first entry.
    if (bytes.length === 0 && found === 0) return;
    if (bytes.length < SUPER_BYTES || bytes.readBigUInt64LE(0) !== MAGIC) {
      throw new Qcow2Error('CORRUPT', `${this.#path} does not begin as a log of blklogwrites does`);
    }
    const said = Number(bytes.readBigUInt64LE(16));
    if (said === found && bytes.readUInt32LE(24) === LOG_SECTOR_BYTES) return;
    throw new Qcow2Error('CORRUPT', `${this.#path} says that it has ${said} entries, and has ${found}`);
  }
}
