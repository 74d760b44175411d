/**
 * How much memory the requests of all clients may take: those that arrived, and replies that a client has not read yet. A client that
 * gets no more is not read from until it may continue; each has a share of its own, so that one cannot take what the others need.
 */

export interface BudgetLimits {
  readonly totalBytes: number;
  readonly clientBytes: number;
  readonly clientRequests: number;
}

const BUDGET_LIMITS: BudgetLimits = {
  totalBytes: 128 * 2 ** 20,
  clientBytes: 64 * 2 ** 20,
  clientRequests: 256,
};

/** A client that holds nothing gets this much, however much the others hold: small requests always continue. */
const ALWAYS_BYTES = 2 ** 20;

export class MemoryBudget {
  readonly limits: BudgetLimits;
  #usedBytes = 0;
  /** Clients that were refused, longest ago first. */
  readonly #waiting = new Set<BudgetShare>();

  constructor(limits: BudgetLimits = BUDGET_LIMITS) {
    this.limits = limits;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The share of a client; `onRoom` is called when a request of its that was refused may be tried again. */
  share(onRoom: () => void): BudgetShare {
    return new BudgetShare(this, onRoom);
  }

  take(share: BudgetShare, costBytes: number): boolean {
    const isFirst = share.requests === 0;
    const fitsAll = this.#usedBytes + costBytes <= this.limits.totalBytes || (isFirst && costBytes <= ALWAYS_BYTES);
    const fitsClient = share.usedBytes + costBytes <= this.limits.clientBytes || isFirst;
    if (!fitsAll || !fitsClient || share.requests >= this.limits.clientRequests) {
      this.#waiting.add(share);
      return false;
    }
    this.#usedBytes += costBytes;
    return true;
  }

  give(costBytes: number): void {
    this.#usedBytes -= costBytes;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const share of waiting) share.onRoom();
  }

  forget(share: BudgetShare): void {
    this.#waiting.delete(share);
  }
}

class BudgetShare {
  readonly #budget: MemoryBudget;
  readonly onRoom: () => void;
  usedBytes = 0;
  requests = 0;

  constructor(budget: MemoryBudget, onRoom: () => void) {
    this.#budget = budget;
    this.onRoom = onRoom;
  }

  /** Whether a request that takes `costBytes` may begin. When it may not, it is called when there is space. */
  take(costBytes: number): boolean {
    if (!this.#budget.take(this, costBytes)) return false;
    this.usedBytes += costBytes;
    this.requests++;
    return true;
  }

  give(costBytes: number): void {
    this.usedBytes -= costBytes;
    this.requests--;
    this.#budget.give(costBytes);
  }

  /** The client is gone; what its requests hold is given back as they end. */
  leave(): void {
    this.#budget.forget(this);
  }
}

export type { BudgetShare };
