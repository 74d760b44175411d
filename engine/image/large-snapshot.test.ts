/** A snapshot of a disk with 50 GiB mapped: as many barriers as one of a few clusters. On a sparse file, as no memory holds it. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { CountingFile, createImage, GiB, KiB, openFile, openImage } from '../index.ts';

test('with 50 GiB mapped a snapshot is created, applied and deleted in at most two syncs each', (context) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  context.after(() => fs.rmSync(folder, { recursive: true }));
  const file = new CountingFile(openFile(path.join(folder, 'large.qcow2'), { create: true, mode: 'writeback' }));
  createImage(file, { sizeBytes: 50 * GiB, clusterSizeBytes: 64 * KiB });
  const image = openImage(file, { policy: 'ordered' });
  image.preallocate('metadata');
  image.flush();
  let mappedBytes = 0;
  while (mappedBytes < 50 * GiB) {
    const { stored, hostOffset, lengthBytes } = image.map(mappedBytes, 50 * GiB - mappedBytes);
    assert.ok(stored !== 'absent' && hostOffset !== null);
    mappedBytes += lengthBytes;
  }
  const syncsOf = (operation: () => void) => {
    const before = file.counts.fsyncs;
    operation();
    const { fsyncs } = file.counts;
    image.flush();
    return fsyncs - before;
  };
  const block = new Uint8Array(4 * KiB).fill(1);
  const create = syncsOf(() => image.createSnapshot({ name: 's', dateSeconds: 1 }));
  image.write(0, block);
  image.flush();
  const apply = syncsOf(() => image.applySnapshot('s'));
  const remove = syncsOf(() => image.deleteSnapshot('s'));
  // The last snapshot leaves no snapshot table to write, so that its header is all that is made durable.
  assert.deepEqual({ create, apply, remove }, { create: 2, apply: 2, remove: 1 });
  image.close();
});
