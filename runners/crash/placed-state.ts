/** Puts states of one point into the file by changing only the sectors in which they differ. */
import { SECTOR_BYTES } from '../../engine/index.ts';
import type { CrashPoint, CrashTimeline } from './crash-points.ts';
import type { StateVector } from './enumeration.ts';
import { hashOfSector } from './state-hashes.ts';

export class PlacedState {
  readonly #timeline: CrashTimeline;
  readonly #point: CrashPoint;
  readonly #placed: Uint16Array;
  #high = 0;
  #low = 0;

  /** The file is as the timeline left it: every atom at its first choice. */
  constructor(timeline: CrashTimeline, point: CrashPoint) {
    this.#timeline = timeline;
    this.#point = point;
    this.#placed = new Uint16Array(point.atoms.length);
    for (const { sector, choices } of point.atoms) this.#mix(sector, choices[0]!);
  }

  /** A number below 2^53 that depends on the contents of all atoms. */
  get hash(): number {
    return (this.#high % 2 ** 20) * 2 ** 32 + this.#low;
  }

  put(vector: StateVector): void {
    const { atoms } = this.#point;
    for (let index = 0; index < atoms.length; index++) {
      if (vector[index] === this.#placed[index]) continue;
      const { sector, choices } = atoms[index]!;
      this.#mix(sector, choices[this.#placed[index]!]!);
      this.#placed[index] = vector[index]!;
      const content = choices[vector[index]!]!;
      this.#mix(sector, content);
      this.#timeline.file.putSector(sector, this.#timeline.contents.bytesOf(content));
    }
  }

  /**
   * Sizes that the file may have together with the placed sectors: the shortest and the longest. Between them only sectors
   * differ that the shortest cuts off and the longest lets be anything; and the shortest is at least what was persisted.
   */
  sizes(): number[] {
    const { sizes, atoms } = this.#point;
    let persistedEnd = 0;
    for (let index = 0; index < atoms.length; index++) {
      if (this.#placed[index]! > 0) persistedEnd = Math.max(persistedEnd, (atoms[index]!.sector + 1) * SECTOR_BYTES);
    }
    const longest = Math.max(...sizes);
    const durable = sizes[0]!;
    const shortest = Math.min(longest, Math.max(durable, persistedEnd));
    return [...new Set([...sizes.filter((size) => size < durable), shortest, longest])];
  }

  setSize(sizeBytes: number): void {
    this.#timeline.file.setSize(sizeBytes);
  }

  /** Leaves the file as it was found. */
  takeBack(): void {
    this.put(new Uint16Array(this.#placed.length));
    this.setSize(this.#point.sizes[0]!);
  }

  #mix(sector: number, content: number): void {
    this.#high = (this.#high ^ hashOfSector(sector, content, 1)) >>> 0;
    this.#low = (this.#low ^ hashOfSector(sector, content, 2)) >>> 0;
  }
}
