/**
 * How many bytes a cache entry takes, measured: many entry stores are made and the heap is compared before and after. Needs
 * --expose-gc and a fresh process. argv is a layout and a capacity. The tables themselves are not part of it.
 */
import { createEntryStore, type EntryStore, type HistoricalLayout } from '../../../engine/cache/entry-store.ts';

const ENTRIES = 256 * 1024;

const [layoutWord, capacityWord] = process.argv.slice(2);
const layout = layoutWord as HistoricalLayout;
const capacity = Number(capacityWord);

/** Entries as they are in use: offsets past 32 bits, counters and ranges that have changed. */
function usedStore(): EntryStore {
  const store = createEntryStore(layout, capacity);
  for (let slot = 0; slot < capacity; slot++) {
    store.setOffset(slot, 2 ** 33 + slot * 65536);
    store.setHits(slot, 32 + slot);
    store.setDirty(slot, 8, 16);
    store.addPins(slot, 1);
    store.addPins(slot, -1);
  }
  return store;
}

function usedBytes(): number {
  // Buffers are given back by a finaliser, so once is not enough.
  for (let round = 0; round < 4; round++) globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const count = Math.max(1, Math.round(ENTRIES / capacity));
const stores: EntryStore[] = new Array<EntryStore>(count);
// Whatever the first store brings along (code, shapes, hidden classes) is not paid again.
stores[0] = usedStore();
const before = usedBytes();
for (let index = 1; index < count; index++) stores[index] = usedStore();
const after = usedBytes();
const bytesPerEntry = (after - before) / ((count - 1) * capacity);
if (stores.some((store) => store.capacity !== capacity)) throw new Error('a store was lost');
console.log(JSON.stringify({ bytesPerEntry }));
