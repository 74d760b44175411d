/** Zeros at the end of a disk that ends inside a cluster, and those that an emptied image must not keep. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KiB, MiB, TiB } from '../base/units.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { createImage } from './create.ts';
import { openImage } from './qcow2-image.ts';

for (const mayUnmap of [false, true]) {
  test(`zeros up to the end of the disk leave the bytes before them in the last cluster (mayUnmap ${mayUnmap})`, () => {
    const file = new MemoryFile();
    createImage(file, { sizeBytes: 6144, clusterSizeBytes: 4096 });
    const image = openImage(file);
    image.write(0, new Uint8Array(6144).fill(7));
    image.writeZeroes(5120, 1024, { mayUnmap });
    const found = new Uint8Array(6144);
    image.read(0, found);
    assert.deepEqual(found, new Uint8Array(6144).fill(7, 0, 5120));
  });
}

test('emptying an overlay leaves no zeros of subclusters behind', () => {
  const file = new MemoryFile('disk');
  createImage(file, { sizeBytes: MiB, extendedL2: true, backingFile: 'base', backingFormat: 'raw' });
  const backing = { sizeBytes: MiB, read: (_offset: number, into: Uint8Array) => void into.fill(7) };
  const image = openImage(file, { backing });
  image.writeZeroes(0, 4 * KiB);
  image.writeZeroes(128 * KiB, 128 * KiB);
  image.makeEmpty();
  for (let offset = 0; offset < MiB; offset += 64 * KiB)
    assert.deepEqual(image.map(offset, 64 * KiB), {
      offset,
      lengthBytes: 64 * KiB,
      stored: 'absent',
      hostOffset: null,
    });
  image.close();
  assert.ok(isClean(checkImage(file)));
});

test('emptying a huge overlay makes no tables for what it does not hold', () => {
  const file = new MemoryFile('disk');
  createImage(file, { sizeBytes: 64 * TiB, backingFile: 'base', backingFormat: 'raw' });
  const backing = { sizeBytes: 64 * TiB, read: (_offset: number, into: Uint8Array) => void into.fill(7) };
  const image = openImage(file, { backing });
  image.write(32 * TiB, new Uint8Array(64 * KiB));
  image.flush();
  const before = file.sizeBytes();
  image.makeEmpty();
  image.close();
  assert.equal(file.sizeBytes(), before);
});
