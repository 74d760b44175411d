import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiB } from '../base/units.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { type CreateOptions, createImage } from './create.ts';
import { openImage } from './qcow2-image.ts';

function imageWith(create: Partial<CreateOptions>) {
  const file = new MemoryFile();
  createImage(file, { sizeBytes: MiB, clusterSizeBytes: 512, ...create });
  return file;
}

const filled = (lengthBytes: number, byte: number) => new Uint8Array(lengthBytes).fill(byte);

test('what was cut off does not come back when the disk grows again', () => {
  for (const version of [2, 3] as const) {
    const file = imageWith({ version });
    const image = openImage(file);
    image.write(0, filled(MiB, 7));
    const kept = 512 * 1025;
    image.resize(kept, { shrink: true });
    image.resize(2 * MiB);
    const read = new Uint8Array(2 * MiB);
    image.read(0, read);
    assert.deepEqual(read.subarray(0, kept), filled(kept, 7));
    assert.deepEqual(read.subarray(kept), filled(2 * MiB - kept, 0));
    image.close();
    assert.ok(isClean(checkImage(file)));
  }
});

test('shrinking must be asked for, and leaves an image that refuses as it was', () => {
  const file = imageWith({});
  const image = openImage(file);
  image.write(0, filled(4096, 1));
  image.flush();
  const before = file.bytes();
  assert.throws(() => image.resize(512), /shrinking the disk would lose the data past its new end/);
  assert.throws(() => image.resize(1000, { shrink: true }), /not a multiple of 512/);
  assert.deepEqual(file.bytes(), before);
});

test('a larger backing file does not show through behind the old end', () => {
  const file = imageWith({ backingFile: 'base', backingFormat: 'raw' });
  const backing = { sizeBytes: 4 * MiB, read: (_offset: number, into: Uint8Array) => void into.fill(5) };
  const image = openImage(file, { backing });
  image.resize(3 * MiB);
  const read = new Uint8Array(3 * MiB);
  image.read(0, read);
  assert.deepEqual(read.subarray(0, MiB), filled(MiB, 5));
  assert.deepEqual(read.subarray(MiB), filled(2 * MiB, 0));
  image.close();
  assert.ok(isClean(checkImage(file)));
});

test('a raw external data file grows with the disk', () => {
  const file = imageWith({ dataFile: 'data', dataFileRaw: true });
  const dataFile = new MemoryFile('data', new Uint8Array(MiB));
  const image = openImage(file, { dataFile });
  image.resize(2 * MiB);
  assert.equal(dataFile.sizeBytes(), 2 * MiB);
  image.close();
});

test('a disk with an external data file is not shrunk, and both files stay as they are', () => {
  for (const dataFileRaw of [false, true]) {
    const file = imageWith({ dataFile: 'data', dataFileRaw });
    const dataFile = new MemoryFile('data', new Uint8Array(MiB).fill(7));
    const image = openImage(file, { dataFile });
    assert.throws(
      () => image.resize(MiB / 2, { shrink: true }),
      /an image with an external data file cannot be shrunk/,
    );
    assert.deepEqual([image.sizeBytes, dataFile.sizeBytes()], [MiB, MiB]);
    image.close();
  }
});

test('a disk that grows does not show the VM state that lay past its end', () => {
  for (const apply of [true, false]) {
    const file = imageWith({ clusterSizeBytes: 4096 });
    const image = openImage(file);
    image.writeVmState(0, filled(10_000, 9));
    image.createSnapshot({ name: 'running', vmStateBytes: 10_000 });
    if (apply) image.applySnapshot('running');
    image.resize(8 * MiB);
    const read = new Uint8Array(8 * MiB);
    image.read(0, read);
    assert.deepEqual(read, filled(8 * MiB, 0));
    image.applySnapshot('running');
    const state = new Uint8Array(10_000);
    image.readVmState(0, state);
    assert.deepEqual(state, filled(10_000, 9));
    image.close();
    assert.ok(isClean(checkImage(file)));
  }
});

test('a snapshot is gone back to from a disk of any other size, and each keeps its own', () => {
  for (const extendedL2 of [false, true]) {
    const file = imageWith({ clusterSizeBytes: 16_384, extendedL2 });
    const image = openImage(file);
    const sizes = { small: 2 * MiB, large: 300 * MiB, tiny: 512 };
    Object.entries(sizes).forEach(([name, sizeBytes], index) => {
      image.resize(sizeBytes, { shrink: true });
      image.write(0, filled(512, index + 1));
      image.write(sizeBytes - 512, filled(512, index + 1));
      image.createSnapshot({ name });
    });
    for (const name of ['large', 'small', 'tiny', 'small', 'large']) {
      image.applySnapshot(name);
      const sizeBytes = sizes[name as keyof typeof sizes];
      assert.equal(image.sizeBytes, sizeBytes);
      const last = new Uint8Array(512);
      image.read(sizeBytes - 512, last);
      assert.deepEqual(last, filled(512, Object.keys(sizes).indexOf(name) + 1), name);
      if (sizeBytes > 4 * MiB) {
        image.read(3 * MiB, last);
        assert.deepEqual(last, filled(512, 0));
      }
    }
    image.close();
    assert.ok(isClean(checkImage(file)));
    const again = openImage(new MemoryFile('disk', file.bytes()));
    assert.equal(again.sizeBytes, sizes.large);
    again.close();
  }
});

test('a version 2 image with snapshots keeps its size, and says what would help', () => {
  const image = openImage(imageWith({ version: 2 }));
  image.createSnapshot({ name: 'first' });
  for (const sizeBytes of [512, 2 * MiB])
    assert.throws(() => image.resize(sizeBytes, { shrink: true }), /a version 2 image with snapshots keeps its size/);
});
