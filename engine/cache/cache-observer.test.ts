/** What an observer receives is enough to know, at any time, which tables are here and which of them are dirty. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Sequence, trackDurability } from '../io/durability.ts';
import { MemoryFile } from '../io/memory-file.ts';
import type { CachedTable, CacheObserver } from './cached-table.ts';
import { StaleTables } from './stale-tables.ts';
import { TableCache } from './table-cache.ts';

const TABLE_BYTES = 512;
const TABLES = 8;

/** Knows the cache from events alone. */
class Listener implements CacheObserver {
  readonly events: string[] = [];
  readonly dirty = new Set<CachedTable>();
  /** Of what was written out last. */
  at = 0;

  dirtying(table: CachedTable, from: number, to: number): void {
    this.events.push(`dirtying ${table.offset} ${from}-${to}`);
    assert.ok(table.isResident);
    this.dirty.add(table);
  }
  filling({ offset }: CachedTable): void {
    this.events.push(`filling ${offset}`);
  }
  leaving(table: CachedTable): void {
    assert.ok(!this.dirty.has(table), 'a table that leaves is clean');
    this.events.push(`leaving ${table.offset}`);
  }
  writtenOut(table: CachedTable, at: Sequence): void {
    assert.ok(this.dirty.has(table), 'what is written out is the table that was changed');
    assert.ok(at > this.at, 'by a change of its own');
    this.at = at;
    this.events.push(`writtenOut ${table.offset}`);
    this.dirty.delete(table);
  }
  discarded(table: CachedTable, why: string): void {
    assert.ok(this.dirty.has(table));
    this.events.push(`discarded ${table.offset} ${why}`);
    this.dirty.delete(table);
  }
  released(table: CachedTable): void {
    this.events.push(`released ${table.offset}`);
  }
}

function makeCache(capacity: number): { cache: TableCache; file: StaleTables; listener: Listener } {
  const file = new StaleTables(new MemoryFile('tables', new Uint8Array(TABLE_BYTES * (TABLES + 1))), TABLE_BYTES);
  const cleaner = { clean: (table: CachedTable) => (table.isDirty ? table.writeOut() : undefined) };
  const options = { kind: 'l2', capacity, tableBytes: TABLE_BYTES, replacement: 'lru', layout: 'indexed' } as const;
  const cache = new TableCache(trackDurability(file).image, cleaner, options);
  const listener = new Listener();
  cache.observe(file);
  cache.observe(listener);
  return { cache, file, listener };
}

const ACTIONS = ['change', 'look', 'make', 'write-out', 'overwrite', 'replace', 'forget'] as const;

function act(action: (typeof ACTIONS)[number], offset: number, { cache, file }: ReturnType<typeof makeCache>): void {
  if (action === 'overwrite') return file.write(offset, new Uint8Array(TABLE_BYTES), 'data');
  if (action === 'replace') return cache.replace(offset, new Uint8Array(TABLE_BYTES));
  if (action === 'forget') return cache.forget(offset);
  const table = action === 'make' ? cache.getEmpty(offset) : cache.get(offset);
  if (action === 'change' || action === 'make') cache.markDirty(table, 0, 8);
  if (action === 'write-out' && table.isDirty) table.writeOut();
  cache.release(table);
}

test('whatever is done, the events say which tables are dirty', () => {
  const step = fc.tuple(fc.constantFrom(...ACTIONS), fc.integer({ min: 1, max: TABLES }));
  const property = fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (capacity, steps) => {
    const bench = makeCache(capacity);
    for (const [action, table] of steps) {
      act(action, table * TABLE_BYTES, bench);
      const told = [...bench.listener.dirty].map(({ slot }) => slot).sort();
      assert.deepEqual(
        told,
        [...bench.cache.dirtyTables()].map(({ slot }) => slot),
      );
    }
  });
  fc.assert(property, { seed: 12, numRuns: 300 });
});

test('the events of one table: past and future, each by its own name', () => {
  const bench = makeCache(1);
  const { listener } = bench;
  act('make', 512, bench);
  act('look', 1024, bench);
  act('change', 1024, bench);
  act('overwrite', 1024, bench);
  act('change', 1024, bench);
  act('forget', 1024, bench);
  assert.deepEqual(listener.events, [
    ...['filling 512', 'dirtying 512 0-8', 'released 512', 'writtenOut 512', 'leaving 512', 'released 1024'],
    ...['dirtying 1024 0-8', 'released 1024', 'discarded 1024 superseded'],
    ...['dirtying 1024 0-8', 'released 1024', 'discarded 1024 forgotten', 'leaving 1024'],
  ]);
});

test('a table that has left its slot is told from the one that came after it, and still says when it was written out', () => {
  const { cache } = makeCache(1);
  const first = cache.get(512);
  assert.equal(first.writtenAt, 0);
  cache.markDirty(first, 0, 8);
  cache.release(first);
  const second = cache.get(1024);
  cache.markDirty(second, 0, 8);
  assert.deepEqual([first.isResident, first.isDirty, first.writtenAt], [false, false, 1]);
  assert.deepEqual([second.isResident, second.isDirty, second.writtenAt], [true, true, 0]);
  assert.notEqual(second, first);
  assert.throws(() => first.writeOut(), /invariant broken/);
  cache.release(second);
});

test('a second observer hears what the first does, and one that has left hears nothing', () => {
  const bench = makeCache(1);
  const second = new Listener();
  bench.cache.observe(second);
  act('change', 512, bench);
  assert.deepEqual(second.events, bench.listener.events);
  bench.cache.unobserve(second);
  act('look', 512, bench);
  assert.equal(bench.listener.events.length, second.events.length + 1);
});
