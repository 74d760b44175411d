import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GiB, MiB, SECTOR_BYTES } from '../engine/base/units.ts';
import { ExpectedDisk, UNSPECIFIED, ZEROS } from './expected-disk.ts';
import { fillGuestData } from './guest-data.ts';
import { SEED } from './testing/arbitrary.ts';

/** Not a multiple of a page, so that the last page is partly outside. */
const DISK_SECTORS = 5000;
const DISK_BYTES = DISK_SECTORS * SECTOR_BYTES;

type Change =
  | { readonly kind: 'write' | 'zero' | 'forget'; readonly first: number; readonly count: number }
  | { readonly kind: 'save' | 'restore' | 'remove'; readonly name: string };

/** Page borders (2048 sectors) are where mistakes would be, so they come often. */
const changes = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom('write' as const, 'zero' as const, 'forget' as const),
        first: fc.oneof(fc.constantFrom(0, 2048, 4096), fc.nat({ max: DISK_SECTORS - 1 })),
        count: fc.oneof(fc.nat({ max: 20 }), fc.constant(2048), fc.nat({ max: DISK_SECTORS })),
      }),
    },
    fc.record({
      kind: fc.constantFrom('save' as const, 'restore' as const, 'remove' as const),
      name: fc.constantFrom('a', 'b'),
    }),
  ),
  { maxLength: 30 },
);

/** The same disk as plain arrays. */
class PlainDisk {
  sectors: number[];
  readonly saved = new Map<string, number[]>();

  constructor(initial: number) {
    this.sectors = new Array<number>(DISK_SECTORS).fill(initial);
  }

  /** The content, sector by sector; unspecified ones are zeros. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(DISK_BYTES);
    for (const [sector, serial] of this.sectors.entries()) {
      if (serial === ZEROS || serial === UNSPECIFIED) continue;
      const offset = sector * SECTOR_BYTES;
      fillGuestData(bytes.subarray(offset, offset + SECTOR_BYTES), serial, offset, 1);
    }
    return bytes;
  }
}

function apply(change: Change, disk: ExpectedDisk, plain: PlainDisk, serial: number): void {
  if ('name' in change) return applyState(change, disk, plain);
  const count = Math.min(change.count, DISK_SECTORS - change.first);
  const [offset, length] = [change.first * SECTOR_BYTES, count * SECTOR_BYTES];
  if (change.kind === 'write') disk.write(offset, length, serial);
  else if (change.kind === 'zero') disk.zero(offset, length);
  else disk.forget(offset, length);
  const value = change.kind === 'write' ? serial : change.kind === 'zero' ? ZEROS : UNSPECIFIED;
  plain.sectors.fill(value, change.first, change.first + count);
}

function applyState(change: Change & { readonly name: string }, disk: ExpectedDisk, plain: PlainDisk): void {
  const known = plain.saved.has(change.name);
  if (change.kind === 'save') {
    disk.save(change.name);
    plain.saved.set(change.name, plain.sectors.slice());
  } else if (!known) {
    assert.throws(() => (change.kind === 'restore' ? disk.restore(change.name) : disk.remove(change.name)), RangeError);
  } else if (change.kind === 'restore') {
    disk.restore(change.name);
    plain.sectors = plain.saved.get(change.name)!.slice();
  } else {
    disk.remove(change.name);
    plain.saved.delete(change.name);
  }
}

test('the disk holds what a plain array of sectors holds, saved states included', () => {
  fc.assert(
    fc.property(changes, fc.constantFrom(ZEROS, 1_000_000), (list, initial) => {
      const disk = new ExpectedDisk(DISK_BYTES, 1, initial);
      const plain = new PlainDisk(initial);
      for (const [index, change] of list.entries()) apply(change as Change, disk, plain, index + 1);
      for (let sector = 0; sector < DISK_SECTORS; sector++) {
        assert.equal(disk.at(sector * SECTOR_BYTES), plain.sectors[sector], `sector ${sector}`);
      }
      const bytes = plain.bytes();
      const read = new Uint8Array(DISK_BYTES);
      disk.read(0, read);
      assert.equal(Buffer.compare(read, bytes), 0);
      assert.equal(disk.firstDifference(0, bytes), undefined);
      assertChangedCovered(disk, plain.sectors, initial);
    }),
    { seed: SEED, numRuns: 60 },
  );
});

function assertChangedCovered(disk: ExpectedDisk, sectors: readonly number[], initial: number): void {
  const covered = new Uint8Array(DISK_SECTORS);
  for (const { offset, length } of disk.changedRanges(64 * 1024)) {
    assert.ok(length > 0 && length <= 64 * 1024 && offset + length <= DISK_BYTES);
    covered.fill(1, offset / SECTOR_BYTES, (offset + length) / SECTOR_BYTES);
  }
  for (const [sector, serial] of sectors.entries()) {
    assert.ok(serial === initial || covered[sector] === 1, `sector ${sector}`);
  }
}

test('any changed byte of a specified sector is found, and only there', () => {
  fc.assert(
    fc.property(changes, fc.nat({ max: DISK_BYTES - 1 }), fc.integer({ min: 1, max: 255 }), (list, at, flip) => {
      const disk = new ExpectedDisk(DISK_BYTES, 1);
      const plain = new PlainDisk(ZEROS);
      for (const [index, change] of list.entries()) apply(change as Change, disk, plain, index + 1);
      const bytes = new Uint8Array(DISK_BYTES);
      disk.read(0, bytes);
      bytes[at]! ^= flip;
      const guestOffset = at - (at % SECTOR_BYTES);
      const difference = disk.firstDifference(0, bytes);
      if (disk.at(guestOffset) === UNSPECIFIED) assert.equal(difference, undefined);
      else assert.equal(difference?.guestOffset, guestOffset);
    }),
    { seed: SEED, numRuns: 60 },
  );
});

test('a difference names the write that was expected and the one that was found', () => {
  const disk = new ExpectedDisk(MiB, 1);
  disk.write(0, 8192, 1);
  disk.write(4096, 4096, 2);
  const stale = new Uint8Array(8192);
  fillGuestData(stale, 1, 0, 1);
  const difference = disk.firstDifference(0, stale);
  assert.equal(difference?.expected, 2);
  assert.deepEqual(difference?.found, { kind: 'written', writeSerial: 1, guestOffset: 4096, seed: 1 });
  assert.equal(difference?.message, 'guest offset 4096: expected write 2, found write 1 at guest offset 4096');
  stale.fill(0);
  assert.equal(disk.firstDifference(0, stale)?.message, 'guest offset 0: expected write 1, found zeros');
  disk.zero(0, 8192);
  stale[8191] = 1;
  assert.equal(
    disk.firstDifference(0, stale)?.message,
    'guest offset 7680: expected zeros, found bytes that no guest wrote',
  );
});

test('saved states share pages until one side changes them', () => {
  const disk = new ExpectedDisk(GiB, 1);
  disk.write(0, 256 * MiB, 1);
  const held = disk.heldBytes;
  disk.save('before');
  assert.equal(disk.heldBytes, held);
  disk.write(0, 512, 2);
  const page = disk.heldBytes - held;
  assert.ok(page > 0 && page < held / 100, `${page} of ${held}`);
  disk.restore('before');
  assert.equal(disk.heldBytes, held);
  assert.equal(disk.at(0), 1);
});

test('zeroing an empty disk costs nothing', () => {
  const disk = new ExpectedDisk(1024 * GiB, 1);
  disk.zero(0, disk.sizeBytes);
  assert.equal(disk.heldBytes, 0);
  assert.deepEqual([...disk.changedRanges()], []);
});

test('a disk costs by what was written to it, whatever its size', () => {
  const disk = new ExpectedDisk(2 ** 52, 1);
  disk.write(2 ** 52 - 4096, 4096, 1);
  disk.write(0, 512, 2);
  assert.deepEqual(
    [...disk.changedRanges()].map(({ offset }) => offset),
    [0, 2 ** 52 - MiB],
  );
  assert.equal(disk.heldBytes, 2 * 8192);
  assert.deepEqual([disk.at(0), disk.at(512), disk.at(2 ** 52 - 512)], [2, ZEROS, 1]);
});

test('what is set over whole GiB is held as one number, and keeps its values when parts of it change', () => {
  const disk = new ExpectedDisk(5 * GiB + MiB, 1, 7);
  disk.zero(GiB - 512, 4 * GiB + MiB + 512);
  assert.equal(disk.heldBytes, 8192, 'the one page in which the range begins');
  assert.deepEqual([disk.at(GiB - 1024), disk.at(GiB - 512), disk.at(3 * GiB), disk.at(5 * GiB)], [7, 0, 0, 0]);
  disk.save('zeros');
  disk.write(2 * GiB + MiB, 512, 9);
  assert.deepEqual([disk.at(2 * GiB + MiB), disk.at(2 * GiB + MiB + 512), disk.at(2 * GiB)], [9, 0, 0]);
  disk.restore('zeros');
  assert.equal(disk.at(2 * GiB + MiB), 0);
  const zeros = new Uint8Array(2 * MiB);
  assert.equal(disk.firstDifference(2 * GiB, zeros), undefined);
});

test('a page that gets its initial value back is no longer held, and still counts as changed', () => {
  const disk = new ExpectedDisk(GiB, 1);
  disk.write(MiB, MiB, 1);
  disk.zero(0, GiB);
  assert.equal(disk.heldBytes, 0);
  assert.deepEqual([...disk.changedRanges()], [{ offset: MiB, length: MiB }]);
  assert.deepEqual(
    [...disk.unchangedParts(MiB - 512, 2 * MiB)],
    [
      { offset: MiB - 512, length: 512 },
      { offset: 2 * MiB, length: MiB - 512 },
    ],
  );
});

test('ranges outside the disk or between sectors are refused', () => {
  const disk = new ExpectedDisk(MiB, 1);
  for (const [offset, length] of [
    [MiB, 512],
    [0, MiB + 512],
    [1, 512],
    [0, 1],
    [-512, 512],
  ] as const) {
    assert.throws(() => disk.write(offset, length, 1), RangeError);
    assert.throws(() => disk.zero(offset, length), RangeError);
  }
  for (const serial of [0, -1, UNSPECIFIED]) assert.throws(() => disk.write(0, 512, serial), RangeError);
  assert.throws(() => new ExpectedDisk(100, 1), RangeError);
});
