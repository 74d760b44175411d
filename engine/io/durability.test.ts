import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncTogether } from '../image/data-file.ts';
import { FaultFile } from '../instruments/fault-file.ts';
import { blockFileSuite } from '../testing/block-file-suite.ts';
import type { BlockFile } from './block-file.ts';
import { type DurableFile, trackDurability } from './durability.ts';
import { ForwardingFile } from './forwarding-file.ts';
import { MemoryFile } from './memory-file.ts';

const SECTOR = new Uint8Array(512).fill(1);

blockFileSuite('numbered data file', () => trackDurability(new MemoryFile(), new MemoryFile()).dataFile!);

function at(file: DurableFile): readonly [written: number, durable: number] {
  return [file.written, file.durable];
}

test('each change has the next number, and a sync makes all before it durable', () => {
  const { image } = trackDurability(new MemoryFile());
  assert.deepEqual(at(image), [0, 0]);
  image.write(0, SECTOR, 'data');
  image.write(512, SECTOR, 'l2');
  image.truncate(4096);
  image.punchHole(0, 512);
  assert.deepEqual(at(image), [4, 0]);
  image.read(0, new Uint8Array(512), 'data');
  assert.deepEqual(at(image), [4, 0]);
  image.sync('other');
  assert.deepEqual(at(image), [4, 4]);
  image.write(0, SECTOR, 'data');
  assert.deepEqual(at(image), [5, 4]);
});

test('image and data file share one sequence, and one sync of the image covers both', () => {
  const dataFile = new MemoryFile();
  const files = trackDurability(new SyncTogether(new MemoryFile(), dataFile), dataFile);
  const data = files.dataFile!;
  files.image.write(0, SECTOR, 'l2');
  data.write(0, SECTOR, 'data');
  assert.deepEqual(at(files.image), [2, 0]);
  assert.deepEqual(at(data), [2, 0]);
  files.image.sync('other');
  assert.deepEqual(at(data), [2, 2]);
});

test('a sync of the data file alone does not make the image durable', () => {
  const dataFile = new MemoryFile();
  const files = trackDurability(new SyncTogether(new MemoryFile(), dataFile), dataFile);
  const data = files.dataFile!;
  data.write(0, SECTOR, 'data');
  files.image.write(0, SECTOR, 'l2');
  data.sync('other');
  assert.deepEqual(at(files.image), [2, 1]);
});

test('opened O_DSYNC, writes are durable on return, but sizes and holes are not', () => {
  const { image } = trackDurability(new MemoryFile('m', undefined, { writesAreDurable: true }));
  image.write(0, SECTOR, 'data');
  image.write(512, SECTOR, 'data');
  assert.deepEqual(at(image), [2, 2]);
  image.truncate(4096);
  assert.deepEqual(at(image), [3, 2]);
  image.write(0, SECTOR, 'data');
  assert.deepEqual(at(image), [4, 2]);
  image.sync('other');
  assert.deepEqual(at(image), [4, 4]);
});

test('an O_DSYNC image does not make the changes of an ordinary data file durable', () => {
  const dataFile = new MemoryFile();
  const image = new MemoryFile('image', undefined, { writesAreDurable: true });
  const files = trackDurability(new SyncTogether(image, dataFile), dataFile);
  files.dataFile!.write(0, SECTOR, 'data');
  files.image.write(0, SECTOR, 'l2');
  assert.deepEqual(at(files.image), [2, 0]);
});

function faulted(operation: 'write' | 'sync', options = {}): DurableFile {
  const only = operation === 'sync' ? 'other' : 'data';
  const inner = new MemoryFile('m', undefined, options);
  return trackDurability(new FaultFile(inner, { kind: 'EIO', position: 1, forGood: false, only })).image;
}

test('a failed sync makes nothing durable', () => {
  const file = faulted('sync');
  file.write(0, SECTOR, 'data');
  assert.throws(() => file.sync('other'));
  assert.deepEqual(at(file), [1, 0]);
});

test('a failed write counts as made, and is not durable, not even opened O_DSYNC', () => {
  for (const writesAreDurable of [false, true]) {
    const file = faulted('write', { writesAreDurable });
    assert.throws(() => file.write(0, SECTOR, 'data'));
    assert.deepEqual(at(file), [1, 0]);
  }
});

class Unable extends ForwardingFile {
  override punchHole(): boolean {
    return false;
  }
}

test('a hole that the file cannot have is no change', () => {
  const { image } = trackDurability(new Unable(new MemoryFile()));
  assert.equal(image.punchHole(0, 512), false);
  assert.deepEqual(at(image), [0, 0]);
});

test('in host cache mode unsafe the numbers advance as if syncs worked', () => {
  class Unsafe extends ForwardingFile implements BlockFile {
    override readonly ignoresSyncs = true;
  }
  const { image } = trackDurability(new Unsafe(new MemoryFile()));
  image.write(0, SECTOR, 'data');
  assert.deepEqual(at(image), [1, 0]);
  image.sync('other');
  assert.deepEqual(at(image), [1, 1]);
});
