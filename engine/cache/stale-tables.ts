/**
 * The end of stale tables. A table that was freed while it was dirty stays in its cache; once its cluster holds something else it must
 * not be written out any more. (The programs of stages S1 to S4b did write it, over the new content.)
 *
 * Looks only at the clusters that a write touches, whatever the caches hold.
 */
import type { BlockFile, TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import type { CachedTable, CacheObserver } from './cached-table.ts';

export class StaleTables extends ForwardingFile implements CacheObserver {
  readonly #clusterBytes: number;
  /** Host cluster → what in it is dirty: one table or slice, mostly, or several. */
  readonly #dirty = new Map<number, CachedTable | Set<CachedTable>>();

  constructor(inner: BlockFile, clusterBytes: number) {
    super(inner);
    this.#clusterBytes = clusterBytes;
  }

  /** A cluster that holds something else now holds no table, nor the slices of one that the write itself has not reached. */
  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.inner.write(offset, from, kind);
    if (this.#dirty.size === 0) return;
    const last = Math.floor((offset + from.length - 1) / this.#clusterBytes);
    for (let cluster = Math.floor(offset / this.#clusterBytes); cluster <= last; cluster++) {
      const dirty = this.#dirty.get(cluster);
      if (dirty === undefined) continue;
      if (dirty instanceof Set) for (const table of dirty) supersede(table, kind);
      else supersede(dirty, kind);
    }
  }

  dirtying(table: CachedTable): void {
    if (table.isDirty) return;
    const cluster = this.#clusterOf(table);
    const dirty = this.#dirty.get(cluster);
    if (dirty === undefined) this.#dirty.set(cluster, table);
    else if (dirty instanceof Set) dirty.add(table);
    else this.#dirty.set(cluster, new Set([dirty, table]));
  }

  writtenOut(table: CachedTable): void {
    this.#forget(table);
  }

  discarded(table: CachedTable): void {
    this.#forget(table);
  }

  #forget(table: CachedTable): void {
    const cluster = this.#clusterOf(table);
    const dirty = this.#dirty.get(cluster);
    if (dirty === table) this.#dirty.delete(cluster);
    else if (dirty instanceof Set && dirty.delete(table) && dirty.size === 0) this.#dirty.delete(cluster);
  }

  #clusterOf({ offset }: CachedTable): number {
    return Math.floor(offset / this.#clusterBytes);
  }
}

function supersede(table: CachedTable, kind: TableKind): void {
  if (table.kind !== kind) table.discard('superseded');
}
