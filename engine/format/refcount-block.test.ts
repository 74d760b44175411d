import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { getRefcount, maxRefcount, refcountsPerBlock, setRefcount } from './refcount-block.ts';

const SEED = 21;
const BLOCK_BYTES = 64;

/** The count at `index` straight from the specification: low bits first below a byte, big-endian from a byte on. */
function slowRefcount(bytes: Uint8Array, index: number, bitsPerCount: number): bigint {
  if (bitsPerCount < 8) {
    const inByte = 8 / bitsPerCount;
    const byte = BigInt(bytes[Math.floor(index / inByte)]!);
    return (byte >> BigInt((index % inByte) * bitsPerCount)) & ((1n << BigInt(bitsPerCount)) - 1n);
  }
  const width = bitsPerCount / 8;
  return bytes.subarray(index * width, index * width + width).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

const anyOrder = fc.integer({ min: 0, max: 6 });
const anyBlock = fc.uint8Array({ minLength: BLOCK_BYTES, maxLength: BLOCK_BYTES });

test('counts of every width read as the specification says', () => {
  fc.assert(
    fc.property(anyOrder, anyBlock, (order, bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let index = 0; index < (BLOCK_BYTES * 8) / 2 ** order; index++) {
        const expected = slowRefcount(bytes, index, 2 ** order);
        if (expected <= BigInt(Number.MAX_SAFE_INTEGER)) {
          assert.equal(BigInt(getRefcount(view, index, order)), expected);
        } else {
          assert.throws(() => getRefcount(view, index, order), {
            code: 'UNSUPPORTED',
            message: /^refcount \d+ is above 2\^53 - 1$/,
          });
        }
      }
    }),
    { seed: SEED },
  );
});

test('storing a count changes that count and no other', () => {
  fc.assert(
    fc.property(anyOrder, anyBlock, fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (order, bytes, at, share) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const total = (BLOCK_BYTES * 8) / 2 ** order;
      const before = Array.from({ length: total }, (_, index) => slowRefcount(bytes, index, 2 ** order));
      const count = Math.floor(share * maxRefcount(order));
      setRefcount(view, at % total, order, count);
      before[at % total] = BigInt(count);
      const after = Array.from({ length: total }, (_, index) => slowRefcount(bytes, index, 2 ** order));
      assert.deepEqual(after, before);
    }),
    { seed: SEED },
  );
});

test('a count that does not fit is refused and nothing changes', () => {
  for (let order = 0; order <= 6; order++) {
    const bytes = new Uint8Array(BLOCK_BYTES).fill(0x55);
    const view = new DataView(bytes.buffer);
    for (const count of [maxRefcount(order) + 1, -1, Number.NaN]) {
      assert.throws(() => setRefcount(view, 1, order, count), { code: 'INVALID_ARGUMENT', message: /does not fit/ });
    }
    assert.ok(bytes.every((byte) => byte === 0x55));
  }
});

test('a block of one cluster holds cluster bits / width counts', () => {
  assert.equal(refcountsPerBlock(16, 4), 32_768);
  assert.equal(refcountsPerBlock(9, 6), 64);
  assert.equal(refcountsPerBlock(21, 0), 16_777_216);
});
