/** The times of a trace as they are read: whether there are any, and whether they can be microseconds at all. */

/** Fewer times than this say nothing about their unit. */
const LEAST_TIMES = 10;
/** A busy moment of a guest has requests closer together than this many microseconds; nanoseconds hardly ever are. */
const CLOSE_US = 500;
/** A second: rarer requests than this on average are no recording of a guest at work. */
const RARE_US = 1_000_000;

export type TimeUnit = 'us' | 'ns';

export class TraceTimes {
  #first: number | undefined;
  #last = 0;
  #count = 0;
  #leastGap = Infinity;

  add(time: number): void {
    this.#first ??= time;
    const gap = time - this.#last;
    if (this.#count > 0 && gap > 0) this.#leastGap = Math.min(this.#leastGap, gap);
    this.#last = Math.max(this.#last, time);
    this.#count++;
  }

  get isTimed(): boolean {
    return this.#count > 0;
  }

  /**
   * fio writes microseconds. Times in which no two requests are close, and which would make a guest send less than one request
   * a second, are taken for nanoseconds, as other recorders write.
   */
  get unit(): TimeUnit {
    const meanGap = (this.#last - (this.#first ?? 0)) / Math.max(1, this.#count - 1);
    const isNanoseconds = this.#count >= LEAST_TIMES && this.#leastGap >= CLOSE_US && meanGap >= RARE_US;
    return isNanoseconds ? 'ns' : 'us';
  }
}
