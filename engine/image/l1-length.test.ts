import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STAGE_IDS } from '../cache/stage.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import { CountingFile } from '../instruments/counting-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { createImage } from './create.ts';
import { openImage } from './qcow2-image.ts';

const filled = (lengthBytes: number, byte: number) => new Uint8Array(lengthBytes).fill(byte);

for (const stage of STAGE_IDS) {
  test(`a snapshot of a shorter L1 table is applied after VM state made it longer, ${stage}`, () => {
    const file = new MemoryFile();
    createImage(file, { sizeBytes: 2 ** 20, clusterSizeBytes: 512, version: 2 });
    const image = openImage(file, { stage });
    image.write(0, filled(8192, 1));
    image.createSnapshot({ name: 'short' });
    image.writeVmState(0, filled(300_000, 2));
    image.createSnapshot({ name: 'long', vmStateBytes: 300_000 });
    image.write(0, filled(8192, 3));
    image.applySnapshot('short');
    image.writeVmState(0, filled(100_000, 4));
    image.createSnapshot({ name: 'again', vmStateBytes: 100_000 });
    image.applySnapshot('long');
    const state = new Uint8Array(300_000);
    image.readVmState(0, state);
    assert.deepEqual(state, filled(300_000, 2));
    const disk = new Uint8Array(8192);
    image.read(0, disk);
    assert.deepEqual(disk, filled(8192, 1));
    for (const name of ['short', 'again', 'long']) image.deleteSnapshot(name);
    image.close();
    assert.ok(isClean(checkImage(file)), JSON.stringify(checkImage(file).findings));
  });
}

test('a new L2 table costs as many syncs in slices as in one piece', () => {
  const syncsWith = (l2CacheEntryBytes: number) => {
    const counting = new CountingFile(new MemoryFile());
    createImage(counting, { sizeBytes: 2 ** 30 });
    const image = openImage(counting, { l2CacheEntryBytes });
    const before = counting.counts.fsyncs;
    image.write(0, filled(65536, 1));
    return counting.counts.fsyncs - before;
  };
  assert.equal(syncsWith(512), syncsWith(65536));
});
