/**
 * A synthetic guest that installs packages: a pure, seeded generator of requests, shaped after the recorded installation.
 *
 * What it takes from the recording: file sizes (most are one block, most bytes are in few large files), bursts of file data
 * spread over directories, a journal commit for each fsync that has something to commit (blocks, flush, commit block, flush), a
 * bare flush for each fsync that has not (dpkg syncs every unpacked file, the first commit covers them all), status files
 * rewritten all the time, and metadata blocks written back in place in batches.
 */
import { KiB, MiB } from '../engine/base/units.ts';
import { BLOCK_BYTES, type BurstLayout, INODE_TABLE_BYTES } from './burst-layout.ts';
import { WorkloadError } from './errors.ts';
import { Prng } from './prng.ts';
import type { GuestRequest } from './request.ts';

export const BURST_PHASES = ['mkfs', 'download', 'unpack', 'finish'] as const;

/** The share of the unpacked data that is first copied to the disk as compressed packages. */
const DOWNLOADED_SHARE = 0.3;

/** The longest request of the recorded guest. */
const MAX_REQUEST_BYTES = 1280 * KiB;
const ZEROES_PIECE_BYTES = 32 * MiB;
const DISCARD_PIECE_BYTES = 2048 * MiB;
const DIRECTORIES = 12;
const INODES_PER_BLOCK = 16;

/** [share of the files, size in bytes up to]: the write sizes of the recorded installation. */
const FILE_SIZES: readonly (readonly [number, number])[] = [
  [0.48, 4 * KiB],
  [0.08, 8 * KiB],
  [0.14, 16 * KiB],
  [0.11, 32 * KiB],
  [0.09, 64 * KiB],
  [0.05, 128 * KiB],
  [0.02, 256 * KiB],
  [0.01, 512 * KiB],
  [0.01, 1 * MiB],
  [0.01, 3 * MiB],
];

/** A directory allocates its files one after another, chunk by chunk. */
interface Directory {
  offset: number;
  end: number;
}

export class BurstGuest {
  readonly #layout: BurstLayout;
  readonly #dataBytes: number;
  readonly #prng: Prng;
  readonly #directories: Directory[];
  #nextChunk = 0;
  #inodes = 0;
  #journalUsed = 0;
  /** Metadata blocks changed since the last commit, and since they were last written back. */
  readonly #uncommitted = new Set<number>();
  readonly #notWrittenBack = new Set<number>();

  constructor(layout: BurstLayout, dataBytes: number, seed: number) {
    this.#layout = layout;
    this.#dataBytes = dataBytes;
    this.#prng = new Prng(seed);
    this.#directories = Array.from({ length: DIRECTORIES }, () => ({ offset: 0, end: 0 }));
  }

  /** All requests of the installation; a guest installs once. */
  *install(): Generator<GuestRequest> {
    yield { op: 'mark', text: 'mkfs' };
    yield* this.#makeFileSystem();
    yield { op: 'mark', text: 'download' };
    yield* this.#writeFile(this.#directories[0]!, this.#dataBytes * DOWNLOADED_SHARE);
    yield* this.#commit();
    yield { op: 'mark', text: 'unpack' };
    for (let left = this.#dataBytes; left > 0; ) left -= yield* this.#installPackage(left);
    yield { op: 'mark', text: 'finish' };
    yield* this.#commit();
    yield* this.#writeBack();
    yield { op: 'write', offset: this.#layout.superblockOffset, length: BLOCK_BYTES };
    yield { op: 'flush' };
  }

  *#makeFileSystem(): Generator<GuestRequest> {
    const { superblockOffset, partitionBytes, journalOffset, journalBytes, groups } = this.#layout;
    yield { op: 'write', offset: 0, length: BLOCK_BYTES };
    yield { op: 'flush' };
    for (let done = 0; done < partitionBytes; done += DISCARD_PIECE_BYTES) {
      const length = Math.min(DISCARD_PIECE_BYTES, partitionBytes - done);
      yield { op: 'discard', offset: superblockOffset + done, length };
    }
    yield* zeroes(journalOffset, journalBytes, false);
    for (const offset of this.#layout.superblockBackups()) yield { op: 'write', offset, length: 2 * BLOCK_BYTES };
    yield { op: 'write', offset: superblockOffset, length: 2 * BLOCK_BYTES };
    yield { op: 'flush' };
    // The kernel clears inode tables when the file system is first mounted.
    for (let group = 0; group < groups; group++) yield* zeroes(this.#layout.inodeTable(group), INODE_TABLE_BYTES, true);
  }

  /** Unpacks and configures one package; returns the bytes of its files. */
  *#installPackage(atMostBytes: number): Generator<GuestRequest, number> {
    const files = this.#prng.between(10, 150);
    let bytes = 0;
    let unpacked = 0;
    while (unpacked < files && bytes < atMostBytes) {
      const size = this.#fileSize();
      yield* this.#writeFile(this.#directories[this.#prng.below(DIRECTORIES)]!, size);
      bytes += size;
      unpacked++;
    }
    yield* this.#commit();
    for (let synced = 1; synced < unpacked; synced++) yield { op: 'flush' };
    for (let updates = this.#prng.between(10, 30); updates > 0; updates--) yield* this.#updateStatus();
    yield* this.#writeBack();
    return bytes;
  }

  /** A small file is written and made durable, as the package database does for each step. */
  *#updateStatus(): Generator<GuestRequest> {
    const size = this.#prng.chance(0.1) ? this.#prng.between(8, 64) * BLOCK_BYTES : BLOCK_BYTES;
    yield* this.#writeFile(this.#directories[1]!, size);
    yield* this.#commit();
    if (this.#prng.chance(0.3)) yield { op: 'flush' };
  }

  *#writeFile(directory: Directory, bytes: number): Generator<GuestRequest> {
    for (let left = Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES; left > 0; ) {
      while (directory.offset === directory.end) this.#takeChunk(directory);
      const length = Math.min(left, directory.end - directory.offset, MAX_REQUEST_BYTES);
      yield { op: 'write', offset: directory.offset, length };
      this.#change(this.#layout.blockBitmap(this.#layout.groupOf(directory.offset)));
      directory.offset += length;
      left -= length;
    }
    const group = this.#layout.groupOf(directory.offset - 1);
    const inodeBlock = Math.floor(this.#inodes++ / INODES_PER_BLOCK) % (INODE_TABLE_BYTES / BLOCK_BYTES);
    this.#change(this.#layout.inodeTable(group) + inodeBlock * BLOCK_BYTES);
    this.#change(this.#layout.inodeBitmap(group));
    this.#change(this.#layout.superblockOffset + BLOCK_BYTES);
  }

  #takeChunk(directory: Directory): void {
    const chunk = this.#layout.chunk(this.#nextChunk++);
    if (chunk === undefined) throw new WorkloadError('workload install-burst: the files do not fit on the disk');
    directory.offset = chunk.offset;
    directory.end = chunk.end;
  }

  #change(block: number): void {
    this.#uncommitted.add(block);
    this.#notWrittenBack.add(block);
  }

  /** Ends a transaction: what changed goes to the journal; the commit block must not be durable before it. */
  *#commit(): Generator<GuestRequest> {
    yield* this.#appendToJournal((1 + this.#uncommitted.size) * BLOCK_BYTES);
    yield { op: 'flush' };
    yield* this.#appendToJournal(BLOCK_BYTES);
    yield { op: 'flush' };
    this.#uncommitted.clear();
  }

  *#appendToJournal(bytes: number): Generator<GuestRequest> {
    const { journalOffset, journalBytes } = this.#layout;
    for (let left = bytes; left > 0; ) {
      const length = Math.min(left, journalBytes - this.#journalUsed, MAX_REQUEST_BYTES);
      yield { op: 'write', offset: journalOffset + this.#journalUsed, length };
      this.#journalUsed = (this.#journalUsed + length) % journalBytes;
      left -= length;
    }
  }

  /** Changed metadata goes to its own place, in ascending order as the kernel's writeback does. */
  *#writeBack(): Generator<GuestRequest> {
    for (const offset of [...this.#notWrittenBack].sort((a, b) => a - b)) {
      yield { op: 'write', offset, length: BLOCK_BYTES };
    }
    this.#notWrittenBack.clear();
  }

  #fileSize(): number {
    let share = this.#prng.fraction();
    for (const [part, size] of FILE_SIZES) {
      if (share < part) return this.#prng.between(size / 2, size);
      share -= part;
    }
    return BLOCK_BYTES;
  }
}

function* zeroes(offset: number, length: number, mayUnmap: boolean): Generator<GuestRequest> {
  for (let done = 0; done < length; done += ZEROES_PIECE_BYTES) {
    const piece = Math.min(ZEROES_PIECE_BYTES, length - done);
    yield { op: 'write-zeroes', offset: offset + done, length: piece, mayUnmap };
  }
}
