/** Allocators that get one thing wrong: mutants of those that keep freed clusters back, or count clusters ahead. */
import type {
  Allocation,
  Allocator,
  AllocatorFactory,
  AllocatorParts,
  CachedTable,
  HostRange,
  Prerequisite,
} from '../../../engine/index.ts';

/** Passes everything on; a mutant overrides what it gets wrong. */
class MutantAllocator implements Allocator {
  protected readonly inner: Allocator;
  protected readonly parts: AllocatorParts;

  constructor(inner: Allocator, parts: AllocatorParts) {
    this.inner = inner;
    this.parts = parts;
  }

  allocate(clusters: number): Allocation {
    return this.inner.allocate(clusters);
  }
  release(ranges: readonly HostRange[], dropped: readonly Prerequisite[]): void {
    this.inner.release(ranges, dropped);
  }
  settled(durable: Parameters<Allocator['settled']>[0]): void {
    this.inner.settled(durable);
  }
  settleAll(): void {
    this.inner.settleAll();
  }
  savepoint(): ReturnType<Allocator['savepoint']> {
    return this.inner.savepoint();
  }
  close(): void {
    this.inner.close();
  }
}

/** What was freed is lowered, and can be allocated, at once. */
export class HastyAllocator extends MutantAllocator {
  override release(ranges: readonly HostRange[], dropped: readonly Prerequisite[]): void {
    for (const { offset, lengthBytes } of ranges) this.parts.counts.lower(offset, lengthBytes, dropped);
  }
}

/** Says of each cluster that its refcount is durable already. */
export class UncountedAllocator extends MutantAllocator {
  override allocate(clusters: number): Allocation {
    return { ...this.inner.allocate(clusters), wait: [] };
  }
}

/** Keeps what was freed from being used again, and lowers all of it when asked, durable or not. */
export class EarlyLoweringAllocator extends MutantAllocator {
  #held: { readonly range: HostRange; readonly dropped: readonly Prerequisite[] }[] = [];

  override release(ranges: readonly HostRange[], dropped: readonly Prerequisite[]): void {
    for (const range of ranges) this.#held.push({ range, dropped });
  }
  override settleAll(): void {
    this.lowerHeld();
    this.inner.settleAll();
  }
  override close(): void {
    this.lowerHeld();
    this.inner.close();
  }

  lowerHeld(): void {
    for (const { range, dropped } of this.#held.splice(0)) {
      this.parts.counts.lower(range.offset, range.lengthBytes, dropped);
    }
  }
}

const ALWAYS_DURABLE = Number.MAX_SAFE_INTEGER as Parameters<Allocator['settled']>[0];

/** An allocator whose clusters counted ahead wait for nothing; what it hands out in the moment in which it counts it still does. */
export function hastyPool(create: AllocatorFactory, parts: AllocatorParts): Allocator {
  const counted = new Map<number, readonly CachedTable[]>();
  const { counts } = parts;
  const inner = create({
    ...parts,
    counts: {
      of: (cluster) => counts.of(cluster),
      findFree: (count) => counts.findFree(count),
      freeAt: (offset, most) => counts.freeAt(offset, most),
      searchFromStart: () => counts.searchFromStart(),
      lower: (offset, lengthBytes, dropped) => counts.lower(offset, lengthBytes, dropped),
      lowerUnnamed: (offset, lengthBytes) => counts.lowerUnnamed(offset, lengthBytes),
      raise: (offset, lengthBytes) => {
        counted.set(offset, counts.raise(offset, lengthBytes));
        return [];
      },
    },
  });
  return new HastyPool(inner, parts, counted);
}

class HastyPool extends MutantAllocator {
  readonly #counted: Map<number, readonly CachedTable[]>;

  constructor(inner: Allocator, parts: AllocatorParts, counted: Map<number, readonly CachedTable[]>) {
    super(inner, parts);
    this.#counted = counted;
  }

  override allocate(clusters: number): Allocation {
    this.#counted.clear();
    const allocation = this.inner.allocate(clusters);
    const wait = this.#counted.get(allocation.offset) ?? [];
    const hasCountedAhead = [...this.#counted.keys()].some((offset) => offset !== allocation.offset);
    if (hasCountedAhead) this.inner.settled(ALWAYS_DURABLE);
    return { ...allocation, wait };
  }
}
