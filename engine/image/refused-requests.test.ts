/** What a caller must not ask of an image: refused with a code of its own, and nothing is written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiB } from '../base/units.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { createImage } from './create.ts';
import { openImage, type Qcow2Image } from './qcow2-image.ts';

const REQUESTS: Readonly<Record<string, (image: Qcow2Image, offset: number, lengthBytes: number) => unknown>> = {
  read: (image, offset, lengthBytes) => image.read(offset, new Uint8Array(lengthBytes)),
  write: (image, offset, lengthBytes) => image.write(offset, new Uint8Array(lengthBytes)),
  discard: (image, offset, lengthBytes) => image.discard(offset, lengthBytes),
  'write-zeroes': (image, offset, lengthBytes) => image.writeZeroes(offset, lengthBytes),
  'compressed write': (image, offset, lengthBytes) => image.writeCompressed(offset, new Uint8Array(lengthBytes)),
  preallocation: (image, offset, lengthBytes) => image.preallocate('metadata', offset, lengthBytes),
  map: (image, offset, lengthBytes) => image.map(offset, lengthBytes),
};

function emptyImage(): { file: MemoryFile; image: Qcow2Image } {
  const file = new MemoryFile();
  createImage(file, { sizeBytes: MiB });
  return { file, image: openImage(file) };
}

test('a request past the end of the disk is OUT_OF_RANGE and says by how much', () => {
  const { file, image } = emptyImage();
  const before = file.bytes();
  for (const [verb, request] of Object.entries(REQUESTS)) {
    assert.throws(() => request(image, MiB - 512, 1024), {
      code: 'OUT_OF_RANGE',
      message: `${verb} of 1024 bytes at offset 1048064 passes the end of the disk (1048576 bytes)`,
      facts: { offset: MiB - 512, expected: MiB, found: MiB + 512 },
    });
    assert.throws(() => request(image, 2 * MiB, 0), { code: 'OUT_OF_RANGE' }, verb);
  }
  assert.deepEqual(file.bytes(), before);
});

test('an offset or a length that is no byte count is INVALID_ARGUMENT', () => {
  const { file, image } = emptyImage();
  const before = file.bytes();
  for (const [verb, request] of Object.entries(REQUESTS)) {
    for (const offset of [-512, 0.5, Number.NaN, 2 ** 53])
      assert.throws(() => request(image, offset, 512), { code: 'INVALID_ARGUMENT' }, `${verb} at ${offset}`);
  }
  for (const lengthBytes of [-512, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const verb of ['discard', 'write-zeroes', 'preallocation', 'map'] as const)
      assert.throws(() => REQUESTS[verb]!(image, 0, lengthBytes), { code: 'INVALID_ARGUMENT' }, verb);
  }
  assert.deepEqual(file.bytes(), before);
});

test('a closed image refuses every request; a second close does nothing', () => {
  const { image } = emptyImage();
  image.close();
  image.close();
  const closed = { code: 'CLOSED', message: 'memory: the image is closed' };
  for (const request of Object.values(REQUESTS)) assert.throws(() => request(image, 0, 512), closed);
  assert.throws(() => image.flush(), closed);
  assert.throws(() => image.resize(MiB), closed);
  assert.throws(() => image.createSnapshot({ name: 'a' }), closed);
  assert.throws(() => image.applySnapshot('a'), closed);
  assert.throws(() => image.deleteSnapshot('a'), closed);
  assert.throws(() => image.openSnapshot('a'), closed);
  assert.throws(() => image.listSnapshots(), closed);
  assert.throws(() => image.readVmState(0, new Uint8Array(512)), closed);
  assert.throws(() => image.writeVmState(0, new Uint8Array(512)), closed);
});
