import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createImage, MemoryFile, MiB, openImage, Qcow2Error } from '../index.ts';
import type { BlockFile, SyncCause } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { Seal, SealedFile } from './sealed-file.ts';

const CHANGES: Record<string, (file: BlockFile) => void> = {
  write: (file) => file.write(0, new Uint8Array(512), 'data'),
  sync: (file) => file.sync('other'),
  truncate: (file) => file.truncate(0),
  punchHole: (file) => void file.punchHole(0, 512),
  preallocate: (file) => void file.preallocate!(0, 512),
};

function requireSealed(file: BlockFile, memory: MemoryFile, why: RegExp): void {
  const before = memory.bytes();
  for (const [name, change] of Object.entries(CHANGES)) assert.throws(() => change(file), { message: why }, name);
  assert.deepEqual(memory.bytes(), before);
  file.read(0, new Uint8Array(512), 'data');
}

/** Its syncs fail; it does not refuse anything afterwards by itself. */
class FailingSyncs extends ForwardingFile {
  override sync(_cause: SyncCause): void {
    throw new Qcow2Error('IO', 'no sync');
  }
}

describe('a seal over an image file and its data file', () => {
  const makeFiles = () => {
    const seal = new Seal();
    const memories = [new MemoryFile('image', new Uint8Array(1024)), new MemoryFile('data', new Uint8Array(1024))];
    return { seal, memories, files: memories.map((memory) => new SealedFile(memory, seal)) };
  };

  test('while it is open, everything passes', () => {
    const { files } = makeFiles();
    for (const file of files) for (const change of Object.values(CHANGES)) change(file);
  });

  test('closed by an operation left half-done, every changing call is refused on both; reads go on', () => {
    const { seal, memories, files } = makeFiles();
    seal.closeHalfDone('image', 'deleting a snapshot', new Qcow2Error('NO_SPACE', 'full'));
    files.forEach((file, index) => {
      requireSealed(
        file,
        memories[index]!,
        /^image: deleting a snapshot failed half-way and could not be undone \(full\)/,
      );
    });
  });

  test('the first reason stays', () => {
    const { seal, files } = makeFiles();
    seal.close(new Qcow2Error('CORRUPT', 'first'));
    seal.close(new Qcow2Error('IO', 'second'));
    assert.throws(() => files[0]!.sync('other'), { code: 'CORRUPT', message: 'first' });
  });

  test('a failed sync of one closes it for both', () => {
    const seal = new Seal();
    const memory = new MemoryFile('image', new Uint8Array(1024));
    const data = new SealedFile(new FailingSyncs(new MemoryFile('data')), seal);
    assert.throws(() => data.sync('other'), { message: 'no sync' });
    requireSealed(new SealedFile(memory, seal), memory, /^data: a sync failed earlier/);
  });
});

test('an open image whose data file cannot be synced changes neither of its files any more', () => {
  const memory = new MemoryFile('image');
  createImage(memory, { sizeBytes: MiB, dataFile: 'data' });
  const data = new MemoryFile('data', new Uint8Array(MiB));
  const image = openImage(memory, { dataFile: new FailingSyncs(data) });
  assert.throws(
    () => {
      image.write(0, new Uint8Array(65536).fill(1));
      image.flush();
    },
    { message: 'no sync' },
  );
  const before = [memory.bytes(), data.bytes()];
  const sealed = { message: /^data: a sync failed earlier/ };
  assert.throws(() => image.write(0, new Uint8Array(512).fill(2)), sealed);
  assert.throws(() => image.flush(), sealed);
  assert.throws(() => image.close());
  assert.deepEqual([memory.bytes(), data.bytes()], before);
});
