/**
 * A disk that fills up under policies that keep clusters back or count them ahead: the request that needs the space fails with one clear
 * error, nothing that was written before is lost, and the image is used on.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Qcow2Error } from '../base/errors.ts';
import { KiB, MiB } from '../base/units.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import type { TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { createImage } from './create.ts';
import { openImage, type Qcow2Image } from './qcow2-image.ts';

const BLOCK = 4 * KiB;
const CLUSTER = 4 * KiB;

/** A file on a file system of so many blocks: a write takes those that it touches first, a hole gives them back. */
class SmallDisk extends ForwardingFile {
  blocksLeft = Infinity;
  readonly #taken = new Set<number>();

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    const blocks = blocksOf(offset, offset + from.length).filter((block) => !this.#taken.has(block));
    if (blocks.length > this.blocksLeft) throw new Qcow2Error('NO_SPACE', `${this.name}: no space left on device`);
    this.blocksLeft -= blocks.length;
    for (const block of blocks) this.#taken.add(block);
    super.write(offset, from, kind);
  }

  override punchHole(offset: number, lengthBytes: number): boolean {
    this.#free(blocksOf(offset, offset + lengthBytes));
    return super.punchHole(offset, lengthBytes);
  }

  override truncate(sizeBytes: number): void {
    this.#free([...this.#taken].filter((block) => block * BLOCK >= sizeBytes));
    super.truncate(sizeBytes);
  }

  #free(blocks: readonly number[]): void {
    for (const block of blocks) if (this.#taken.delete(block)) this.blocksLeft++;
  }
}

function blocksOf(from: number, to: number): number[] {
  const first = Math.floor(from / BLOCK);
  return Array.from({ length: Math.ceil(to / BLOCK) - first }, (_, index) => first + index);
}

const filled = (byte: number) => new Uint8Array(CLUSTER).fill(byte);
const NO_SPACE = { code: 'NO_SPACE', message: /^[^\n]*no space left on device[^\n]*$/ };

class Guest {
  readonly memory = new MemoryFile('image');
  readonly disk = new SmallDisk(this.memory);
  image: Qcow2Image;
  readonly #policy: string;
  readonly #held = new Map<number, number>();

  constructor(policy: string) {
    this.#policy = policy;
    createImage(this.disk, { sizeBytes: 4 * MiB, clusterSizeBytes: CLUSTER });
    this.image = openImage(this.disk, { policy });
  }

  write(cluster: number, byte: number): void {
    this.image.write(cluster * CLUSTER, filled(byte));
    this.#held.set(cluster, byte);
  }

  /** One cluster after the other until there is no space; returns how many went in. */
  fill(first: number): number {
    for (let count = 0; ; count++) {
      try {
        this.write(first + count, 1 + (count % 200));
      } catch (error) {
        assert.ok(error instanceof Qcow2Error);
        assert.equal(error.code, 'NO_SPACE');
        assert.match(error.message, NO_SPACE.message);
        return count;
      }
    }
  }

  requireHeld(): void {
    const found = new Uint8Array(CLUSTER);
    for (const [cluster, byte] of this.#held) {
      this.image.read(cluster * CLUSTER, found);
      assert.ok(
        found.every((each) => each === byte),
        `cluster ${cluster} holds ${found[0]}, not ${byte}`,
      );
    }
  }

  /** Closed and opened again, it is clean and holds everything. */
  requireSoundAfterClose(): void {
    this.image.close();
    const report = checkImage(this.memory);
    assert.ok(isClean(report), report.findings[0]?.text);
    this.image = openImage(this.disk, { policy: this.#policy });
    this.requireHeld();
    this.image.close();
  }
}

for (const policy of ['ordered', 'reserve']) {
  describe(policy, () => {
    test('it fills up in the middle of unflushed writes: what went in is kept, and with more space it goes on', () => {
      const guest = new Guest(policy);
      guest.write(0, 9);
      guest.image.flush();
      guest.disk.blocksLeft = 40;
      const count = guest.fill(10);
      assert.ok(count > 20, `${count} clusters in 40 blocks`);
      guest.requireHeld();
      guest.disk.blocksLeft = 100;
      guest.image.flush();
      guest.write(500, 5);
      guest.image.flush();
      guest.requireSoundAfterClose();
    });

    test('a snapshot for which there is no space is not there, and everything else is', () => {
      const guest = new Guest(policy);
      for (let cluster = 0; cluster < 8; cluster++) guest.write(cluster, 7);
      guest.image.createSnapshot({ name: 'old' });
      guest.write(0, 8);
      guest.image.flush();
      guest.disk.blocksLeft = 0;
      assert.throws(() => guest.image.createSnapshot({ name: 'new' }), NO_SPACE);
      assert.deepEqual(
        guest.image.listSnapshots().map(({ name }) => name),
        ['old'],
      );
      guest.requireHeld();
      guest.write(0, 6);
      guest.disk.blocksLeft = 100;
      guest.image.createSnapshot({ name: 'new' });
      guest.write(1, 4);
      guest.image.deleteSnapshot('old');
      guest.requireSoundAfterClose();
    });
  });
}
