/**
 * A policy of one's own: what must come first is written and synced as soon as that is declared.
 *
 *     cowbench bench --policy ./examples/eager-policy.ts,writeback --workload install-burst --data 4M
 */
import { type CachedTable, type Ordering, PolicyBase, type PolicyPreset, STAGES } from 'cowbench';

class Eager extends PolicyBase {
  /** Called between the two: `before` is not to be lost when what follows it is in the file. */
  order({ before }: Ordering): void {
    this.settle(before);
  }

  /** Called when a table has to be in the file: at a flush, at the end, or to make place in the cache. */
  clean(table: CachedTable): void {
    if (table.isDirty) table.writeOutDirtySectors();
  }
}

export default {
  name: 'eager',
  summary: 'writes and syncs what must come first as soon as that is declared',
  behaviour: { ...STAGES.S4b.behaviour, replacement: 'lru', layout: 'indexed' },
  hostCacheMode: 'writeback',
  create: ({ file }) => ({ policy: new Eager(file) }),
} satisfies PolicyPreset;
