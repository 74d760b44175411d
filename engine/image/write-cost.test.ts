/** What a write in place costs does not depend on how much is cached: nothing looks at all slots of a cache. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { createEntryStore } from '../cache/entry-store.ts';
import { TableCache } from '../cache/table-cache.ts';
import { createImage, KiB, MemoryFile, openImage, type PolicyName, policyNamed, policyNames } from '../index.ts';

const SLICE_BYTES = 512;
/** What a slice of 64 entries maps. */
const SLICE_SPAN_BYTES = 64 * 4 * KiB;

/** Calls of the caches and of their entries that `action` makes. */
function looksOf(action: () => void): number {
  const prototypes: object[] = [TableCache.prototype, Object.getPrototypeOf(createEntryStore('packed', 1))];
  const mocks = prototypes.flatMap((prototype) =>
    Object.entries(Object.getOwnPropertyDescriptors(prototype))
      .filter(([name, { value }]) => name !== 'constructor' && typeof value === 'function')
      .map(([name]) => mock.method(prototype as Record<string, () => void>, name)),
  );
  try {
    action();
    return mocks.reduce((sum, counted) => sum + counted.mock.callCount(), 0);
  } finally {
    mock.restoreAll();
  }
}

function looksOfOneWrite(policy: PolicyName, slices: number): number {
  const writesAreDurable = policyNamed(policy).hostCacheMode === 'writethrough';
  const file = new MemoryFile('disk', new Uint8Array(0), { writesAreDurable });
  createImage(file, { sizeBytes: slices * SLICE_SPAN_BYTES, clusterSizeBytes: 4 * KiB });
  const image = openImage(file, { policy, l2CacheTables: slices, l2CacheEntryBytes: SLICE_BYTES });
  const block = new Uint8Array(4 * KiB);
  for (let slice = 0; slice < slices; slice++) image.write(slice * SLICE_SPAN_BYTES, block);
  image.write(0, block);
  const { misses } = image.cacheCounts().l2;
  const looks = looksOf(() => image.write(0, block));
  assert.equal(image.cacheCounts().l2.misses, misses, 'the slice is cached');
  return looks;
}

for (const policy of policyNames()) {
  test(`${policy}: a write in place looks at as many slots with 1024 cached slices as with 16`, () => {
    const few = looksOfOneWrite(policy, 16);
    assert.ok(few > 0 && few < 64, `${few}`);
    assert.equal(looksOfOneWrite(policy, 1024), few);
  });
}
