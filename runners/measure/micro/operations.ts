/**
 * The small operations that everything else is made of, each as a call that does it {@link OPERATIONS_PER_CALL} times. The file
 * below does nothing, so what is measured is the cache, not the copying of a table.
 */

import type { CachedTable } from '../../../engine/cache/cached-table.ts';
import type { HistoricalLayout } from '../../../engine/cache/entry-store.ts';
import { TableCache } from '../../../engine/cache/table-cache.ts';
import { clusterKind, entryOffset, isCopied, L2_COPIED, writeEntry } from '../../../engine/format/l2-entry.ts';
import { getRefcount, setRefcount } from '../../../engine/format/refcount-block.ts';
import { trackDurability } from '../../../engine/io/durability.ts';
import { ForwardingFile } from '../../../engine/io/forwarding-file.ts';
import { MemoryFile } from '../../../engine/io/memory-file.ts';

export const OPERATIONS_PER_CALL = 1000;

export interface Operation {
  readonly name: string;
  readonly title: string;
  readonly call: () => void;
}

/** Everything that an operation computes ends here, so that no compiler leaves it out. */
export const sink = { value: 0 };

const TABLE_BYTES = 512;
const ENTRIES_PER_TABLE = TABLE_BYTES / 8;
const REFCOUNTS_PER_BLOCK = TABLE_BYTES / 2;
const REFCOUNT_ORDER = 4;
/** Tables lie as in a file with clusters of 64 KiB, past what 32 bits hold. */
const TABLE_DISTANCE_BYTES = 65536;
const FIRST_TABLE_OFFSET = 2 ** 33;
/** Coprime to every cache size: all tables are visited, neighbours are not. */
const STRIDE = 7;

class NothingFile extends ForwardingFile {
  constructor() {
    super(new MemoryFile('nothing'));
  }
  override sizeBytes(): number {
    return Number.MAX_SAFE_INTEGER;
  }
  override read(): void {}
  override write(): void {}
}

function newCache(layout: HistoricalLayout, capacity: number): TableCache {
  const options = { kind: 'l2', capacity, tableBytes: TABLE_BYTES, replacement: 'aging', layout } as const;
  return new TableCache(trackDurability(new NothingFile()).image, { clean() {} }, options);
}

function tableOffset(index: number): number {
  return FIRST_TABLE_OFFSET + index * TABLE_DISTANCE_BYTES;
}

/** The offsets of `count` tables in the order of visits. */
function visits(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, visit) => tableOffset((visit * STRIDE) % count));
}

function filledCache(layout: HistoricalLayout, capacity: number): { cache: TableCache; tables: CachedTable[] } {
  const cache = newCache(layout, capacity);
  // All pinned until the last is there: each search ages the others, and would replace the first while slots are still empty.
  const tables = Array.from({ length: capacity }, (_, index) => cache.get(tableOffset(index)));
  for (const table of tables) cache.release(table);
  return { cache, tables };
}

/** The operations on a cache of `capacity` tables whose entries lie in memory as `layout` says. */
export function operations(layout: HistoricalLayout, capacity: number): Operation[] {
  return [
    lookupHit(layout, capacity),
    missWithReplacement(layout, capacity),
    markDirty(layout, capacity),
    refcountUpdate(layout, capacity),
    l2EntryDecode(),
  ];
}

function lookupHit(layout: HistoricalLayout, capacity: number): Operation {
  const { cache } = filledCache(layout, capacity);
  const order = visits(capacity);
  let next = 0;
  const call = () => {
    for (let n = 0; n < OPERATIONS_PER_CALL; n++) {
      const table = cache.get(order[next]!);
      sink.value += table.slot;
      cache.release(table);
      next = next + 1 === capacity ? 0 : next + 1;
    }
  };
  return { name: 'lookup-hit', title: 'look up a cached table and release it', call };
}

function missWithReplacement(layout: HistoricalLayout, capacity: number): Operation {
  const { cache } = filledCache(layout, capacity);
  // Enough that a table has left the cache long before its turn comes again.
  const order = visits(capacity * 16 + 1);
  let next = 0;
  const call = () => {
    for (let n = 0; n < OPERATIONS_PER_CALL; n++) {
      const table = cache.get(order[next]!);
      sink.value += table.slot;
      cache.release(table);
      next = next + 1 === order.length ? 0 : next + 1;
    }
  };
  return { name: 'miss', title: 'look up a table that is not cached: replace another, without reading', call };
}

function markDirty(layout: HistoricalLayout, capacity: number): Operation {
  const { cache, tables } = filledCache(layout, capacity);
  let next = 0;
  const call = () => {
    for (let n = 0; n < OPERATIONS_PER_CALL; n++) {
      const at = (n % ENTRIES_PER_TABLE) * 8;
      cache.markDirty(tables[next]!, at, at + 8);
      next = next + 1 === capacity ? 0 : next + 1;
    }
    if (tables[0]!.isDirty) sink.value++;
  };
  return { name: 'mark-dirty', title: 'mark an entry of a table dirty', call };
}

function refcountUpdate(layout: HistoricalLayout, capacity: number): Operation {
  const { cache } = filledCache(layout, capacity);
  const order = visits(capacity);
  let next = 0;
  const call = () => {
    for (let n = 0; n < OPERATIONS_PER_CALL; n++) {
      const block = cache.get(order[next]!);
      const index = n % REFCOUNTS_PER_BLOCK;
      const count = getRefcount(block.view, index, REFCOUNT_ORDER);
      cache.markDirty(block, index * 2, index * 2 + 2);
      setRefcount(block.view, index, REFCOUNT_ORDER, count === 1 ? 2 : 1);
      cache.release(block);
      next = next + 1 === capacity ? 0 : next + 1;
    }
  };
  return { name: 'refcount-update', title: 'raise or lower a refcount in a cached block', call };
}

function l2EntryDecode(): Operation {
  const view = new DataView(new ArrayBuffer(TABLE_BYTES));
  for (let index = 0; index < ENTRIES_PER_TABLE; index++) {
    writeEntry(view, index * 8, index % 3 === 0 ? 0 : tableOffset(index), index % 2 === 0 ? L2_COPIED : 0);
  }
  const call = () => {
    for (let n = 0; n < OPERATIONS_PER_CALL; n++) {
      const at = (n % ENTRIES_PER_TABLE) * 8;
      sink.value += clusterKind(view, at) + entryOffset(view, at) + (isCopied(view, at) ? 1 : 0);
    }
  };
  return { name: 'l2-decode', title: 'decode an L2 entry: kind, offset, COPIED', call };
}
