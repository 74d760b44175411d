/** Persistent bitmaps that are kept while the disk changes: a power cut or a failing device leaves none that misses a change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Qcow2Error } from '../base/errors.ts';
import { KiB, MiB } from '../base/units.ts';
import { policyNames } from '../cache/policies.ts';
import { checkImage, hasErrors, isClean } from '../check/check-image.ts';
import { FaultFile } from '../instruments/fault-file.ts';
import type { BlockFile } from '../io/block-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { CrashableFile, crashStates } from '../testing/crashable-file.ts';
import { createImage } from './create.ts';
import { describeImage } from './describe.ts';
import { openImage, type Qcow2Image } from './qcow2-image.ts';

const CLUSTER = 4 * KiB;
const DISK = MiB;

/** Data at the start, an enabled bitmap that knows of it, and a disabled one. */
function imageWithBitmaps(): Uint8Array {
  const file = new MemoryFile('disk');
  createImage(file, { sizeBytes: DISK, clusterSizeBytes: CLUSTER });
  const image = openImage(file);
  image.editBitmaps((editor) => {
    editor.add('kept', 512);
    editor.add('still', 512);
    editor.setEnabled('still', false);
  });
  image.write(0, new Uint8Array(3 * KiB).fill(1));
  image.close();
  return file.bytes();
}

function using<Result>(file: BlockFile, use: (image: Qcow2Image) => Result): Result {
  const image = openImage(file);
  try {
    return use(image);
  } finally {
    image.close();
  }
}

const dirty = (bytes: Uint8Array, name: string) =>
  using(new MemoryFile('disk', bytes, { readOnly: true }), (image) => [...image.dirtyRanges(name)]);
const flagsOf = (bytes: Uint8Array) =>
  new Map(
    describeImage(new MemoryFile('disk', bytes, { readOnly: true })).bitmaps.map(({ name, flags }) => [name, flags]),
  );

/** Every kind of change, each with the range that it must leave in an enabled bitmap. */
const CHANGES: readonly (readonly [string, (image: Qcow2Image) => void, number, number])[] = [
  ['write', (image) => image.write(600 * KiB + 512, new Uint8Array(512).fill(2)), 600 * KiB + 512, 512],
  ['write-zeroes', (image) => image.writeZeroes(0, KiB), 0, KiB],
  ['discard', (image) => image.discard(0, CLUSTER), 0, CLUSTER],
  ['compressed write', (image) => image.writeCompressed(CLUSTER, new Uint8Array(CLUSTER).fill(3)), CLUSTER, CLUSTER],
];

test('every change of the disk is noted by the enabled bitmap, and by that one alone', () => {
  for (const [title, change, offset, lengthBytes] of CHANGES) {
    const file = new MemoryFile('disk', imageWithBitmaps());
    using(file, (image) => image.editBitmaps((editor) => editor.clear('kept')));
    using(file, change);
    assert.deepEqual(dirty(file.bytes(), 'kept'), [{ offset, lengthBytes }], title);
    assert.deepEqual(dirty(file.bytes(), 'still'), [], title);
    assert.ok(isClean(checkImage(file)), title);
  }
});

test('while it changes, an enabled bitmap is marked in use in the file; a disabled one is not', () => {
  const file = new MemoryFile('disk', imageWithBitmaps());
  const image = openImage(file);
  assert.deepEqual(flagsOf(file.bytes()).get('kept'), ['auto'], 'opening alone changes nothing');
  image.write(0, new Uint8Array(512));
  assert.deepEqual(
    flagsOf(file.bytes()),
    new Map([
      ['kept', ['in-use', 'auto']],
      ['still', []],
    ]),
  );
  assert.throws(() => dirty(file.bytes(), 'kept'), /bitmap "kept" is inconsistent/);
  image.close();
  assert.deepEqual(
    flagsOf(file.bytes()),
    new Map([
      ['kept', ['auto']],
      ['still', []],
    ]),
  );
});

test('an inconsistent bitmap stays so whatever is written, forbids another size, and can only be removed', () => {
  const killed = new MemoryFile('disk', imageWithBitmaps());
  openImage(killed).write(0, new Uint8Array(512));
  const file = new MemoryFile('disk', killed.bytes());
  using(file, (image) => image.write(MiB / 2, new Uint8Array(512)));
  assert.deepEqual(flagsOf(file.bytes()).get('kept'), ['in-use', 'auto']);
  using(file, (image) => {
    assert.throws(() => image.resize(2 * MiB), /bitmap "kept" is inconsistent/);
    for (const edit of ['clear', 'remove'] as const) {
      if (edit === 'remove') image.editBitmaps((editor) => editor.remove('kept'));
      else assert.throws(() => image.editBitmaps((editor) => editor.clear('kept')), /inconsistent/);
    }
    image.resize(2 * MiB);
  });
  assert.deepEqual([...flagsOf(file.bytes()).keys()], ['still']);
  assert.ok(isClean(checkImage(file)));
});

test('going back to a snapshot makes all of the disk count as changed', () => {
  const file = new MemoryFile('disk', imageWithBitmaps());
  using(file, (image) => {
    image.createSnapshot({ name: 'small' });
    image.resize(2 * MiB);
  });
  using(file, (image) => image.applySnapshot('small'));
  assert.deepEqual(dirty(file.bytes(), 'kept'), [{ offset: 0, lengthBytes: DISK }]);
  assert.deepEqual(dirty(file.bytes(), 'still'), []);
});

test('a bitmap of a huge disk takes memory for what changed alone; one of too many bits is refused', () => {
  const file = new MemoryFile('disk');
  createImage(file, { sizeBytes: 2 ** 50, clusterSizeBytes: 2 * MiB });
  using(file, (image) => {
    assert.throws(() => image.editBitmaps((editor) => editor.add('fine', 512)), /more than 512 MiB/);
    image.editBitmaps((editor) => editor.add('coarse', 16 * MiB));
    image.discard(0, 2 ** 50);
  });
  assert.deepEqual(dirty(file.bytes(), 'coarse'), [{ offset: 0, lengthBytes: 2 ** 50 }]);
});

for (const policy of policyNames()) {
  test(`${policy}: in every state that a power cut can leave, a bitmap that can be used misses no change`, () => {
    const before = imageWithBitmaps();
    const file = new CrashableFile('disk', before);
    const image = openImage(file, { policy });
    image.write(512 * KiB, new Uint8Array(8 * KiB).fill(4));
    image.flush();
    image.writeZeroes(1024, 512);
    image.close();
    let usable = 0;
    for (const epoch of file.epochs) {
      for (const state of crashStates(epoch)) {
        const flags = flagsOf(state).get('kept');
        assert.notEqual(flags, undefined, 'a bitmap is lost');
        if (flags!.includes('in-use')) continue;
        usable++;
        const changed = changedSectors(before, state);
        const noted = dirty(state, 'kept');
        for (const at of changed)
          assert.ok(
            noted.some(({ offset, lengthBytes }) => offset <= at && at < offset + lengthBytes),
            `offset ${at}`,
          );
      }
    }
    assert.ok(usable > 0);
  });
}

function changedSectors(before: Uint8Array, after: Uint8Array): number[] {
  const [one, other] = [before, after].map((bytes) => {
    const disk = new Uint8Array(DISK);
    using(new MemoryFile('disk', bytes, { readOnly: true }), (image) => image.read(0, disk));
    return disk;
  });
  const offsets = Array.from({ length: DISK / 512 }, (_, index) => index * 512);
  return offsets.filter((at) => Buffer.compare(one!.subarray(at, at + 512), other!.subarray(at, at + 512)) !== 0);
}

test('an edit is in the file as a whole or not at all, wherever power fails', () => {
  const before = imageWithBitmaps();
  const file = new CrashableFile('disk', before);
  using(file, (image) =>
    image.editBitmaps((editor) => {
      editor.remove('still');
      editor.add('new', 1024);
      editor.merge('new', editor.ranges('kept'));
    }),
  );
  const seen = new Set<string>();
  for (const epoch of file.epochs) {
    for (const state of crashStates(epoch)) {
      const names = [...flagsOf(state).keys()];
      seen.add(names.join());
      assert.deepEqual(dirty(state, 'kept'), [{ offset: 0, lengthBytes: 3 * KiB }]);
      if (names.includes('new')) assert.deepEqual(dirty(state, 'new'), [{ offset: 0, lengthBytes: 3 * KiB }]);
      assert.ok(!hasErrors(checkImage(new MemoryFile('disk', state))));
    }
  }
  assert.deepEqual([...seen].sort(), ['kept,new', 'kept,still']);
});

test('an edit during which the device fails leaves the old bitmaps or the new ones, and no error', () => {
  const before = imageWithBitmaps();
  for (let position = 1; ; position++) {
    const inner = new MemoryFile('disk', before);
    const file = new FaultFile(inner, { kind: 'ENOSPC', position, forGood: false });
    let failed = false;
    try {
      using(file, (image) =>
        image.editBitmaps((editor) => {
          editor.add('new', 512);
          editor.merge('new', [{ offset: 0, lengthBytes: 512 }]);
        }),
      );
    } catch (error) {
      if (!(error instanceof Qcow2Error)) throw error;
      failed = true;
    }
    if (!failed) break;
    const report = checkImage(new MemoryFile('disk', inner.bytes()));
    assert.ok(!hasErrors(report), `operation ${position}`);
    const names = [...flagsOf(inner.bytes()).keys()];
    // The header itself is the last thing that is written, and from there on it is the new one.
    if (!names.includes('new')) assert.deepEqual(names, ['kept', 'still'], `operation ${position}`);
  }
});
