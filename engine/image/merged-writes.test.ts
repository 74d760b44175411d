import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KiB, MiB } from '../base/units.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import { CountingFile } from '../instruments/counting-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { createImage } from './create.ts';
import { openImage } from './qcow2-image.ts';

const CLUSTER = 64 * KiB;

/** A file system that cannot punch holes. */
class SolidFile extends MemoryFile {
  override punchHole(): boolean {
    return false;
  }
}

for (const policy of ['modern', 'ordered', 'reserve']) {
  for (const File of [MemoryFile, SolidFile]) {
    test(`${policy}, ${File.name}: a cluster that held something else shows zeros around a write of a part of it`, () => {
      const file = new File('image');
      createImage(file, { sizeBytes: 4 * MiB, clusterSizeBytes: CLUSTER });
      const image = openImage(file, { policy, punchHoles: false });
      image.write(0, new Uint8Array(8 * CLUSTER).fill(0x77));
      image.flush();
      image.discard(0, 8 * CLUSTER);
      image.flush();
      const sizeBytes = file.sizeBytes();
      image.write(2 * MiB + 4096, new Uint8Array(512).fill(0x11));
      image.flush();
      assert.ok(file.sizeBytes() <= sizeBytes + MiB, 'what was freed is used again, or the reserve');
      const bytes = new Uint8Array(CLUSTER);
      image.read(2 * MiB, bytes);
      assert.deepEqual(new Set(bytes), new Set([0, 0x11]));
      assert.equal(bytes.filter((byte) => byte === 0x11).length, 512);
      image.close();
      assert.ok(isClean(checkImage(file)));
    });
  }

  test(`${policy}: a part of a new cluster is one write of that part`, () => {
    const file = new CountingFile(new MemoryFile('image'));
    createImage(file, { sizeBytes: 4 * MiB, clusterSizeBytes: CLUSTER });
    const image = openImage(file, { policy });
    image.write(CLUSTER + 4096, new Uint8Array(4096).fill(1));
    const { writes, writeBytes } = file.counts.byKind.data;
    assert.deepEqual([writes, writeBytes, file.counts.byKind.cow.writes], [1, 4096, 0]);
    image.close();
  });
}

for (const policy of ['modern', 'ordered', 'reserve']) {
  test(`${policy}: a write over a mapped cluster and new ones that continue it in the file is one write`, () => {
    const file = new CountingFile(new MemoryFile('image'));
    createImage(file, { sizeBytes: 4 * MiB, clusterSizeBytes: CLUSTER });
    const image = openImage(file, { policy });
    image.write(0, new Uint8Array(CLUSTER).fill(1));
    const before = file.counts.byKind.data.writes;
    const bytes = new Uint8Array(2 * CLUSTER).fill(2);
    image.write(CLUSTER / 2, bytes);
    // Under reserve the first cluster was taken at the moment of need, and what is counted ahead lies past it.
    assert.equal(file.counts.byKind.data.writes - before, policy === 'reserve' ? 2 : 1);
    assert.equal(file.counts.byKind.cow.writes, 0);
    image.flush();
    image.write(3 * CLUSTER - 512, new Uint8Array(CLUSTER).fill(3));
    const found = new Uint8Array(4 * CLUSTER);
    image.read(0, found);
    const at = (offset: number) => found[offset];
    assert.deepEqual([at(0), at(CLUSTER / 2 - 1), at(CLUSTER / 2), at(2.5 * CLUSTER - 1)], [1, 1, 2, 2]);
    assert.deepEqual([at(2.5 * CLUSTER), at(3 * CLUSTER - 513), at(3 * CLUSTER - 512)], [0, 0, 3]);
    assert.deepEqual([at(4 * CLUSTER - 513), at(4 * CLUSTER - 512)], [3, 0]);
    image.close();
    assert.ok(isClean(checkImage(file)));
  });
}

test('modern publishes a table by the 8 bytes of its entry, or a sector where the file takes no less', () => {
  class SectorFile extends MemoryFile {
    override readonly sectorsOnly: boolean = true;
  }
  for (const [inner, bytes] of [
    [new MemoryFile('image'), 8],
    [new SectorFile('image'), 512],
  ] as const) {
    const file = new CountingFile(inner);
    createImage(file, { sizeBytes: 4 * MiB, clusterSizeBytes: CLUSTER });
    const before = file.counts.byKind.l1.writeBytes;
    const image = openImage(file, { policy: 'modern' });
    image.write(0, new Uint8Array(512));
    assert.equal(file.counts.byKind.l1.writeBytes - before, bytes);
    image.close();
    assert.ok(isClean(checkImage(file)));
  }
});

for (const policy of ['modern', 'ordered', 'reserve']) {
  test(`${policy}: what is written over a mapped cluster and into a part of one that held something else can be read back`, () => {
    const file = new MemoryFile('image');
    createImage(file, { sizeBytes: 4 * MiB, clusterSizeBytes: CLUSTER });
    const image = openImage(file, { policy, punchHoles: false });
    image.write(0, new Uint8Array(8 * CLUSTER).fill(0x77));
    image.flush();
    image.discard(CLUSTER, 7 * CLUSTER);
    for (let flushes = 0; flushes < 3; flushes++) {
      image.write(0, new Uint8Array(512).fill(0x78));
      image.flush();
    }
    const written = new Uint8Array(CLUSTER + 4096).fill(0x11);
    image.write(0, written);
    const read = new Uint8Array(2 * CLUSTER);
    image.read(0, read);
    assert.ok(Buffer.compare(read.subarray(0, written.length), written) === 0, 'the data is there');
    assert.ok(
      read.subarray(written.length).every((byte) => byte === 0),
      'and zeros around it',
    );
    image.close();
    assert.ok(isClean(checkImage(file)));
  });
}
