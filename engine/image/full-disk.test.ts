/**
 * A disk that fills up under policies that keep clusters back or count them ahead: the request that needs the space fails with one clear
 * error, nothing that was written before is lost, and the image is used on.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Qcow2Error } from '../base/errors.ts';
import { KiB, MiB } from '../base/units.ts';
import type { ReserveOptions } from '../cache/reserve.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import { SmallDisk } from '../instruments/small-disk.ts';
import type { SyncCause } from '../io/block-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { createImage } from './create.ts';
import { openImage, type Qcow2Image } from './qcow2-image.ts';

const CLUSTER = 4 * KiB;

class CountedDisk extends SmallDisk {
  syncs = 0;

  override sync(cause: SyncCause): void {
    this.syncs++;
    super.sync(cause);
  }
}

const filled = (byte: number) => new Uint8Array(CLUSTER).fill(byte);
const NO_SPACE = { code: 'NO_SPACE', message: /^[^\n]*no space left on device[^\n]*$/ };

class Guest {
  readonly memory = new MemoryFile('image');
  readonly disk = new CountedDisk(this.memory, Infinity, CLUSTER);
  image: Qcow2Image;
  readonly #options: { readonly policy: string; readonly reserve?: ReserveOptions };
  readonly #held = new Map<number, number>();

  constructor(policy: string, reserve?: ReserveOptions) {
    this.#options = { policy, ...(reserve !== undefined && { reserve }) };
    createImage(this.disk, { sizeBytes: 4 * MiB, clusterSizeBytes: CLUSTER });
    this.image = openImage(this.disk, this.#options);
  }

  write(cluster: number, byte: number): void {
    this.image.write(cluster * CLUSTER, filled(byte));
    this.#held.set(cluster, byte);
  }

  discard(cluster: number, count: number): void {
    this.image.discard(cluster * CLUSTER, count * CLUSTER);
    for (let each = cluster; each < cluster + count; each++) this.#held.set(each, 0);
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
    this.image = openImage(this.disk, this.#options);
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

/** All that frees clusters, and what can be written into as many as it frees. */
const FREEING: Readonly<Record<string, (guest: Guest) => void>> = {
  'a discard': (guest) => guest.discard(0, 6),
  'writing zeros': (guest) => {
    guest.image.writeZeroes(0, 6 * CLUSTER, { mayUnmap: true });
    guest.discard(0, 6);
  },
};

/** Six clusters are mapped twice: once by the disk, once by a snapshot. Nothing is left of the file system. */
function fullGuest(policy: string, reserve?: ReserveOptions): Guest {
  const guest = new Guest(policy, reserve);
  for (let cluster = 0; cluster < 6; cluster++) guest.write(cluster, 1 + cluster);
  guest.image.createSnapshot({ name: 'old' });
  for (let cluster = 0; cluster < 6; cluster++) guest.write(cluster, 11 + cluster);
  guest.image.flush();
  guest.disk.blocksLeft = 0;
  return guest;
}

const PREPARED = [['ordered'], ['reserve', 'hole'], ['reserve', 'fallocate'], ['reserve', 'zeroes']] as const;

for (const [policy, preparation] of PREPARED) {
  const name = preparation === undefined ? policy : `${policy}, ${preparation}`;
  const reserve = preparation && { preparation };
  for (const [words, free] of Object.entries(FREEING)) {
    test(`${name}: what ${words} freed and no flush has made free yet is used before a write fails`, () => {
      const guest = fullGuest(policy, reserve);
      free(guest);
      for (let cluster = 0; cluster < 4; cluster++) guest.write(200 + cluster, 50 + cluster);
      guest.requireHeld();
      guest.requireSoundAfterClose();
    });
  }

  test(`${name}: a snapshot takes the place of clusters that were discarded and are held back`, () => {
    const guest = fullGuest(policy, reserve);
    guest.discard(0, 6);
    guest.image.createSnapshot({ name: 'new' });
    guest.requireHeld();
    guest.requireSoundAfterClose();
  });

  test(`${name}: as often as something is held back`, () => {
    const guest = fullGuest(policy, reserve);
    for (let cluster = 0; cluster < 6; cluster++) {
      guest.discard(cluster, 1);
      guest.write(200 + cluster, 50 + cluster);
    }
    guest.requireHeld();
    guest.requireSoundAfterClose();
  });

  test(`${name}: where nothing is held back a write fails at once, without a flush`, () => {
    const guest = fullGuest(policy, reserve);
    guest.fill(400);
    const before = guest.disk.syncs;
    assert.throws(() => guest.write(505, 1), NO_SPACE);
    assert.equal(guest.disk.syncs, before);
    guest.requireHeld();
    guest.requireSoundAfterClose();
  });
}

test('modern holds nothing back: a discarded cluster is used again at once, on a full disk as on any', () => {
  const syncs = [0, Infinity].map((blocksLeft) => {
    const guest = fullGuest('modern');
    guest.image.deleteSnapshot('old');
    guest.image.flush();
    guest.disk.blocksLeft = blocksLeft;
    guest.discard(0, 6);
    guest.write(1, 50);
    guest.requireHeld();
    guest.requireSoundAfterClose();
    return guest.disk.syncs;
  });
  assert.equal(syncs[0], syncs[1]);
});
