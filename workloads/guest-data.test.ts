import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { MiB, SECTOR_BYTES } from '../engine/base/units.ts';
import { describeSector, fillGuestData, MAX_WRITE_SERIAL, sectorText } from './guest-data.ts';
import { SEED } from './testing/arbitrary.ts';

const data = (sectors: number, serial: number, offset: number, seed: number) => {
  const bytes = new Uint8Array(sectors * SECTOR_BYTES);
  fillGuestData(bytes, serial, offset, seed);
  return bytes;
};

const anySerial = fc.integer({ min: 1, max: MAX_WRITE_SERIAL });
const anySector = fc.oneof(fc.nat({ max: 20_000 }), fc.integer({ min: 2 ** 32 - 20, max: 2 ** 32 + 20 }));
const anySeed = fc.constantFrom(0, 1, -1, 20261122);

test('every sector says which write put it where', () => {
  fc.assert(
    fc.property(anySerial, anySector, anySeed, fc.integer({ min: 1, max: 40 }), (serial, sector, seed, count) => {
      const bytes = data(count, serial, sector * SECTOR_BYTES, seed);
      for (let index = 0; index < count; index++) {
        const guestOffset = (sector + index) * SECTOR_BYTES;
        const found = describeSector(bytes.subarray(index * SECTOR_BYTES, (index + 1) * SECTOR_BYTES));
        assert.deepEqual(found, { kind: 'written', writeSerial: serial, guestOffset, seed: seed >>> 0 });
      }
    }),
    { seed: SEED, numRuns: 50 },
  );
});

test('a sector does not depend on the request that it came with', () => {
  fc.assert(
    fc.property(
      anySerial,
      anySector,
      fc.integer({ min: 2, max: 64 }),
      fc.nat({ max: 7 }),
      (serial, sector, count, shift) => {
        const whole = data(count, serial, sector * SECTOR_BYTES, 1);
        const last = data(1, serial, (sector + count - 1) * SECTOR_BYTES, 1);
        assert.equal(Buffer.compare(whole.subarray(-SECTOR_BYTES), last), 0);
        const unaligned = new Uint8Array(count * SECTOR_BYTES + shift).subarray(shift);
        fillGuestData(unaligned, serial, sector * SECTOR_BYTES, 1);
        assert.equal(Buffer.compare(whole, unaligned), 0);
      },
    ),
    { seed: SEED, numRuns: 50 },
  );
});

test('a write longer than the pool holds the same sectors as many short ones', () => {
  const sectors = (20 * MiB) / SECTOR_BYTES;
  const whole = data(sectors, 3, 0, 1);
  const one = new Uint8Array(SECTOR_BYTES);
  for (let sector = 0; sector < sectors; sector++) {
    fillGuestData(one, 3, sector * SECTOR_BYTES, 1);
    assert.equal(
      Buffer.compare(whole.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES), one),
      0,
      `${sector}`,
    );
  }
});

test('serial, place and seed all change the bytes', () => {
  const one = data(1, 1, 0, 1);
  for (const other of [data(1, 2, 0, 1), data(1, 1, SECTOR_BYTES, 1), data(1, 1, 0, 2)]) {
    assert.notEqual(Buffer.compare(one, other), 0);
  }
});

test('common compressors gain less than a tenth, on one write and on many', () => {
  const long = data((2 * MiB) / SECTOR_BYTES, 5, 0, 1);
  const many = new Uint8Array(MiB);
  for (let index = 0; index < 256; index++)
    fillGuestData(many.subarray(index * 4096, (index + 1) * 4096), index + 1, 0, 1);
  for (const bytes of [long, many]) {
    assert.ok(zstdCompressSync(bytes).length > 0.9 * bytes.length);
    assert.ok(deflateSync(bytes).length > 0.9 * bytes.length);
  }
});

test('what is no guest data is told apart', () => {
  const sector = data(1, 7, 4096, 1);
  assert.deepEqual(describeSector(new Uint8Array(SECTOR_BYTES)), { kind: 'zeros' });
  assert.deepEqual(describeSector(new Uint8Array(SECTOR_BYTES).fill(1)), { kind: 'foreign' });
  for (const at of [24, 300, 511]) {
    const torn = sector.slice();
    torn[at]! ^= 1;
    assert.deepEqual(describeSector(torn), { kind: 'torn', writeSerial: 7, guestOffset: 4096, seed: 1 });
  }
  for (let at = 0; at < 24; at++) {
    const broken = sector.slice();
    broken[at]! ^= 0x10;
    assert.deepEqual(describeSector(broken), { kind: 'foreign' });
  }
});

test('the content of a sector in words', () => {
  const written = { kind: 'written', writeSerial: 7, guestOffset: 4096, seed: 1 } as const;
  assert.equal(sectorText(written, 1), 'write 7 at guest offset 4096');
  assert.equal(sectorText(written, 2), 'write 7 of seed 1 at guest offset 4096');
  assert.equal(sectorText({ ...written, kind: 'torn' }, 1), 'a torn sector of write 7 at guest offset 4096');
  assert.equal(sectorText({ kind: 'zeros' }, 1), 'zeros');
  assert.equal(sectorText({ kind: 'foreign' }, 1), 'bytes that no guest wrote');
});
