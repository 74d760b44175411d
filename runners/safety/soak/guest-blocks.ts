/** What each block of the guest may hold after a kill. */
import type { SoakMessage } from './soak-request.ts';

/** What a value is in a block that must not hold it. */
export type WrongValue =
  /**
   * A later write to another block: the cluster was given up by a discard or by zeroing, and used again before that was
   * durable. A known defect of every stage of history, see docs/safety.md.
   */
  'reused' | 'unexplained';

export class GuestBlocks {
  /** By block the numbers of the requests whose content it may hold: the durable one and all later ones. */
  readonly #possible: Set<number>[];
  /** By block, what was written to it last since the last flush. */
  readonly #last = new Map<number, number>();
  /** By block, the first request since the last flush that gave its cluster up. */
  readonly #givenUp = new Map<number, number>();
  /** The blocks of the writes since the last flush, by number. */
  readonly #targets = new Map<number, number>();

  constructor(count: number) {
    this.#possible = Array.from({ length: count }, () => new Set([0]));
  }

  take(message: SoakMessage): void {
    if ('durable' in message) {
      for (const [block, number] of this.#last) this.settle(block, [number]);
      this.forgetUnflushed();
      return;
    }
    const { starts, block, number } = message;
    if (starts === 'flush') return;
    const value = starts === 'write' ? number : 0;
    this.#possible[block]!.add(value);
    this.#last.set(block, value);
    if (starts === 'write') this.#targets.set(number, block);
    else if (!this.#givenUp.has(block)) this.#givenUp.set(block, number);
  }

  possible(block: number): ReadonlySet<number> {
    return this.#possible[block]!;
  }

  /** `guests` are all that share the disk, each on blocks of its own. */
  explain(block: number, value: number, guests: readonly GuestBlocks[] = [this]): WrongValue {
    const givenUp = this.#givenUp.get(block);
    const target = guests.map((guest) => guest.#targets.get(value)).find((found) => found !== undefined);
    const isLater = givenUp !== undefined && givenUp < value;
    return isLater && target !== undefined && target !== block ? 'reused' : 'unexplained';
  }

  /** Whatever it was, from here on the block holds one of `values`. */
  settle(block: number, values: Iterable<number>): void {
    this.#possible[block] = new Set(values);
  }

  /** The next writer starts over. */
  forgetUnflushed(): void {
    this.#last.clear();
    this.#givenUp.clear();
    this.#targets.clear();
  }
}
