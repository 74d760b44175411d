/**
 * The way from L1 tables to guest data: counts every reference on it and checks every entry.
 *
 * L1 tables are read first and only note which L2 tables they name and how often; then each L2 table is read once and counts
 * that many times. So the work is bounded by the size of the file, however often a hostile L1 table names the same L2 table.
 */
import { hasReservedHighBits, hasReservedLowBits, isCopiedEntry, pointerOffset } from './big-endian.ts';
import type { Examination } from './examination.ts';
import type { ByteRange } from './image-shape.ts';
import { OWNER_L1, OWNER_L2 } from './references.ts';

/** L2 tables by host cluster, with the number of L1 entries that name each: of all L1 tables, and of the active one. */
class L2Uses {
  readonly clusters: number[] = [];
  readonly times: number[] = [];
  readonly activeTimes: number[] = [];
  readonly #indexOf = new Map<number, number>();

  add(cluster: number, isActive: boolean): void {
    let index = this.#indexOf.get(cluster);
    if (index === undefined) {
      index = this.clusters.push(cluster) - 1;
      this.times.push(0);
      this.activeTimes.push(0);
      this.#indexOf.set(cluster, index);
    }
    this.times[index]! += 1;
    if (isActive) this.activeTimes[index]! += 1;
  }
}

/**
 * A COPIED flag that is set though the stored refcount is not 1: file offset of the entry, host offset of its cluster,
 * how often the entry is reached. Judged when all references are known.
 */
export interface CopiedDoubt {
  readonly at: number;
  readonly target: number;
  readonly times: number;
}

export class MappingWalk {
  readonly uses = new L2Uses();
  readonly copiedDoubts: CopiedDoubt[] = [];
  readonly x: Examination;

  constructor(x: Examination) {
    this.x = x;
  }

  /** Reads one L1 table; `at` is the file offset of the field that names it. */
  l1Table(at: number, table: ByteRange, isActive: boolean): void {
    const { x } = this;
    if (table.lengthBytes === 0) return;
    if (!x.spend(table.lengthBytes / 8) || !x.refer(at, table.offset, table.lengthBytes, OWNER_L1)) return;
    const end = table.offset + table.lengthBytes;
    for (let offset = table.offset; offset < end; offset += x.bufferBytes) {
      const lengthBytes = Math.min(x.bufferBytes, end - offset);
      if (x.load(offset, lengthBytes, 'l1')) this.#l1Piece(offset, lengthBytes / 8, isActive);
    }
  }

  #l1Piece(start: number, count: number, isActive: boolean): void {
    const { words } = this.x;
    for (let i = 0; i < count; i++) {
      if (words[2 * i] !== 0 || words[2 * i + 1] !== 0) this.#l1Entry(start + 8 * i, 8 * i, isActive);
    }
  }

  #l1Entry(at: number, index: number, isActive: boolean): void {
    const { x } = this;
    const { clusterBytes } = x.shape;
    const high = x.view.getUint32(index);
    const low = x.view.getUint32(index + 4);
    if (hasReservedHighBits(high, true) || hasReservedLowBits(low, true)) {
      x.findings.add('reserved-bits', at, 0, `0x${x.view.getBigUint64(index).toString(16)}`);
    }
    const offset = pointerOffset(high, low);
    if (isActive && offset > 0) this.checkCopied(at, offset, isCopiedEntry(high), 1);
    if (offset === 0) {
      if (isCopiedEntry(high)) x.findings.add('pointer-misaligned', at, 'an L2 table', 0);
      return;
    }
    const isInside = x.refer(at, offset, clusterBytes, OWNER_L2);
    if (offset % clusterBytes !== 0) {
      x.findings.add('pointer-misaligned', at, `a multiple of ${clusterBytes}`, offset);
      x.everythingWasFollowed = false;
    } else if (isInside) {
      this.uses.add(offset / clusterBytes, isActive);
    }
  }

  /** COPIED must say exactly "the stored refcount is 1". */
  checkCopied(at: number, target: number, isCopied: boolean, times: number): void {
    const stored = this.x.storedAt(target);
    if (isCopied && stored !== 1) this.copiedDoubts.push({ at, target, times });
    if (!isCopied && stored === 1) this.x.findings.add('copied-clear', at, 'set', 'clear', times);
  }

  /** When all references are counted: a flag that permits writing in place matters where something else shares the cluster. */
  judgeCopiedDoubts(): void {
    for (const { at, target, times } of this.copiedDoubts) {
      const references = this.x.references.counts[Math.floor(target / this.x.shape.clusterBytes)] ?? 0;
      if (references > 1) this.x.findings.add('copied-shared', at, 1, references, times);
      else this.x.findings.add('copied-set', at, 1, this.x.storedAt(target), times);
    }
  }
}
