import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Qcow2Error } from '../base/errors.ts';
import { TimingFile } from '../instruments/timing-file.ts';
import { trackDurability } from '../io/durability.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import type { CachedTable } from './cached-table.ts';
import type { CacheLayout } from './entry-store.ts';
import type { Replacement } from './replacement.ts';
import { StaleTables } from './stale-tables.ts';
import { TableCache, type TableCleaner } from './table-cache.ts';

const SEED = 16;
const TABLE_BYTES = 1024;
const TABLES = 12;

/** A file whose table at n × TABLE_BYTES is filled with n. */
function fileOfTables(): MemoryFile {
  const bytes = new Uint8Array(TABLE_BYTES * (TABLES + 1));
  for (let table = 0; table <= TABLES; table++) bytes.fill(table, table * TABLE_BYTES, (table + 1) * TABLE_BYTES);
  return new MemoryFile('tables', bytes);
}

interface Bench {
  readonly cache: TableCache;
  /** Everything that happened, in order. */
  readonly log: string[];
  readonly memory: MemoryFile;
  readonly file: StaleTables;
}

/** A cache that has tables written out when they leave, and whose file makes stale ones clean. */
function makeCache(capacity: number, replacement: Replacement, layout: CacheLayout): Bench {
  const log: string[] = [];
  const memory = fileOfTables();
  const timed = new TimingFile(memory, (operation) => {
    if (operation.op !== 'read' && operation.op !== 'write') return log.push(operation.op);
    return log.push(`${operation.op} ${operation.offset}+${operation.bytes.length}`);
  });
  const file = new StaleTables(timed, TABLE_BYTES);
  const cleaner: TableCleaner = {
    clean: (table) => {
      log.push(`clean slot ${table.slot}`);
      if (table.isDirty) table.writeOut();
    },
  };
  const options = { kind: 'l2', capacity, tableBytes: TABLE_BYTES, replacement, layout } as const;
  const cache = new TableCache(trackDurability(file).image, cleaner, options);
  cache.observe(file);
  cache.observe({ released: ({ slot }) => log.push(`released slot ${slot}`) });
  return { cache, log, memory, file };
}

/** The rules of replacement a second time, straight from their description, on plain arrays. */
class ReplacementModel {
  readonly #replacement: Replacement;
  readonly #entries: { table: number; hits: number; pins: number; letGoAt: number }[];
  #now = 0;

  constructor(capacity: number, replacement: Replacement) {
    this.#replacement = replacement;
    this.#entries = Array.from({ length: capacity }, () => ({ table: 0, hits: 0, pins: 0, letGoAt: 0 }));
  }

  get isFullOfPins(): boolean {
    return this.#entries.every(({ pins }) => pins > 0);
  }

  has(table: number): boolean {
    return this.#entries.some((entry) => entry.table === table);
  }

  /** The slot that `table` is in afterwards. */
  get(table: number): number {
    let slot = this.#entries.findIndex((entry) => entry.table === table);
    if (slot < 0) {
      slot = this.#victim();
      this.#entries[slot] = { table, hits: this.#replacement === 'aging' ? 32 : 0, pins: 0, letGoAt: 0 };
    }
    this.#entries[slot]!.hits++;
    this.#entries[slot]!.pins++;
    return slot;
  }

  release(slot: number): void {
    this.#entries[slot]!.pins--;
    this.#entries[slot]!.letGoAt = ++this.#now;
  }

  #victim(): number {
    if (this.#replacement === 'lru') {
      const waiting = this.#entries.filter(({ pins }) => pins === 0).sort((a, b) => a.letGoAt - b.letGoAt);
      return this.#entries.indexOf(waiting[0]!);
    }
    const unpinned = this.#entries.filter(({ pins }) => pins === 0);
    const fewest = Math.min(...unpinned.map(({ hits }) => hits));
    const victim = unpinned.find(({ hits }) => hits === fewest)!;
    if (this.#replacement === 'aging') for (const entry of unpinned) entry.hits = Math.floor(entry.hits / 2);
    return this.#entries.indexOf(victim);
  }
}

type Step =
  | { readonly op: 'get' | 'getEmpty'; readonly table: number }
  | { readonly op: 'release' | 'writeOut' | 'writeOutSectors'; readonly pick: number }
  | { readonly op: 'dirty'; readonly pick: number; readonly from: number; readonly length: number }
  | { readonly op: 'supersede'; readonly offset: number; readonly length: number };

const pick = fc.nat({ max: 20 });
const table = fc.integer({ min: 1, max: TABLES });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ op: fc.constantFrom('get' as const, 'get' as const, 'getEmpty' as const), table }),
  fc.record({ op: fc.constantFrom('release' as const, 'release' as const, 'writeOut' as const), pick }),
  fc.record({ op: fc.constant('writeOutSectors' as const), pick }),
  fc.record({
    op: fc.constant('dirty' as const),
    pick,
    from: fc.nat({ max: TABLE_BYTES - 1 }),
    length: fc.integer({ min: 1, max: 200 }),
  }),
  fc.record({
    op: fc.constant('supersede' as const),
    offset: fc.nat({ max: TABLES * TABLE_BYTES }),
    length: fc.integer({ min: 1, max: 3000 }),
  }),
);

/** Takes the steps, as far as the contract allows them, and checks slots and contents against the model on the way. */
function takeSteps(steps: readonly Step[], bench: Bench, model: ReplacementModel): void {
  const { cache } = bench;
  const pinned: CachedTable[] = [];
  for (const one of steps) {
    if (one.op === 'supersede') {
      bench.file.write(one.offset, bench.memory.bytes().slice(one.offset, one.offset + one.length), 'data');
    } else if ('table' in one) {
      if (model.isFullOfPins && !model.has(one.table)) continue;
      const slot = model.get(one.table);
      const got = one.op === 'get' ? cache.get(one.table * TABLE_BYTES) : cache.getEmpty(one.table * TABLE_BYTES);
      assert.equal(got.slot, slot);
      if (one.op === 'getEmpty') got.bytes.fill(one.table);
      assert.ok(got.bytes.every((byte) => byte === one.table));
      pinned.push(got);
    } else if (pinned.length > 0) {
      const held = pinned[one.pick % pinned.length]!;
      if (one.op === 'dirty') cache.markDirty(held, one.from, Math.min(TABLE_BYTES, one.from + one.length));
      else if (one.op === 'release') {
        pinned.splice(pinned.indexOf(held), 1);
        model.release(held.slot);
        cache.release(held);
      } else if (held.isDirty) {
        if (one.op === 'writeOut') held.writeOut();
        else held.writeOutDirtySectors();
      }
    }
  }
}

for (const replacement of ['aging', 'use-count', 'lru'] as const) {
  test(`${replacement}: any steps replace as the rules say, and all layouts do exactly the same`, () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(step, { maxLength: 120, size: 'max' }),
      (capacity, steps) => {
        const [packed, ...others] = (['packed', 'unpacked', 'indexed'] as const).map((layout) => {
          const bench = makeCache(capacity, replacement, layout);
          takeSteps(steps, bench, new ReplacementModel(capacity, replacement));
          return bench;
        });
        for (const other of others) {
          assert.deepEqual(packed!.log, other.log);
          assert.deepEqual(packed!.cache.counts, other.cache.counts);
          assert.deepEqual(packed!.memory.bytes(), other.memory.bytes());
        }
      },
    );
    fc.assert(property, { seed: SEED, numRuns: 400 });
  });
}

/** Gets and lets go of the tables in turn. */
function touch({ cache }: Bench, ...tables: number[]): number[] {
  return tables.map((number) => {
    const got = cache.get(number * TABLE_BYTES);
    cache.release(got);
    return got.slot;
  });
}

describe('replacement, by example', () => {
  test('lru: what was let go longest ago goes first', () => {
    const bench = makeCache(3, 'lru', 'indexed');
    assert.deepEqual(touch(bench, 1, 2, 3, 1, 4, 5), [0, 1, 2, 0, 1, 2]);
  });

  test('aging: empty slots fill from the lowest; a scan halves what it passes, so the table loaded first goes first', () => {
    const bench = makeCache(3, 'aging', 'packed');
    // Table 1 starts with 33 hits and is halved by the searches for 2, 3 and 4: 16, 8, then it is the fewest.
    assert.deepEqual(touch(bench, 1, 2, 3, 4), [0, 1, 2, 0]);
  });

  test('aging: hits keep a table, and the lowest slot wins a tie', () => {
    const bench = makeCache(2, 'aging', 'packed');
    // Searching for 2 halves 33 + 40 hits to 36; 2 has 33 and goes.
    assert.deepEqual(touch(bench, 1, ...new Array<number>(40).fill(1), 2, 3).slice(-2), [1, 1]);
    const tied = makeCache(2, 'use-count', 'packed');
    assert.deepEqual(touch(tied, 1, 2, 3), [0, 1, 0]);
  });

  test('use-count: counts never fade', () => {
    const bench = makeCache(2, 'use-count', 'packed');
    touch(bench, 1, 1, 1, 2);
    assert.deepEqual(touch(bench, 3, 4, 5, 1), [1, 1, 1, 0]);
  });
});

describe('pins', () => {
  test('a pinned table is never replaced', () => {
    const bench = makeCache(2, 'aging', 'packed');
    const held = bench.cache.get(TABLE_BYTES);
    assert.deepEqual(touch(bench, 2, 3, 4, 5), [1, 1, 1, 1]);
    assert.ok(held.bytes.every((byte) => byte === 1));
  });

  test('with every table pinned there is no victim', () => {
    const { cache } = makeCache(1, 'aging', 'packed');
    cache.get(TABLE_BYTES);
    assert.throws(() => cache.get(2 * TABLE_BYTES), /invariant broken: some table of the cache is unpinned/);
  });

  test('a table is released once for each pin, not more', () => {
    const { cache } = makeCache(1, 'aging', 'packed');
    const held = cache.get(TABLE_BYTES);
    cache.release(held);
    assert.throws(() => cache.release(held), /invariant broken: a table is released as often as it was pinned/);
  });
});

describe('what leaves the cache', () => {
  test('a table that the policy left dirty does not', () => {
    const options = {
      kind: 'l2',
      capacity: 1,
      tableBytes: TABLE_BYTES,
      replacement: 'aging',
      layout: 'packed',
    } as const;
    const cache = new TableCache(trackDurability(fileOfTables()).image, { clean() {} }, options);
    const held = cache.get(TABLE_BYTES);
    cache.markDirty(held, 0, 8);
    cache.release(held);
    assert.throws(() => cache.get(2 * TABLE_BYTES), /invariant broken: an evicted table is clean/);
  });

  test('dirty sectors: the range is rounded to sectors; a whole write-out is the whole table', () => {
    const { cache, log } = makeCache(1, 'aging', 'packed');
    const held = cache.get(TABLE_BYTES);
    log.length = 0;
    cache.markDirty(held, 600, 608);
    held.writeOutDirtySectors();
    cache.markDirty(held, 8, 16);
    cache.markDirty(held, 600, 608);
    held.writeOutDirtySectors();
    cache.markDirty(held, 8, 16);
    held.writeOut();
    assert.deepEqual(log, ['write 1536+512', 'write 1024+1024', 'write 1024+1024']);
    assert.equal(held.isDirty, false);
  });

  test('counts: hits, misses, evictions, dirty evictions', () => {
    const bench = makeCache(1, 'aging', 'packed');
    touch(bench, 1, 1, 2);
    const held = bench.cache.get(2 * TABLE_BYTES);
    bench.cache.markDirty(held, 0, 8);
    bench.cache.release(held);
    touch(bench, 3);
    assert.deepEqual(bench.cache.counts, { hits: 2, misses: 3, evictions: 2, dirtyEvictions: 1 });
  });
});

test('a failed read caches nothing, and the slot can be used', () => {
  class FailingOnce extends ForwardingFile {
    #failed = false;
    override read(...args: Parameters<ForwardingFile['read']>): void {
      if (this.#failed) return super.read(...args);
      this.#failed = true;
      throw new Qcow2Error('IO', 'no read');
    }
  }
  const options = { kind: 'l2', capacity: 1, tableBytes: TABLE_BYTES, replacement: 'aging', layout: 'packed' } as const;
  const cache = new TableCache(trackDurability(new FailingOnce(fileOfTables())).image, { clean() {} }, options);
  assert.throws(() => cache.get(TABLE_BYTES), /no read/);
  assert.deepEqual([...cache.tables()], []);
  assert.ok(cache.get(TABLE_BYTES).bytes.every((byte) => byte === 1));
});
