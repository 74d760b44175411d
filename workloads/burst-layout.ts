/**
 * Where an ext4-like file system of a synthetic guest keeps its things: pure arithmetic over the disk's size.
 *
 * A partition of block groups of 128 MiB; sixteen share one metadata area at the start of the first (block bitmaps, inode bitmaps,
 * inode tables of 2 MiB each); a journal in the middle; the rest is cut into chunks of 8 MiB that files are allocated from.
 */
import { KiB, MiB, roundDown } from '../engine/base/units.ts';

export const BLOCK_BYTES = 4 * KiB;
export const INODE_TABLE_BYTES = 2 * MiB;

const PARTITION_OFFSET = MiB;
const GROUP_BYTES = 128 * MiB;
const GROUPS_PER_FLEX = 16;
const CHUNK_BYTES = 8 * MiB;
const METADATA_BYTES = 40 * MiB;

export class BurstLayout {
  readonly diskSizeBytes: number;
  readonly superblockOffset = PARTITION_OFFSET;
  readonly partitionBytes: number;
  readonly groups: number;
  readonly journalOffset: number;
  readonly journalBytes: number;
  readonly #chunks: number;
  readonly #stride: number;

  constructor(diskSizeBytes: number) {
    this.diskSizeBytes = diskSizeBytes;
    this.partitionBytes = roundDown(diskSizeBytes - PARTITION_OFFSET, BLOCK_BYTES);
    this.groups = Math.ceil(this.partitionBytes / GROUP_BYTES);
    this.journalBytes = Math.min(64 * MiB, roundDown(diskSizeBytes / 32, CHUNK_BYTES));
    // In the middle, right after the last place where a metadata area could begin, so that the two never overlap.
    this.journalOffset = this.#groupOffset(Math.floor(this.groups / 2)) + METADATA_BYTES;
    this.#chunks = Math.floor(this.partitionBytes / CHUNK_BYTES);
    this.#stride = strideFor(this.#chunks);
  }

  /** Start of the part of the disk that belongs to block group `group`. */
  #groupOffset(group: number): number {
    return PARTITION_OFFSET + group * GROUP_BYTES;
  }

  groupOf(offset: number): number {
    return Math.floor((offset - PARTITION_OFFSET) / GROUP_BYTES);
  }

  /** Backups of the superblock are in group 1 and in powers of 3, 5 and 7. */
  superblockBackups(): number[] {
    const groups = [1];
    for (const base of [3, 5, 7]) for (let group = base; group < this.groups; group *= base) groups.push(group);
    return groups.filter((group) => group < this.groups).map((group) => this.#groupOffset(group));
  }

  /** The block that says which blocks of `group` are in use. */
  blockBitmap(group: number): number {
    return this.#metadataArea(group) + 2 * BLOCK_BYTES + (group % GROUPS_PER_FLEX) * BLOCK_BYTES;
  }

  inodeBitmap(group: number): number {
    return this.blockBitmap(group) + GROUPS_PER_FLEX * BLOCK_BYTES;
  }

  inodeTable(group: number): number {
    return this.#metadataArea(group) + MiB + (group % GROUPS_PER_FLEX) * INODE_TABLE_BYTES;
  }

  /** The `turn`-th chunk to allocate from, spread over the disk as directories are; `undefined` when all were given. */
  chunk(turn: number): { readonly offset: number; readonly end: number } | undefined {
    if (turn >= this.#chunks) return undefined;
    const offset = PARTITION_OFFSET + ((turn * this.#stride) % this.#chunks) * CHUNK_BYTES;
    return { offset, end: this.#isReserved(offset) ? offset : offset + CHUNK_BYTES };
  }

  #metadataArea(group: number): number {
    return this.#groupOffset(group - (group % GROUPS_PER_FLEX));
  }

  #isReserved(offset: number): boolean {
    const area = this.#metadataArea(this.groupOf(offset));
    const inMetadata = offset < area + METADATA_BYTES;
    const inJournal = offset + CHUNK_BYTES > this.journalOffset && offset < this.journalOffset + this.journalBytes;
    return inMetadata || inJournal || this.superblockBackups().includes(offset);
  }
}

/** A step near the golden ratio of `count` that visits every number below it once. */
function strideFor(count: number): number {
  let stride = Math.max(1, Math.round(count * 0.618));
  while (greatestCommonDivisor(stride, count) !== 1) stride++;
  return stride;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
