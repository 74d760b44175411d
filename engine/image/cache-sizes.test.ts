/** Sizes of the table caches: what an option asks for is no reason to take memory that no image needs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GiB, KiB, MiB, TiB } from '../base/units.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import { CountingFile } from '../instruments/counting-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import type { CacheSizeOptions } from './cache-sizes.ts';
import { createImage } from './create.ts';
import { openImage } from './qcow2-image.ts';

const ABSURD: readonly CacheSizeOptions[] = [
  { l2CacheTables: 2 ** 40 },
  { refcountCacheTables: 2 ** 52 },
  { l2CacheBytes: Number.MAX_SAFE_INTEGER },
  { refcountCacheBytes: 2 ** 50 },
  { cacheBytes: Number.MAX_SAFE_INTEGER, refcountCacheBytes: 64 * KiB },
  { l2CacheBytes: 2 ** 52, l2CacheEntryBytes: 512 },
];

test('absurd cache sizes cost no more than the disk can use', () => {
  for (const options of ABSURD) {
    const file = new MemoryFile('disk');
    createImage(file, { sizeBytes: 64 * MiB });
    const before = process.memoryUsage().arrayBuffers;
    const image = openImage(file, options);
    const taken = process.memoryUsage().arrayBuffers - before;
    assert.ok(taken < 64 * MiB, `${JSON.stringify(options)}: ${taken} bytes`);
    image.write(0, new Uint8Array(512).fill(1));
    image.close();
    assert.ok(isClean(checkImage(file)));
  }
});

test('sizes that are no sizes are refused by name', () => {
  const file = new MemoryFile('disk');
  createImage(file, { sizeBytes: 64 * MiB });
  for (const l2CacheTables of [-1, 0, 1, 2.5, Number.NaN, Infinity, 2 ** 60])
    assert.throws(() => openImage(file, { l2CacheTables }), {
      code: 'INVALID_ARGUMENT',
      message: /^the L2 cache must hold/,
    });
});

test('write-zeroes of terabytes takes no memory for them', () => {
  const file = new MemoryFile('disk');
  createImage(file, { sizeBytes: 8 * TiB, clusterSizeBytes: 2 * MiB });
  const image = openImage(file);
  image.write(3, new Uint8Array([7]));
  image.writeZeroes(1, 8 * TiB - 2);
  image.discard(5, 8 * TiB - 5);
  const found = new Uint8Array(8);
  image.read(0, found);
  assert.deepEqual(found, new Uint8Array(8));
  image.close();
  assert.ok(isClean(checkImage(file)));
});

test('where the L2 cache of a policy of today does not hold the tables of the disk, its entries are slices of 4 KiB', () => {
  for (const [sizeBytes, l2CacheBytes, sliceBytes] of [
    [256 * GiB, undefined, 64 * KiB],
    [512 * GiB, undefined, 4 * KiB],
    [256 * GiB, MiB, 4 * KiB],
    [GiB, MiB, 64 * KiB],
  ] as const) {
    const file = new CountingFile(new MemoryFile('disk'));
    createImage(file, { sizeBytes });
    const image = openImage(file, { policy: 'modern', ...(l2CacheBytes !== undefined && { l2CacheBytes }) });
    image.write(0, new Uint8Array(512).fill(1));
    image.flush();
    const before = file.counts.byKind.l2.writeBytes;
    image.write(64 * KiB, new Uint8Array(512).fill(1));
    image.flush();
    assert.equal(file.counts.byKind.l2.writeBytes - before, sliceBytes, `${sizeBytes} ${l2CacheBytes}`);
    image.close();
    assert.ok(isClean(checkImage(file)));
  }
});
