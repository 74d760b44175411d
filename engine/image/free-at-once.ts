/** The allocator of history: a cluster is counted when it is taken, and can be taken again in the moment that it is freed. */
import type { Allocation, Allocator, Savepoint } from './allocator.ts';
import type { Geometry, HostRange } from './geometry.ts';
import type { OverlapGuard } from './overlap.ts';
import type { Refcounts } from './refcounts.ts';

export interface FreeAtOnceParts {
  readonly counts: Refcounts;
  readonly geometry: Geometry;
  readonly guard: Pick<OverlapGuard, 'refuseAllocation'>;
}

export class FreeAtOnce implements Allocator {
  readonly #parts: FreeAtOnceParts;

  constructor(parts: FreeAtOnceParts) {
    this.#parts = parts;
  }

  allocate(clusters: number): Allocation {
    const { counts, geometry, guard } = this.#parts;
    const lengthBytes = clusters * geometry.clusterBytes;
    const offset = counts.findFree(clusters);
    guard.refuseAllocation(offset, lengthBytes);
    return { offset, wait: counts.raise(offset, lengthBytes) };
  }

  /** The policy hears of the order when the refcounts are lowered, and has to keep it there and then. */
  release(ranges: readonly HostRange[]): void {
    for (const { offset, lengthBytes } of ranges) this.#parts.counts.lower(offset, lengthBytes);
  }

  /** Nothing waits. */
  settled(): void {}

  /** Where the search goes on is one of the image's variables, and those are put back by the caller. */
  savepoint(): Savepoint {
    return { restore() {} };
  }

  /** Nothing was postponed or reserved. */
  close(): void {}
}
