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
