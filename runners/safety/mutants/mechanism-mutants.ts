/**
 * Deliberate mistakes in what `ordered` and `reserve` do and history did not: keeping freed clusters back, publishing late, writing dirty
 * sectors only, counting ahead, flipping the header. Each must be found by the explorer under the policy that it is named with.
 */
import {
  type Allocation,
  type Allocator,
  type AllocatorParts,
  type CachedTable,
  type CachePolicy,
  type HostRange,
  type Ordering,
  Pointer,
  type PolicySetup,
  type Prerequisite,
} from '../../../engine/index.ts';
import type { Alteration } from '../states/alteration.ts';
import type { Mutant } from './mutant.ts';
import { MutantPolicy } from './mutant-policy.ts';

const inPolicy = (wrap: (policy: CachePolicy) => CachePolicy): Alteration => ({
  alterPolicy: (create) => (parts) => {
    const setup = create(parts);
    return { ...setup, policy: wrap(setup.policy) };
  },
});

const inAllocator = (wrap: (allocator: Allocator, parts: AllocatorParts) => Allocator): Alteration => ({
  alterPolicy: (create) => (parts) => {
    const setup: PolicySetup = create(parts);
    const { createAllocator } = setup;
    if (createAllocator === undefined) return setup;
    return { ...setup, createAllocator: (own) => wrap(createAllocator(own), own) };
  },
});

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
class HastyAllocator extends MutantAllocator {
  override release(ranges: readonly HostRange[], dropped: readonly Prerequisite[]): void {
    for (const { offset, lengthBytes } of ranges) this.parts.counts.lower(offset, lengthBytes, dropped);
  }
}

/** Says of each cluster that its refcount is durable already. */
class UncountedAllocator extends MutantAllocator {
  override allocate(clusters: number): Allocation {
    return { ...this.inner.allocate(clusters), wait: [] };
  }
}

/** Pointers are written when they change. */
class EarlyPointerPolicy extends MutantPolicy {
  override publish(pointer: Pointer): void {
    this.inner.publishNow(pointer);
  }
}

/** What is published waits for nothing. */
class DeafPolicy extends MutantPolicy {
  override order({ order }: Ordering): void {
    this.inner.order({ order, before: [], after: [] });
  }
}

/** Of each change the last sector is overlooked. */
class ShortSightedPolicy extends MutantPolicy {
  override dirtying(table: CachedTable, from: number, to: number): void {
    this.inner.dirtying?.(table, from, Math.max(from, to - 512));
  }
}

/** Where the number of snapshots ends in the header, and the place of their table begins, bytes. */
const SNAPSHOTS_OFFSET = 64;

/** The header is flipped in two writes, a barrier between them: the number of snapshots, then the place of their table. */
class TornFlipPolicy extends MutantPolicy {
  override publishNow(pointer: Pointer): void {
    const { kind, offset, bytes } = pointer;
    const cut = SNAPSHOTS_OFFSET - offset;
    if (kind === 'header' && cut > 0 && cut < bytes.length) {
      this.inner.publishNow(new Pointer(kind, offset, bytes.subarray(0, cut)));
    }
    this.inner.publishNow(pointer);
  }
}

/** A flush that publishes nothing does nothing, whatever data was written. */
class LazyFlushPolicy extends MutantPolicy {
  #publishes = false;

  override dirtying(table: CachedTable, from: number, to: number): void {
    this.#publishes = true;
    this.inner.dirtying?.(table, from, to);
  }
  override flush(): void {
    if (this.#publishes) this.inner.flush();
    this.#publishes = false;
  }
}

export const MECHANISM_MUTANTS: readonly Mutant[] = [
  {
    name: 'N1',
    title: 'the quarantine is skipped: a freed cluster is lowered and used again at once',
    ...inAllocator((inner, parts) => new HastyAllocator(inner, parts)),
  },
  {
    name: 'N2',
    title: 'a cluster is used before its refcount is durable',
    ...inAllocator((inner, parts) => new UncountedAllocator(inner, parts)),
  },
  {
    name: 'N3',
    title: 'a pointer is written before its table',
    ...inPolicy((policy) => new EarlyPointerPolicy(policy)),
  },
  { name: 'N4', title: 'what publishes waits for nothing', ...inPolicy((policy) => new DeafPolicy(policy)) },
  { name: 'N5', title: 'a dirty sector is missed', ...inPolicy((policy) => new ShortSightedPolicy(policy)) },
  { name: 'N6', title: 'the header flip is torn in two', ...inPolicy((policy) => new TornFlipPolicy(policy)) },
  {
    name: 'N7',
    title: 'a flush syncs only when a table has changed',
    ...inPolicy((policy) => new LazyFlushPolicy(policy)),
  },
];
