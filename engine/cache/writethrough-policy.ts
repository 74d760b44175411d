/**
 * `writethrough`, stages S1 to S4b: a changed table is written out, whole and along its dependencies, when the image code lets
 * go of it. The host file is O_DSYNC, so the write is durable on return. From S4b on a snapshot walk runs as writeback.
 */

import type { CachedTable } from './cached-table.ts';
import type { TableCache } from './table-cache.ts';
import { WritebackPolicy } from './writeback-policy.ts';

export class WritethroughPolicy extends WritebackPolicy {
  readonly #writesThrough = new Set<TableCache>();

  override attach(caches: { l2: TableCache; refcounts: TableCache }): void {
    super.attach(caches);
    this.#writesThrough.add(caches.l2).add(caches.refcounts);
  }

  released(table: CachedTable): void {
    const cache = table.kind === 'l2' ? this.caches.l2 : this.caches.refcounts;
    if (this.#writesThrough.has(cache)) this.writeOut(table);
  }

  override beginSnapshotWalk(): void {
    if (this.stage.walksInWriteback) this.#writesThrough.clear();
  }

  /** Each cache is written out as it returns to writethrough; the L2 tables first. */
  override endSnapshotWalk(publishL1: () => void): void {
    if (this.stage.walksInWriteback) {
      const { l2, refcounts } = this.caches;
      try {
        for (const cache of [l2, refcounts]) {
          this.writeOutAll(cache, 'mode-switch');
          this.#writesThrough.add(cache);
        }
      } finally {
        this.#writesThrough.add(l2).add(refcounts);
      }
    }
    publishL1();
  }
}
