/**
 * Images made to cost more than they are worth, or to turn a good request into damage: work and memory stay in proportion to the
 * file, and what cannot be made good is left alone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Qcow2Error } from '../base/errors.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import { encodeSnapshotTable, type SnapshotEntry } from '../format/snapshot-table.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { CLUSTER, goodImage, Places } from '../testing/malformed-image.ts';
import { type CreateOptions, createImage } from './create.ts';
import { OVERLAP_CHECKS, type OverlapCheck } from './overlap.ts';
import { openImage } from './qcow2-image.ts';

const MiB = 1024 ** 2;

function imageOf(options: CreateOptions): MemoryFile {
  const file = new MemoryFile('disk');
  createImage(file, options);
  return file;
}

/** The image's bytes after a change. */
function changed(file: MemoryFile, change: (p: Places) => void): MemoryFile {
  const bytes = Uint8Array.from(file.bytes());
  change(new Places(new DataView(bytes.buffer)));
  return new MemoryFile('disk', bytes);
}

test('a full refcount block named thousands of times ends the search for free clusters', () => {
  const file = changed(imageOf({ sizeBytes: MiB }), (p) => {
    const block = p.refcountBlock;
    new Uint8Array(p.view.buffer, block, 65_536).fill(0xff);
    for (let index = 0; index < 8192; index++) p.point(p.refcountTable + index * 8, block, 0n);
  });
  assert.throws(() => openImage(file).write(0, new Uint8Array(512)), {
    name: 'Qcow2Error',
    message: /^disk: refcounts say that clusters up to offset \d+ are in use, far past the end of the file$/,
  });
});

test('an L2 table named by every L1 entry is not walked each time', () => {
  const file = imageOf({ sizeBytes: 4096 * 512 * MiB, refcountBits: 64 });
  openImage(file).close();
  const image = openImage(file);
  for (let cluster = 0; cluster < 8192; cluster += 64) image.write(cluster * 65_536, new Uint8Array(512));
  image.close();
  const hostile = changed(file, (p) => {
    for (let index = 1; index < 4096; index++) p.point(p.l1 + index * 8, p.l2);
  });
  assert.throws(() => openImage(hostile).createSnapshot({ name: 'x' }), {
    message: /names the L2 table at offset \d+ more than once$/,
  });
});

for (const overlapCheck of ['cached', 'all'] satisfies OverlapCheck[]) {
  test(`thousands of snapshots that claim the same large L1 table are looked at once, overlap check ${overlapCheck}`, () => {
    const count = 20_000;
    const file = imageOf({ sizeBytes: MiB, clusterSizeBytes: 512 });
    const bytes = new Uint8Array(3 * MiB);
    bytes.set(file.bytes());
    const view = new DataView(bytes.buffer);
    const entries = Array.from({ length: count }, (_, index): SnapshotEntry => snapshotAt(MiB + (index % 64) * 512));
    bytes.set(encodeSnapshotTable(entries), 65_536);
    view.setUint32(60, count);
    view.setBigUint64(64, 65_536n);
    const image = openImage(new MemoryFile('disk', bytes), { overlapCheck });
    image.write(0, new Uint8Array(512));
    assert.equal(image.listSnapshots().length, count);
  });
}

/** Nearly 2 MiB of L1 table. */
function snapshotAt(l1TableOffset: number): SnapshotEntry {
  return {
    l1TableOffset,
    l1Entries: 250_000,
    idBytes: new Uint8Array(0),
    nameBytes: new Uint8Array(0),
    dateSeconds: 0,
    dateNanoseconds: 0,
    vmClockNs: 0n,
    vmStateSizeBytes: 0,
    virtualSizeBytes: null,
    icount: null,
    unknownExtraData: new Uint8Array(0),
  };
}

test('an image that was not closed and cannot be repaired is refused and stays as it is', () => {
  const bytes = goodImage();
  const p = new Places(new DataView(bytes.buffer));
  bytes[79]! += 1;
  p.point(p.l2, p.l2 + 512);
  p.view.setUint16(p.refcountBlock + (p.l2 / CLUSTER) * 2, 0);
  const file = new MemoryFile('disk', bytes);
  assert.throws(() => openImage(file), { message: 'disk: image was not closed cleanly and could not be repaired' });
  assert.deepEqual(file.bytes(), bytes);
  openImage(new MemoryFile('disk', bytes, { readOnly: true })).close();
});

test('an image that was not closed is repaired, unless something else refuses it', () => {
  const bytes = goodImage();
  const p = new Places(new DataView(bytes.buffer));
  bytes[79]! += 1;
  p.view.setUint16(p.refcountBlock + (p.l2 / CLUSTER) * 2, 0);
  const file = new MemoryFile('disk', bytes);
  assert.throws(() => openImage(file, { l2CacheTables: 1 }), { code: 'INVALID_ARGUMENT' });
  assert.deepEqual(file.bytes(), bytes);
  openImage(file).close();
  assert.ok(isClean(checkImage(file)));
});

test('an image with an external data file has no snapshots', () => {
  const file = imageOf({ sizeBytes: MiB, dataFile: 'data' });
  const image = openImage(file, { dataFile: new MemoryFile('data') });
  image.write(0, new Uint8Array(512));
  const refused = { code: 'UNSUPPORTED', message: 'an image with an external data file has no snapshots' };
  assert.throws(() => image.createSnapshot({ name: 'x' }), refused);
  assert.throws(() => image.applySnapshot('x'), refused);
  assert.throws(() => image.deleteSnapshot('x'), refused);
});

for (const overlapCheck of OVERLAP_CHECKS) {
  test(`looking for overlaps does not disturb the sector being written, overlap check ${overlapCheck}`, () => {
    const file = imageOf({ sizeBytes: MiB, clusterSizeBytes: 512 });
    const image = openImage(file, { overlapCheck });
    image.write(0, new Uint8Array(512).fill(9));
    image.createSnapshot({ name: 'x' });
    // Both streams lie in one sector, and each needs a new L2 table in between.
    image.writeCompressed(0, new Uint8Array(512).fill(1));
    image.writeCompressed(40 * 1024, new Uint8Array(512).fill(2));
    const found = new Uint8Array(512);
    image.read(0, found);
    assert.deepEqual(found, new Uint8Array(512).fill(1));
  });
}

test('shrinking frees the VM state with its clusters', () => {
  const file = imageOf({ sizeBytes: MiB, clusterSizeBytes: 4096 });
  const image = openImage(file);
  image.writeVmState(0, new Uint8Array(10_000).fill(1));
  image.resize(MiB / 2, { shrink: true });
  image.close();
  assert.ok(isClean(checkImage(file)));
});

test('applying a snapshot with a longer L1 table takes no cluster that is about to be freed', () => {
  const bytes = goodImage();
  const p = new Places(new DataView(bytes.buffer));
  // The rest of the table's cluster is zero: 512 entries are as good as 2, and need a longer active table.
  p.view.setUint32(p.snapshots + 8, 512);
  const file = new MemoryFile('disk', bytes);
  const image = openImage(file);
  image.applySnapshot('first');
  image.close();
  assert.ok(isClean(checkImage(file)));
});

test('a snapshot is refused in one line, whatever its name', () => {
  const file = imageOf({ sizeBytes: MiB, clusterSizeBytes: CLUSTER });
  const image = openImage(file);
  image.createSnapshot({ name: 'two\nlines', dateSeconds: 0 });
  assert.throws(() => image.applySnapshot('three\nlines'), {
    message: 'there is no snapshot "three\\nlines": the image has "two\\nlines"',
  });
  image.close();
});

test('applying a snapshot without an L1 table leaves one that is long enough for the disk', () => {
  const bytes = goodImage(2);
  const p = new Places(new DataView(bytes.buffer));
  p.view.setUint32(p.snapshots + 8, 0);
  const file = new MemoryFile('disk', bytes);
  const image = openImage(file);
  image.applySnapshot('first');
  image.write(0, new Uint8Array(CLUSTER));
  image.close();
  openImage(file).close();
});

test('a wrong pointer into an external data file does not make it larger than the disk', () => {
  const file = imageOf({ sizeBytes: MiB, clusterSizeBytes: CLUSTER, dataFile: 'data' });
  const data = new MemoryFile('data');
  const image = openImage(file, { dataFile: data });
  image.write(0, new Uint8Array(CLUSTER));
  image.close();
  const hostile = changed(file, (p) => p.point(p.l2, 2 ** 31));
  assert.throws(() => openImage(hostile, { dataFile: data }).write(0, new Uint8Array(512)), {
    message: 'data: data cluster at offset 2147483648 is outside the file of 1048576 bytes',
  });
  assert.equal(data.sizeBytes(), CLUSTER);
});

test('a wrong pointer does not take the memory of the machine', () => {
  const file = new MemoryFile('disk');
  assert.throws(() => file.write(2 ** 40, new Uint8Array(1), 'data'), { code: 'NO_SPACE' });
  assert.throws(() => file.truncate(2 ** 53), { code: 'NO_SPACE' });
});

test('a legacy policy whose write failed goes on with one clear error, and recovers', () => {
  let isFull = false;
  class FillingFile extends MemoryFile {
    override write(...args: Parameters<MemoryFile['write']>): void {
      if (isFull) throw new Qcow2Error('NO_SPACE', 'disk: no space left on device');
      super.write(...args);
    }
  }
  const file = new FillingFile('disk');
  createImage(file, { sizeBytes: 4 * MiB, clusterSizeBytes: 4096 });
  const image = openImage(file, { policy: 'legacy', l2CacheTables: 2 });
  for (const at of [0, 2, 3]) image.write(at * MiB, new Uint8Array(4096).fill(1));
  isFull = true;
  const full = { code: 'NO_SPACE' };
  for (const at of [0, 2, 3]) assert.throws(() => image.discard(at * MiB, 4096), full);
  assert.throws(() => image.createSnapshot({ name: 'x' }), full);
  isFull = false;
  image.createSnapshot({ name: 'x' });
  image.close();
});

test('an image cut off anywhere is refused, or does what it can', () => {
  const whole = goodImage();
  const p = new Places(new DataView(whole.buffer));
  const starts = [p.l1, p.l2, p.refcountTable, p.refcountBlock, p.snapshots, p.snapshotL1, p.end];
  const cuts = starts
    .flatMap((at) => [-512, -1, 0, 1, 8, 16, 512].map((by) => at + by))
    .concat(0, 3, 71, 72, 103, 104, 112);
  let opened = 0;
  for (const cut of cuts) {
    const bytes = whole.slice(0, Math.max(0, cut));
    const file = new MemoryFile('disk', bytes);
    const attempt = (act: () => void) => {
      try {
        act();
        return true;
      } catch (error) {
        assert.ok(error instanceof Qcow2Error && /^[\x20-\x7e]+$/.test(error.message), `cut at ${cut}: ${error}`);
        return false;
      }
    };
    if (!attempt(() => openImage(new MemoryFile('disk', bytes, { readOnly: true })).close())) continue;
    opened++;
    const image = openImage(file);
    attempt(() => image.read(0, new Uint8Array(5 * CLUSTER)));
    attempt(() => image.write(2 * CLUSTER, new Uint8Array(CLUSTER)));
    attempt(() => image.createSnapshot({ name: 'new' }));
    attempt(() => image.applySnapshot('first'));
    attempt(() => image.deleteSnapshot('first'));
    attempt(() => image.close());
  }
  assert.ok(opened > 5 && opened < cuts.length, `${opened} of ${cuts.length} could be opened`);
});
