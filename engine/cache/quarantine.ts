/**
 * The allocator of policies that publish late: a freed cluster stays counted until what dropped the reference to it is durable. Else a
 * power cut could bring the old reference back, and it would name what the cluster holds next.
 *
 * Lowering a refcount is postponed work, not an order between two tables: it happens after the fact and rides along with the next
 * write of its block. So a block that is raised and lowered at the same time never depends on what depends on it.
 */
import type { HostRange } from '../base/units.ts';
import type { Sequence } from '../io/durability.ts';
import type { Allocation, Allocator, AllocatorParts, PartialAllocation, Savepoint } from './allocator.ts';
import { takeAt, takeFree } from './counted-at-once.ts';
import { isDurable, type Prerequisite } from './ordering.ts';

interface Released {
  readonly ranges: readonly HostRange[];
  readonly dropped: readonly Prerequisite[];
}

export class Quarantine implements Allocator {
  readonly #parts: AllocatorParts;
  readonly #flush: () => void;
  #released: Released[] = [];

  /** `flush` makes everything durable that the policy holds back. */
  constructor(parts: AllocatorParts, flush: () => void) {
    this.#parts = parts;
    this.#flush = flush;
  }

  allocate(clusters: number): Allocation {
    return takeFree(this.#parts, clusters, true);
  }

  allocateAt(offset: number, clusters: number): PartialAllocation | null {
    return takeAt(this.#parts, offset, clusters, true);
  }

  release(ranges: readonly HostRange[], dropped: readonly Prerequisite[]): void {
    this.#released.push({ ranges, dropped });
  }

  settled(durable: Sequence): void {
    const { counts } = this.#parts;
    const waiting: Released[] = [];
    const due: Released[] = [];
    for (const released of this.#released) {
      if (isDurable(released.dropped, durable)) due.push(released);
      else waiting.push(released);
    }
    // Out of the list first: a range that cannot be lowered leaks, and is not tried again for ever.
    this.#released = waiting;
    for (const { ranges, dropped } of due) {
      for (const { offset, lengthBytes } of ranges) counts.lower(offset, lengthBytes, dropped);
    }
  }

  /** Nothing named it, so that it has nothing to wait for. */
  giveBack({ offset, lengthBytes }: HostRange): void {
    this.#parts.counts.lowerUnnamed(offset, lengthBytes);
  }

  settleAll(): void {
    if (this.#released.length === 0) return;
    this.#flush();
    this.settled(this.#parts.file.durable);
  }

  makeRoom(): boolean {
    const holdsBack = this.#released.length > 0;
    this.settleAll();
    this.#parts.counts.searchFromStart();
    return holdsBack;
  }

  savepoint(): Savepoint {
    const released = [...this.#released];
    return {
      restore: () => {
        this.#released = [...released];
      },
    };
  }

  close(): void {
    this.settleAll();
  }
}
