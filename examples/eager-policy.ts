/**
 * A policy of one's own: what must come first is written and synced as soon as that is declared.
 *
 *     cowbench bench --policy ./examples/eager-policy.ts,writeback --workload install-burst --data 4M
 */
import {
  CachedTable,
  type CachePolicy,
  type DurableFile,
  isDurable,
  type Ordering,
  type Pointer,
  type PolicyPreset,
  type Prerequisite,
  STAGES,
  type TableCaches,
} from 'cowbench';

class Eager implements CachePolicy {
  readonly #file: DurableFile;
  #caches: TableCaches | null = null;

  constructor(file: DurableFile) {
    this.#file = file;
  }

  attach(caches: TableCaches): void {
    this.#caches = caches;
  }

  order({ before }: Ordering): void {
    this.#settle(before);
  }

  place(content: Pointer): void {
    content.write(this.#file);
  }

  publish(pointer: Pointer, before: readonly Prerequisite[]): void {
    this.#settle(before);
    this.publishNow(pointer);
  }

  publishNow(pointer: Pointer): void {
    pointer.write(this.#file);
    this.#file.sync('hook-up');
  }

  withdraw(): void {}

  clean(table: CachedTable): void {
    if (table.isDirty) table.writeOutDirtySectors();
  }

  flush(): void {
    this.close();
    this.#file.sync('guest-flush');
  }

  close(): void {
    for (const cache of [this.#caches!.refcounts, this.#caches!.l2]) {
      for (const table of cache.dirtyTables()) this.clean(table);
    }
  }

  #settle(before: readonly Prerequisite[]): void {
    for (const one of before) if (one instanceof CachedTable) this.clean(one);
    if (!isDurable(before, this.#file.durable)) this.#file.sync('dependency');
  }
}

export default {
  name: 'eager',
  summary: 'writes and syncs what must come first as soon as that is declared',
  behaviour: { ...STAGES.S4b.behaviour, replacement: 'lru', layout: 'indexed' },
  hostCacheMode: 'writeback',
  create: ({ file }) => ({ policy: new Eager(file) }),
} satisfies PolicyPreset;
