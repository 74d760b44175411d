/** Gives the clusters that a guest discarded back to the file system, once nothing durable names them any more. */

import type { HostRange } from '../base/units.ts';
import { isDurable, type Prerequisite } from '../cache/ordering.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { Sequence } from '../io/durability.ts';
import type { Geometry } from './geometry.ts';
import type { Refcounts } from './refcounts.ts';

/** Punching is a favour to the file system: past this many ranges the rest is not given back. */
const RANGES_MAX = 65536;

interface Discarded {
  readonly range: HostRange;
  readonly dropped: readonly Prerequisite[];
}

export interface HolePuncherParts {
  readonly file: BlockFile;
  readonly geometry: Geometry;
  readonly counts: Refcounts;
}

export class HolePuncher {
  readonly #parts: HolePuncherParts;
  #enabled: boolean;
  #discarded: Discarded[] = [];

  /** `enabled` is false where nothing is to be punched. */
  constructor(parts: HolePuncherParts, enabled: boolean) {
    this.#parts = parts;
    this.#enabled = enabled;
  }

  /** The ranges are released; `dropped` says what must be durable before the file names none of them. Whole clusters are kept. */
  discarded(ranges: readonly HostRange[], dropped: readonly Prerequisite[]): void {
    if (!this.#enabled) return;
    const { geometry } = this.#parts;
    for (const range of ranges) {
      const isWhole = geometry.isClusterAligned(range.offset) && geometry.isClusterAligned(range.lengthBytes);
      if (isWhole && this.#discarded.length < RANGES_MAX) this.#discarded.push({ range, dropped });
    }
  }

  /** After the allocator, which may have waited for the same. @throws Qcow2Error IO */
  settled(durable: Sequence): void {
    if (this.#discarded.length === 0) return;
    const { file, geometry, counts } = this.#parts;
    const discarded = this.#discarded;
    this.#discarded = discarded.filter(({ dropped }) => !isDurable(dropped, durable));
    for (const { range, dropped } of discarded) {
      // One that is counted was taken again since then, and holds new data.
      if (!isDurable(dropped, durable) || counts.of(geometry.hostCluster(range.offset)) !== 0) continue;
      if (file.punchHole(range.offset, range.lengthBytes)) continue;
      this.#enabled = false;
      this.#discarded = [];
      return;
    }
  }
}
