/**
 * One L2 table at a time: every entry is checked and its host clusters are counted.
 */
import {
  bitmapsOverlap,
  descriptorLength,
  descriptorOffset,
  hasReservedHighBits,
  hasReservedLowBits,
  hex,
  isCompressedEntry,
  isCopiedEntry,
  pointerOffset,
} from './big-endian.ts';
import { CompressedStreams } from './compressed-streams.ts';
import type { MappingWalk } from './mapping-walk.ts';
import { OWNER_COMPRESSED, OWNER_DATA } from './references.ts';

/** Reads every L2 table that the walk has noted. */
export function walkL2Tables(walk: MappingWalk): void {
  const tables = new L2Walk(walk);
  const { clusters, times, activeTimes } = walk.uses;
  for (let i = 0; i < clusters.length; i++) tables.table(clusters[i]!, times[i]!, activeTimes[i]!);
}

class L2Walk {
  readonly #walk: MappingWalk;
  readonly #streams: CompressedStreams;
  readonly #entryBytes: number;
  /** File offset of the table at hand, and how often it is reached. */
  #tableOffset = 0;
  #times = 0;
  #activeTimes = 0;
  /** Where the next data cluster would be if the file were not fragmented; 0 at the start of a table. */
  #nextContiguous = 0;

  constructor(walk: MappingWalk) {
    this.#walk = walk;
    this.#streams = new CompressedStreams(walk.x);
    this.#entryBytes = walk.x.shape.hasExtendedL2 ? 16 : 8;
  }

  table(cluster: number, times: number, activeTimes: number): void {
    const { x } = this.#walk;
    const { clusterBytes } = x.shape;
    const step = this.#entryBytes;
    this.#tableOffset = cluster * clusterBytes;
    this.#times = times;
    this.#activeTimes = activeTimes;
    this.#nextContiguous = 0;
    if (!x.spend(clusterBytes / step) || !x.load(this.#tableOffset, clusterBytes, 'l2')) return;
    const { words } = x;
    const wordsPerEntry = step / 4;
    const wordCount = clusterBytes / 4;
    for (let word = 0; word < wordCount; word += wordsPerEntry) {
      const isZero =
        words[word] === 0 &&
        words[word + 1] === 0 &&
        (wordsPerEntry === 2 || (words[word + 2] === 0 && words[word + 3] === 0));
      if (!isZero) this.#entry(word * 4);
    }
  }

  #entry(index: number): void {
    const { x } = this.#walk;
    const { shape } = x;
    const high = x.view.getUint32(index);
    const low = x.view.getUint32(index + 4);
    if (isCompressedEntry(high)) return this.#compressed(index, high, low);
    const at = this.#tableOffset + index;
    if (hasReservedHighBits(high, false) || hasReservedLowBits(low, false)) {
      x.findings.add('reserved-bits', at, 0, `0x${x.view.getBigUint64(index).toString(16)}`, this.#times);
    }
    const hasZeroFlag = low % 2 === 1;
    if (hasZeroFlag && shape.version === 2) x.findings.add('zero-flag', at, 'version 2', 'set', this.#times);
    if (hasZeroFlag && shape.hasExtendedL2) x.findings.add('zero-flag', at, 'an extended entry', 'set', this.#times);
    const offset = pointerOffset(high, low);
    const isAllocated = offset > 0 || (shape.hasDataFile && isCopiedEntry(high));
    if (shape.hasExtendedL2) this.#checkBitmaps(at, index, isAllocated);
    if (isAllocated) this.#allocated(at, offset, isCopiedEntry(high));
  }

  #checkBitmaps(at: number, index: number, isAllocated: boolean): void {
    const { x } = this.#walk;
    const zero = x.view.getUint32(index + 8);
    const allocated = x.view.getUint32(index + 12);
    if (isAllocated && bitmapsOverlap(zero, allocated)) {
      const found = `allocated ${hex(allocated)} and zero ${hex(zero)} overlap`;
      x.findings.add('subclusters', at, 'disjoint bitmaps', found, this.#times);
    }
    if (!isAllocated && allocated !== 0) {
      x.findings.add(
        'subclusters',
        at,
        'no allocated subcluster',
        `allocated ${hex(allocated)} without cluster`,
        this.#times,
      );
    }
  }

  #allocated(at: number, offset: number, isCopied: boolean): void {
    const { x } = this.#walk;
    const { clusterBytes, hasDataFile } = x.shape;
    if (offset % clusterBytes !== 0) {
      x.findings.add('pointer-misaligned', at, `a multiple of ${clusterBytes}`, offset, this.#times);
    }
    if (this.#activeTimes > 0) {
      x.allocatedClusters += this.#activeTimes;
      if (this.#nextContiguous > 0 && offset !== this.#nextContiguous) x.fragmentedClusters += this.#activeTimes;
      this.#nextContiguous = offset + clusterBytes;
    }
    if (hasDataFile) {
      // The data file has no refcounts: each of its clusters belongs to this image alone.
      if (!isCopied && this.#activeTimes > 0) x.findings.add('copied-clear', at, 'set', 'clear', this.#activeTimes);
      return;
    }
    x.refer(at, offset, clusterBytes, OWNER_DATA, this.#times);
    if (this.#activeTimes > 0) this.#walk.checkCopied(at, offset, isCopied, this.#activeTimes);
  }

  #compressed(index: number, high: number, low: number): void {
    const { x } = this.#walk;
    const { clusterBits, hasDataFile, hasExtendedL2 } = x.shape;
    const at = this.#tableOffset + index;
    if (isCopiedEntry(high)) x.findings.add('compressed-copied', at, 'clear', 'set', this.#times);
    if (hasDataFile) return x.findings.add('compressed-external', at, 'none', 'compressed', this.#times);
    if (hasExtendedL2 && (x.view.getUint32(index + 8) !== 0 || x.view.getUint32(index + 12) !== 0)) {
      const found = 'not zero in a compressed entry';
      x.findings.add('subclusters', at, 0, found, this.#times);
    }
    const offset = descriptorOffset(high, low, clusterBits);
    const lengthBytes = descriptorLength(high, low, clusterBits);
    const isInside = x.refer(at, offset, lengthBytes, OWNER_COMPRESSED, this.#times);
    if (isInside && x.verifyCompressed) this.#streams.verify(at, offset, lengthBytes);
    x.allocatedClusters += this.#activeTimes;
    x.compressedClusters += this.#activeTimes;
    x.fragmentedClusters += this.#activeTimes;
  }
}
