/**
 * Deliberate mistakes in what `ordered` and `reserve` do and history did not: keeping freed clusters back, publishing late, writing dirty
 * sectors only, counting ahead, flipping the header. Each must be found by the explorer under the policy that it is named with.
 */
import {
  type Allocator,
  type AllocatorParts,
  type CachedTable,
  type CachePolicy,
  type Ordering,
  Pointer,
  type PolicySetup,
  type QueuedRequest,
} from '../../../engine/index.ts';
import type { Alteration } from '../states/alteration.ts';
import type { Mutant } from './mutant.ts';
import { EarlyLoweringAllocator, HastyAllocator, hastyPool, UncountedAllocator } from './mutant-allocators.ts';
import { FailingSyncFile } from './mutant-files.ts';
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

/** Lowered refcounts are written with the entries that drop the references, and before them. */
const lowersEarly: Alteration = {
  alterPolicy: (create) => (parts) => {
    const setup = create(parts);
    const { createAllocator } = setup;
    if (createAllocator === undefined) return setup;
    let allocator: EarlyLoweringAllocator | null = null;
    return {
      ...setup,
      policy: new BeforeFlushPolicy(setup.policy, () => allocator?.lowerHeld()),
      createAllocator: (own) => {
        allocator = new EarlyLoweringAllocator(createAllocator(own), own);
        return allocator;
      },
    };
  },
};

/** What is counted ahead can be used at once. */
const poolsEarly: Alteration = {
  alterPolicy: (create) => (parts) => {
    const setup = create(parts);
    const { createAllocator } = setup;
    if (createAllocator === undefined) return setup;
    return { ...setup, createAllocator: (own) => hastyPool(createAllocator, own) };
  },
};

class BeforeFlushPolicy extends MutantPolicy {
  readonly #first: () => void;

  constructor(inner: CachePolicy, first: () => void) {
    super(inner);
    this.#first = first;
  }

  override flush(): void {
    this.#first();
    this.inner.flush();
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

/** Acknowledged when it is carried out, with the flush still to come. */
function acknowledgedEarly(request: QueuedRequest): QueuedRequest {
  const { op, durable, done } = request;
  if (!durable) return request;
  const perform = () => {
    if (op !== 'flush') request.perform();
    done(null);
  };
  // A flush by another name, because a queue carries nothing out for a flush but the one at the end.
  return { ...request, op: op === 'flush' ? 'early flush' : op, perform, done: () => {} };
}

/** Of those that share a flush, only a flush hears that it failed. */
function deafToFailure(request: QueuedRequest): QueuedRequest {
  const { op, durable, done } = request;
  return op === 'flush' || !durable ? request : { ...request, done: () => done(null) };
}

/** What fails the flush of a group. */
const FAILING_GROUP: Alteration = { wrapMemory: (file) => new FailingSyncFile(file, 2) };

const MISTAKES: readonly Mutant[] = [
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
  {
    name: 'N8',
    title: 'a group is acknowledged early: each request when it is carried out, before the flush that all share',
    alterQueued: acknowledgedEarly,
  },
  {
    name: 'N9',
    title: 'when the flush of a group fails, only those that asked for a flush hear of it',
    alterQueued: deafToFailure,
    against: 'a sync fails',
    ...FAILING_GROUP,
  },
  { name: 'N10', title: 'a lowered refcount is written before the entry that drops the reference', ...lowersEarly },
  { name: 'N11', title: 'what is counted ahead is used before that count is durable', ...poolsEarly },
];

export const MECHANISM_MUTANTS: readonly Mutant[] = MISTAKES.map((mutant) => ({ ...mutant, isLater: true }));
