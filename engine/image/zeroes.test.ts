/** Zeros at the end of a disk that ends inside a cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
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
