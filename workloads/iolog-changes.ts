/** What of an iolog is not replayed as it is: counted while it is read, and reported in words. */
import type { IologLine } from './iolog-line.ts';

export class IologChanges {
  readonly #counts = new Map<string, number>();

  add(line: IologLine): void {
    if (line.kind === 'left-out') this.#count(line.what);
    else if (line.kind === 'request' && line.change !== undefined) this.#count(line.change);
  }

  /** One sentence for each kind of change that there was. */
  sentences(): string[] {
    return Object.entries(WORDS).flatMap(([kind, words]) => {
      const count = this.#counts.get(kind);
      return count === undefined ? [] : [words(count)];
    });
  }

  #count(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }
}

const lines = (count: number) => (count === 1 ? '1 line' : `${count} lines`);

const WORDS: Readonly<Record<string, (count: number) => string>> = {
  widened: (count) => `${lines(count)} of the trace not on 512 bytes: replayed as the whole sectors that they touch`,
  narrowed: (count) =>
    `${lines(count)} of the trace trim parts of sectors: only the whole sectors inside are discarded`,
  trim: (count) => `${lines(count)} of the trace trim less than a sector: left out`,
  sync_file_range: (count) =>
    `${lines(count)} of the trace with sync_file_range: left out, because it asks no disk to make anything durable`,
  syncfs: (count) => `${lines(count)} of the trace with syncfs: replayed as flushes`,
};
