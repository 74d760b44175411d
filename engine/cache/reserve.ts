/**
 * An allocator that counts clusters ahead of time. Once their refcounts are durable, a reference to one of them waits for nothing: a
 * fresh cluster, or a new L2 table, then costs the guest's own barrier and no other.
 *
 * The pool grows while it is used up between two flushes and shrinks when it is not, within a bound in bytes. Its clusters lie past
 * the end of the file and read as zeros, so that an L2 entry that lands before the data shows what the guest had: zeros. What is left is
 * given back when the image is closed; a power cut leaks it, at most.
 */
import { Qcow2Error } from '../base/errors.ts';
import { type HostRange, MiB } from '../base/units.ts';
import type { Sequence } from '../io/durability.ts';
import type { Allocation, Allocator, AllocatorParts, PartialAllocation, Savepoint } from './allocator.ts';
import { isDurable, type Prerequisite } from './ordering.ts';
import { Quarantine } from './quarantine.ts';

/**
 * How the place of a reserved cluster is made. `hole`: the file is extended, nothing is written. `fallocate`: space is taken too.
 * `zeroes`: zeros are written, so that a sync later has no block to map: more expensive now, cheaper for each flush.
 */
export const RESERVE_PREPARATIONS = ['hole', 'fallocate', 'zeroes'] as const;
/** One of {@link RESERVE_PREPARATIONS}. */
export type ReservePreparation = (typeof RESERVE_PREPARATIONS)[number];

/** How much {@link Reserve} counts ahead, and what it does with that place. */
export interface ReserveOptions {
  /** Default `hole`. */
  readonly preparation?: ReservePreparation | undefined;
  /**
   * The most that is counted ahead, in bytes: {@link RESERVE_CLUSTERS_MIN} clusters or more. Default 64 MiB, but at least those. What a quarter of a refcount
   * block counts is never exceeded.
   */
  readonly maxBytes?: number | undefined;
}

/** With fewer, half of which are to be ready at a flush, nothing would be ready. */
export const RESERVE_CLUSTERS_MIN = 4;
const RESERVE_BYTES_DEFAULT = 64 * MiB;
const CLUSTERS_AT_FIRST = 16;
/** How many flushes a peak of what was used between two of them is remembered, at least. */
const WINDOW_FLUSHES = 1024;
const ZERO_PIECE_BYTES = MiB;

/** Consecutive clusters, counted and not used. */
interface Batch {
  next: number;
  readonly end: number;
  readonly wait: readonly Prerequisite[];
}

export class Reserve implements Allocator {
  readonly #parts: AllocatorParts;
  readonly #quarantine: Quarantine;
  readonly #preparation: ReservePreparation;
  readonly #clustersMax: number;
  /** How many clusters are to be ready at a flush. */
  #target: number;
  #usedSinceFlush = 0;
  /** The most that was used between two flushes, in this window of flushes and in the one before. */
  #peak = 0;
  #peakBefore = 0;
  #flushes = 0;
  /** The disk was full: until then nothing is counted ahead. */
  #pausedUntilFlush = 0;
  /** Their refcounts are durable. */
  #ready: Batch[] = [];
  #raised: Batch[] = [];

  /**
   * `flush` makes everything durable that the policy holds back. A new refcount block costs a barrier of its own, so that what is
   * counted ahead in one go must not need several.
   * @throws Qcow2Error INVALID_ARGUMENT for a bound below {@link RESERVE_CLUSTERS_MIN} clusters.
   */
  constructor(
    parts: AllocatorParts,
    flush: () => void,
    clustersPerRefcountBlock: number,
    options: ReserveOptions = {},
  ) {
    this.#parts = parts;
    this.#quarantine = new Quarantine(parts, flush);
    this.#preparation = options.preparation ?? 'hole';
    this.#clustersMax = clustersMax(options.maxBytes, parts.clusterBytes, clustersPerRefcountBlock);
    this.#target = Math.min(CLUSTERS_AT_FIRST, this.#clustersMax);
  }

  allocate(clusters: number): Allocation {
    return this.#used(clusters, this.#takeReady(clusters) ?? this.#quarantine.allocate(clusters));
  }

  allocateAt(offset: number, clusters: number): PartialAllocation | null {
    const batch = this.#ready.find(({ next }) => next === offset);
    if (batch === undefined) return null;
    const taken = Math.min(clusters, (batch.end - offset) / this.#parts.clusterBytes);
    return this.#used(taken, { ...this.#takeFrom(batch, taken), clusters: taken });
  }

  #used<Taken extends Allocation>(clusters: number, allocation: Taken): Taken {
    this.#usedSinceFlush += clusters;
    if (!this.#isPaused && this.#clustersAhead() < this.#target / 2) this.#raiseAhead();
    return allocation;
  }

  giveBack(range: HostRange): void {
    this.#quarantine.giveBack(range);
  }

  release(ranges: readonly HostRange[], dropped: readonly Prerequisite[]): void {
    this.#quarantine.release(ranges, dropped);
  }

  settled(durable: Sequence): void {
    this.#quarantine.settled(durable);
    const isReady = ({ wait }: Batch) => isDurable(wait, durable);
    for (const batch of this.#raised.filter(isReady)) this.#addReady(batch);
    this.#raised = this.#raised.filter((batch) => !isReady(batch));
    this.#adapt();
  }

  /** What continues another is one with it, so that larger pieces can be had. */
  #addReady(batch: Batch): void {
    const last = this.#ready.at(-1);
    if (last?.end === batch.next) this.#ready[this.#ready.length - 1] = { ...last, end: batch.end };
    else this.#ready.push(batch);
  }

  settleAll(): void {
    this.#quarantine.settleAll();
  }

  /**
   * What was counted ahead goes first: it waits for nothing, and the flush that the rest waits for may need its place. Without it more
   * can be had in any case: it takes large pieces, and passes the small ones.
   */
  makeRoom(): boolean {
    const countedAhead = !this.#isPaused;
    this.#pausedUntilFlush = this.#flushes + WINDOW_FLUSHES;
    this.#giveAllBack();
    return this.#quarantine.makeRoom() || countedAhead;
  }

  savepoint(): Savepoint {
    const copy = (batches: readonly Batch[]) => batches.map((batch) => ({ ...batch }));
    const [ready, raised, quarantine] = [copy(this.#ready), copy(this.#raised), this.#quarantine.savepoint()];
    return {
      restore: () => {
        this.#ready = copy(ready);
        this.#raised = copy(raised);
        quarantine.restore();
      },
    };
  }

  close(): void {
    this.#quarantine.close();
    this.#giveAllBack();
  }

  #giveAllBack(): void {
    const batches = [...this.#ready, ...this.#raised];
    this.#ready = [];
    this.#raised = [];
    for (const batch of batches) this.#giveBack(batch);
    this.#cutEnd(batches);
  }

  #takeReady(clusters: number): Allocation | null {
    const lengthBytes = clusters * this.#parts.clusterBytes;
    const batch = this.#ready.find(({ next, end }) => end - next >= lengthBytes);
    return batch === undefined ? null : this.#takeFrom(batch, clusters);
  }

  #takeFrom(batch: Batch, clusters: number): Allocation {
    const offset = batch.next;
    batch.next += clusters * this.#parts.clusterBytes;
    this.#ready = this.#ready.filter(({ next, end }) => next < end);
    return { offset, wait: [], readsAsZeros: true, isUnnamed: true };
  }

  get #isPaused(): boolean {
    return this.#flushes < this.#pausedUntilFlush;
  }

  #clustersAhead(): number {
    const bytes = [...this.#ready, ...this.#raised].reduce((sum, { next, end }) => sum + end - next, 0);
    return bytes / this.#parts.clusterBytes;
  }

  /** Nothing waits for it: the refcounts ride along with what the next flush writes anyway. A full disk only ends the reserve. */
  #raiseAhead(): void {
    const { counts, clusterBytes, file } = this.#parts;
    const lengthBytes = (this.#target - this.#clustersAhead()) * clusterBytes;
    const offset = counts.findFree(lengthBytes / clusterBytes);
    const blocks = counts.raise(offset, lengthBytes);
    const batch = { next: offset, end: offset + lengthBytes };
    if (this.#prepare(offset, lengthBytes)) this.#raised.push({ ...batch, wait: [...blocks, file.written] });
    else this.#giveBack({ ...batch, wait: [] });
  }

  /** Makes the place read as zeros; false when it cannot be had. */
  #prepare(offset: number, lengthBytes: number): boolean {
    const { file } = this.#parts;
    try {
      const end = offset + lengthBytes;
      const inFile = Math.max(0, Math.min(end, file.sizeBytes()) - offset);
      if (this.#preparation === 'zeroes') return this.#writeZeroes(offset, end);
      if (inFile > 0 && !file.punchHole(offset, inFile)) return false;
      if (this.#preparation === 'fallocate' && file.preallocate(offset, lengthBytes)) return true;
      if (file.sizeBytes() < end) file.truncate(end);
      return true;
    } catch (error) {
      if (!(error instanceof Qcow2Error) || error.code !== 'NO_SPACE') throw error;
      return false;
    }
  }

  #writeZeroes(from: number, end: number): boolean {
    const zeros = new Uint8Array(Math.min(ZERO_PIECE_BYTES, end - from));
    for (let at = from; at < end; at += zeros.length) {
      this.#parts.file.write(at, zeros.subarray(0, Math.min(zeros.length, end - at)), 'data');
    }
    return true;
  }

  /** Twice as many as were used between two flushes lately, so that half of them, the least that is kept, are enough the next time. */
  #adapt(): void {
    this.#peak = Math.max(this.#peak, this.#usedSinceFlush);
    this.#usedSinceFlush = 0;
    if (++this.#flushes % WINDOW_FLUSHES === 0) {
      this.#peakBefore = this.#peak;
      this.#peak = 0;
    }
    const wanted = 2 * Math.max(this.#peak, this.#peakBefore);
    this.#target = Math.min(this.#clustersMax, Math.max(CLUSTERS_AT_FIRST, wanted));
  }

  #giveBack({ next, end }: Batch): void {
    this.#parts.counts.lower(next, end - next, []);
  }

  /** What lay reserved at the end of the file was never written to: the file is as long as without it. */
  #cutEnd(batches: readonly Batch[]): void {
    const { file } = this.#parts;
    const sizeBytes = file.sizeBytes();
    let end = sizeBytes;
    for (const batch of [...batches].sort((a, b) => b.end - a.end)) if (batch.end === end) end = batch.next;
    if (end < sizeBytes) file.truncate(end);
  }
}

function clustersMax(maxBytes: number | undefined, clusterBytes: number, clustersPerRefcountBlock: number): number {
  const clusters = Math.floor((maxBytes ?? RESERVE_BYTES_DEFAULT) / clusterBytes);
  if (maxBytes !== undefined && clusters < RESERVE_CLUSTERS_MIN) {
    throw new Qcow2Error(
      'INVALID_ARGUMENT',
      `a reserve of ${maxBytes} bytes: at least ${RESERVE_CLUSTERS_MIN * clusterBytes}, which are ${RESERVE_CLUSTERS_MIN} clusters`,
    );
  }
  return Math.max(RESERVE_CLUSTERS_MIN, Math.min(clusters, Math.floor(clustersPerRefcountBlock / 4)));
}
