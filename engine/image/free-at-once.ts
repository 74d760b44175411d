/** The allocator of history: a cluster is counted when it is taken, and can be taken again in the moment that it is freed. */
import type { HostRange } from '../base/units.ts';
import type { Allocation, Allocator, AllocatorParts, PartialAllocation, Savepoint } from '../cache/allocator.ts';
import { takeAt, takeFree } from '../cache/counted-at-once.ts';
import type { Prerequisite } from '../cache/ordering.ts';

export class FreeAtOnce implements Allocator {
  readonly #parts: AllocatorParts;

  constructor(parts: AllocatorParts) {
    this.#parts = parts;
  }

  allocate(clusters: number): Allocation {
    return takeFree(this.#parts, clusters, false);
  }

  allocateAt(offset: number, clusters: number): PartialAllocation | null {
    return takeAt(this.#parts, offset, clusters, false);
  }

  /** The policy hears of the order when the refcounts are lowered, and has to keep it there and then. */
  release(ranges: readonly HostRange[], dropped: readonly Prerequisite[]): void {
    for (const { offset, lengthBytes } of ranges) this.#parts.counts.lower(offset, lengthBytes, dropped);
  }

  giveBack({ offset, lengthBytes }: HostRange): void {
    this.#parts.counts.lowerUnnamed(offset, lengthBytes);
  }

  /** Nothing waits. */
  settled(): void {}
  settleAll(): void {}

  /** Where the search continues is one of the image's variables, and those are rolled back by the caller. */
  savepoint(): Savepoint {
    return { restore() {} };
  }

  /** Nothing was postponed or reserved. */
  close(): void {}
}
