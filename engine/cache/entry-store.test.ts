import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CacheLayout, createEntryStore } from './entry-store.ts';

for (const layout of ['unpacked', 'packed', 'indexed'] satisfies CacheLayout[]) {
  test(`${layout}: the next dirty slot, from any slot on`, () => {
    const entries = createEntryStore(layout, 5);
    assert.equal(entries.nextDirty(0), -1);
    entries.setDirty(1, 0, 8);
    entries.setDirty(4, 8, 16);
    assert.deepEqual(
      [0, 1, 2, 4, 5].map((slot) => entries.nextDirty(slot)),
      [1, 1, 4, 4, -1],
    );
    entries.setDirty(1, 0, 0);
    assert.equal(entries.nextDirty(0), 4);
  });
}
