/** What all policies of history share: orders by name, and everything that is published is published at once. */
import type { Pointer, Prerequisite } from './ordering.ts';
import type { FlushOptions, Order, Ordering } from './policy.ts';
import { PolicyBase } from './policy-base.ts';

export abstract class HistoricalPolicy extends PolicyBase {
  override place(content: Pointer): void {
    this.publishNow(content);
  }

  /** What must precede it does already: by an order declared before, or because its own pointer was published at once. */
  override publish(pointer: Pointer): void {
    this.publishNow(pointer);
  }

  order(ordering: Ordering): void {
    if (ordering.order !== null) this.obey(ordering.order, ordering.before);
  }

  /** Does what the stage did for `order`; `before` are the things that must come first. */
  protected abstract obey(order: Order, before: readonly Prerequisite[]): void;

  abstract override flush(options?: FlushOptions): void;
  abstract override close(): void;
}
