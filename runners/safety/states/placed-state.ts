/** Puts states of one point into the file by changing only the sectors in which they differ. */
import { SECTOR_BYTES } from '../../../engine/index.ts';
import type { CrashPoint, CrashTimeline } from './crash-points.ts';
import type { StateVector } from './enumeration.ts';
import { SectorWatch } from './sector-watch.ts';
import type { ContentHash } from './state-hashes.ts';
import type { LookedAt } from './state-search.ts';

export class PlacedState {
  readonly #timeline: CrashTimeline;
  readonly #point: CrashPoint;
  readonly #placed: Uint16Array;
  readonly #hash: ContentHash;
  readonly #watch: SectorWatch;

  /** The file is as the timeline left it: every atom at its first choice. */
  constructor(timeline: CrashTimeline, point: CrashPoint) {
    this.#timeline = timeline;
    this.#point = point;
    this.#placed = new Uint16Array(point.atoms.length);
    this.#hash = timeline.durableHash.copy();
    this.#watch = new SectorWatch(point.atoms.map(({ sector }) => sector));
  }

  /** A number below 2^53 that depends on the file's metadata, and on nothing else: equal at all points of a recording. */
  get hash(): number {
    return this.#hash.value;
  }

  put(vector: StateVector): void {
    const { atoms } = this.#point;
    for (let index = 0; index < atoms.length; index++) {
      if (vector[index] === this.#placed[index]) continue;
      const { sector, choices } = atoms[index]!;
      const content = choices[vector[index]!]!;
      this.#hash.replace(sector, choices[this.#placed[index]!]!, content);
      this.#placed[index] = vector[index]!;
      this.#timeline.file.putSector(sector, this.#timeline.contents.bytesOf(content));
    }
  }

  /**
   * Calls `judge` with the file at each size that goes with the placed sectors, and with any content of the atoms that are open
   * and that no judging looks at. Returns which atoms were looked at.
   */
  atEachSize(isOpen: LookedAt, judge: () => void): LookedAt {
    const { file } = this.#timeline;
    this.#watch.forget();
    file.watch = this.#watch;
    const due = this.sizes();
    for (let index = 0; index < due.length; index++) {
      this.setSize(due[index]!);
      judge();
      if (index === due.length - 1) due.push(...this.#furtherSizes(isOpen, due));
    }
    file.watch = null;
    return (atom) => this.#watch.hasSeen(atom);
  }

  /** The shortest sizes that open atoms would give the file, were they persisted. Those looked at are tried by themselves. */
  #furtherSizes(isOpen: LookedAt, known: readonly number[]): number[] {
    const { shortest, longest } = this.#range();
    const ends = new Set<number>();
    for (const [atom, { sector }] of this.#point.atoms.entries()) {
      const end = (sector + 1) * SECTOR_BYTES;
      if (end <= shortest || end >= longest || !isOpen(atom) || this.#watch.hasSeen(atom)) continue;
      if (!known.includes(end)) ends.add(end);
    }
    return [...ends];
  }

  /**
   * Sizes that the file may have together with the placed sectors: the shortest and the longest. Between them only sectors
   * differ that the shortest cuts off and the longest lets be anything; and the shortest is at least what was persisted.
   */
  sizes(): number[] {
    const { sizes } = this.#point;
    const { shortest, longest } = this.#range();
    return [...new Set([...sizes.filter((size) => size < sizes[0]!), shortest, longest])];
  }

  /** Of the size, as long as it has not shrunk. */
  #range(): { shortest: number; longest: number } {
    const { sizes, atoms } = this.#point;
    let persistedEnd = 0;
    for (let index = 0; index < atoms.length; index++) {
      if (this.#placed[index]! > 0) persistedEnd = Math.max(persistedEnd, (atoms[index]!.sector + 1) * SECTOR_BYTES);
    }
    const longest = Math.max(...sizes);
    return { shortest: Math.min(longest, Math.max(sizes[0]!, persistedEnd)), longest };
  }

  setSize(sizeBytes: number): void {
    this.#timeline.file.setSize(sizeBytes);
  }

  /** Leaves the file as it was found. */
  takeBack(): void {
    this.put(new Uint16Array(this.#placed.length));
    this.setSize(this.#point.sizes[0]!);
  }
}
