/** Requests on images: every kind reaches its call, and a snapshot knows how much VM state was written for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createImage } from '../image/create.ts';
import { openImage } from '../image/qcow2-image.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { deviceSuite } from '../testing/device-suite.ts';
import { patternBytes } from '../testing/reference-disk.ts';
import { perform, VmStateSize } from './perform.ts';
import type { DiskRequest } from './request.ts';

const NOTHING = new Uint8Array(0);

for (const version of [2, 3] as const) {
  deviceSuite(`image of version ${version}`, {
    oddBytes: 199_680,
    file(sizeBytes) {
      const file = new MemoryFile();
      createImage(file, { sizeBytes, clusterSizeBytes: 4096, version });
      return file;
    },
    open: (file) => openImage(file),
    openReadOnly: (file) => openImage(new MemoryFile('memory', (file as MemoryFile).bytes(), { readOnly: true })),
  });
}

function emptyImage(sizeBytes = 1_048_576) {
  const file = new MemoryFile();
  createImage(file, { sizeBytes, clusterSizeBytes: 65_536 });
  return openImage(file);
}

test('VM state belongs to the next snapshot, unless that says its size itself', () => {
  const image = emptyImage();
  const vmState = new VmStateSize();
  const serve = (request: DiskRequest, payload: Uint8Array = NOTHING) => perform(image, request, payload, vmState);
  const state = patternBytes(1, 8192);
  serve({ op: 'vmstate-write', offset: 4096, length: 8192 }, state);
  serve({ op: 'vmstate-write', offset: 0, length: 4096 }, state.subarray(0, 4096));
  serve({ op: 'snapshot-create', name: 'with' });
  serve({ op: 'snapshot-create', name: 'without' });
  serve({ op: 'snapshot-create', name: 'said', vmStateBytes: 512, dateSeconds: 7 });
  assert.deepEqual(
    image.listSnapshots().map(({ name, vmStateBytes, dateSeconds }) => [name, vmStateBytes, dateSeconds]),
    [
      ['with', 12_288, 0],
      ['without', 0, 0],
      ['said', 512, 7],
    ],
  );
  const found = new Uint8Array(8192);
  serve({ op: 'vmstate-read', offset: 4096, length: 8192 }, found);
  assert.deepEqual(found, state);
});

test('snapshots are applied and deleted, clusters compressed, sizes set', () => {
  const image = emptyImage();
  const serve = (request: DiskRequest, payload: Uint8Array = NOTHING) => perform(image, request, payload);
  serve({ op: 'write-compressed', offset: 65_536, length: 65_536 }, new Uint8Array(65_536).fill(5));
  assert.equal(image.map(65_536, 65_536).stored, 'compressed');
  serve({ op: 'snapshot-create', name: 'a' });
  serve({ op: 'write', offset: 65_536, length: 512 }, patternBytes(1, 512));
  serve({ op: 'snapshot-apply', name: 'a' });
  const found = new Uint8Array(512);
  serve({ op: 'read', offset: 65_536, length: 512 }, found);
  assert.deepEqual(found, new Uint8Array(512).fill(5));
  serve({ op: 'snapshot-delete', name: 'a' });
  assert.deepEqual(image.listSnapshots(), []);
  serve({ op: 'resize', sizeBytes: 2_097_152 });
  assert.equal(image.sizeBytes, 2_097_152);
});

test('zeros at odd places of a large disk take no memory for the range, and no space', () => {
  const file = new MemoryFile();
  createImage(file, { sizeBytes: 64 * 2 ** 30, clusterSizeBytes: 65_536 });
  const image = openImage(file);
  perform(image, { op: 'write-zeroes', offset: 100, length: 63 * 2 ** 30, mayUnmap: false }, NOTHING);
  assert.ok(file.sizeBytes() < 16 * 2 ** 20, `${file.sizeBytes()} bytes`);
});

test('quick zeros are refused by an image that has no mark for them, and nothing is written', () => {
  const file = new MemoryFile();
  createImage(file, { sizeBytes: 1_048_576, version: 2 });
  const image = openImage(file);
  const before = file.bytes();
  const request: DiskRequest = { op: 'write-zeroes', offset: 0, length: 65_536, mayUnmap: true, fast: true };
  assert.throws(() => perform(image, request, NOTHING), { code: 'UNSUPPORTED' });
  image.close();
  assert.deepEqual(file.bytes(), before);
});
