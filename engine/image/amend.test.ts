/** From version 2 to version 3 with snapshots that do not say how large their disk was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  amendImage,
  checkImage,
  createImage,
  describeImage,
  hasErrors,
  isClean,
  KiB,
  MemoryFile,
  openImage,
} from '../index.ts';
import { CrashableFile, crashStates } from '../testing/crashable-file.ts';
import { QemuFolder } from '../testing/qemu-images.ts';

const CLUSTER = 4 * KiB;
const SIZE = 300 * KiB;
const VM_STATE = new Uint8Array(512).fill(9);

/** The disk holds 3 now, 1 in "first" and 2 in "second", which has VM state too. */
function version2Image(backingFile?: string): Uint8Array {
  const file = new MemoryFile('disk');
  const names = backingFile === undefined ? {} : ({ backingFile, backingFormat: 'raw' } as const);
  createImage(file, { sizeBytes: SIZE, clusterSizeBytes: CLUSTER, version: 2, ...names });
  const backing = { sizeBytes: 0, read: (_offset: number, into: Uint8Array) => void into.fill(0) };
  const image = openImage(file, backingFile === undefined ? {} : { backing });
  const fill = (value: number) => image.write(0, new Uint8Array(5 * CLUSTER).fill(value));
  fill(1);
  image.createSnapshot({ name: 'first', dateSeconds: 1_300_000_000, vmClockNs: 77n });
  fill(2);
  image.writeVmState(0, VM_STATE);
  image.createSnapshot({ name: 'second', dateSeconds: 1_300_000_001, vmStateBytes: VM_STATE.length });
  fill(3);
  image.close();
  return file.bytes();
}

/** The fields of the first snapshot table entry. */
function firstEntry(bytes: Uint8Array): DataView {
  const view = new DataView(bytes.buffer);
  return new DataView(bytes.buffer, Number(view.getBigUint64(64)));
}

function firstByte(file: MemoryFile, snapshot: string): number {
  const image = openImage(file);
  image.applySnapshot(snapshot);
  const into = new Uint8Array(1);
  image.read(4 * CLUSTER, into);
  image.close();
  return into[0]!;
}

test('the snapshots get the size of the disk, and stay what they were', () => {
  const before = version2Image();
  const file = new MemoryFile('disk', before);
  const old = openImage(new MemoryFile('disk', before)).listSnapshots();
  amendImage(file, { version: 3 });
  assert.equal(describeImage(file).version, 3);
  assert.ok(isClean(checkImage(file)));
  assert.deepEqual(openImage(new MemoryFile('disk', file.bytes())).listSnapshots(), old);
  // A disk that grows afterwards shows that the size is stored: going back to a snapshot brings it back.
  const grown = new MemoryFile('disk', file.bytes());
  const image = openImage(grown);
  image.resize(2 * SIZE);
  image.applySnapshot('first');
  assert.equal(image.sizeBytes, SIZE);
  image.close();
  assert.equal(firstByte(new MemoryFile('disk', file.bytes()), 'first'), 1);
  assert.equal(firstByte(new MemoryFile('disk', file.bytes()), 'second'), 2);
});

test('qemu-img finds it clean and goes to each snapshot', () => {
  using folder = new QemuFolder();
  folder.write('base.raw', new Uint8Array(SIZE).fill(8));
  for (const backingFile of [undefined, 'base.raw']) {
    const file = new MemoryFile('disk', version2Image(backingFile));
    amendImage(file, { version: 3 });
    for (const [snapshot, value] of Object.entries({ first: 1, second: 2 })) {
      folder.write('disk', file.bytes());
      assert.equal(folder.check('disk').exitCode, 0);
      folder.img('snapshot', '-a', snapshot, 'disk');
      assert.equal(folder.check('disk').exitCode, 0, snapshot);
      folder.img('convert', '-O', 'raw', 'disk', 'raw');
      const below = backingFile === undefined ? 0 : 8;
      assert.deepEqual([folder.read('raw')[0], folder.read('raw')[5 * CLUSTER]], [value, below]);
    }
  }
});

test('after a power cut at any moment the image has no errors, its snapshots and its version', () => {
  const file = new CrashableFile('disk', version2Image());
  amendImage(file, { version: 3 });
  let states = 0;
  const versions = new Set<number>();
  for (const epoch of file.epochs) {
    for (const state of crashStates(epoch)) {
      states++;
      const left = new MemoryFile('disk', state);
      assert.ok(!hasErrors(checkImage(left)), `state ${states}`);
      versions.add(describeImage(left).version);
      const names = openImage(left)
        .listSnapshots()
        .map(({ name }) => name);
      assert.deepEqual(names, ['first', 'second'], `state ${states}`);
    }
  }
  assert.deepEqual([...versions], [2, 3]);
  assert.ok(states > 20, `${states} states`);
});

test('a snapshot whose L1 table is too short for the disk is refused, and nothing is written', () => {
  const bytes = version2Image();
  firstEntry(bytes).setUint32(8, 0);
  const file = new CrashableFile('disk', bytes);
  assert.throws(() => amendImage(file, { version: 3 }), {
    code: 'UNSUPPORTED',
    message: `disk: snapshot "first" does not say the size of its disk, and its L1 table of 0 entries maps less than ${SIZE} bytes; delete it first`,
  });
  assert.deepEqual(file.bytes(), bytes);
});

test('an image in which the new snapshot table would hit metadata is refused, and nothing is written', () => {
  const bytes = version2Image();
  // An L1 table that claims what is past the end is in the way of whatever is allocated there.
  firstEntry(bytes).setUint32(8, 0xffff);
  const file = new CrashableFile('disk', bytes);
  assert.throws(() => amendImage(file, { version: 3 }), {
    code: 'CORRUPT',
    message: /^disk: preventing invalid write of the snapshot table on metadata \(overlaps with an L1 table\)/,
  });
  assert.deepEqual(file.bytes(), bytes);
});
