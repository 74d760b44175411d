import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { l1EntryIsCopied, l1EntryOffset, setL1EntryCopied, writeL1Entry } from './l1-entry.ts';
import {
  allocationBitmap,
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_ALLOCATED,
  CLUSTER_ZERO_PLAIN,
  clusterKind,
  compressedLengthBytes,
  compressedOffset,
  compressedSectorCount,
  entryOffset,
  isCopied,
  L2_COPIED,
  L2_ZERO,
  setCopied,
  writeBitmaps,
  writeCompressedEntry,
  writeEntry,
  zeroBitmap,
} from './l2-entry.ts';

const SEED = 20;

/** The specification's bit ranges, on bigints: slow, and sharing nothing with the codec. */
function bits(entry: bigint, low: number, high: number): bigint {
  return (entry >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
}

/** Random 64-bit words, and words with few bits set: the second kind finds mask errors. */
const anyEntry = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc
    .array(fc.integer({ min: 0, max: 63 }), { maxLength: 4 })
    .map((set) => set.reduce((e, b) => e | (1n << BigInt(b)), 0n)),
);
const anyClusterBits = fc.integer({ min: 9, max: 21 });

/** A table of three entries with `entry` in the middle, so that a wrong index reads something else. */
function tableWith(entry: bigint): DataView {
  const view = new DataView(new ArrayBuffer(24));
  view.setBigUint64(0, 0x5555_5555_5555_5555n);
  view.setBigUint64(8, entry);
  view.setBigUint64(16, 0xaaaa_aaaa_aaaa_aaaan);
  return view;
}

function expectedKind(entry: bigint, hasDataFile: boolean): number {
  if (bits(entry, 62, 62) === 1n) return CLUSTER_COMPRESSED;
  const allocated = bits(entry, 9, 55) !== 0n || (hasDataFile && bits(entry, 63, 63) === 1n);
  if (bits(entry, 0, 0) === 1n) return allocated ? CLUSTER_ZERO_ALLOCATED : CLUSTER_ZERO_PLAIN;
  return allocated ? CLUSTER_NORMAL : CLUSTER_UNALLOCATED;
}

test('every 64-bit word decodes as the bit table of the specification says', () => {
  fc.assert(
    fc.property(anyEntry, fc.boolean(), (entry, hasDataFile) => {
      const view = tableWith(entry);
      assert.equal(BigInt(entryOffset(view, 8)), bits(entry, 9, 55) << 9n);
      assert.equal(isCopied(view, 8), bits(entry, 63, 63) === 1n);
      assert.equal(clusterKind(view, 8, hasDataFile), expectedKind(entry, hasDataFile));
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test('compressed descriptors decode for every cluster size', () => {
  fc.assert(
    fc.property(anyEntry, anyClusterBits, (entry, clusterBits) => {
      const view = tableWith(entry);
      const x = 62 - (clusterBits - 8);
      const offset = bits(entry, 0, x - 1);
      if (offset <= BigInt(Number.MAX_SAFE_INTEGER))
        assert.equal(BigInt(compressedOffset(view, 8, clusterBits)), offset);
      else assert.ok(compressedOffset(view, 8, clusterBits) > Number.MAX_SAFE_INTEGER - 1);
      const sectors = bits(entry, x, 61) + 1n;
      assert.equal(BigInt(compressedSectorCount(view, 8, clusterBits)), sectors);
      assert.equal(BigInt(compressedLengthBytes(view, 8, clusterBits)), sectors * 512n - (offset % 512n));
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test('written entries are the words of the specification, and their neighbours stay', () => {
  const anyOffset = fc.bigInt({ min: 0n, max: (1n << 47n) - 1n }).map((sector) => sector << 9n);
  fc.assert(
    fc.property(anyEntry, anyOffset, fc.boolean(), fc.boolean(), (before, offset, copied, zero) => {
      const view = tableWith(before);
      writeEntry(view, 8, Number(offset), (copied ? L2_COPIED : 0) | (zero ? L2_ZERO : 0));
      const word = (copied ? 1n << 63n : 0n) | offset | (zero ? 1n : 0n);
      assert.equal(view.getBigUint64(8), word);
      setCopied(view, 8, !copied);
      assert.equal(view.getBigUint64(8), word ^ (1n << 63n));
      assert.equal(view.getBigUint64(0), 0x5555_5555_5555_5555n);
      assert.equal(view.getBigUint64(16), 0xaaaa_aaaa_aaaa_aaaan);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

test('a compressed entry written for a byte range covers exactly the sectors of that range', () => {
  const anyOffset = fc.integer({ min: 0, max: 2 ** 48 });
  fc.assert(
    fc.property(anyOffset, anyClusterBits, fc.integer({ min: 1, max: 2 ** 21 }), (offset, clusterBits, length) => {
      const lengthBytes = Math.min(length, 2 ** clusterBits);
      const view = tableWith(0n);
      writeCompressedEntry(view, 8, offset, lengthBytes, clusterBits);
      assert.equal(clusterKind(view, 8), CLUSTER_COMPRESSED);
      assert.equal(isCopied(view, 8), false);
      assert.equal(compressedOffset(view, 8, clusterBits), offset);
      const end = offset + compressedLengthBytes(view, 8, clusterBits);
      assert.equal(end, Math.ceil((offset + lengthBytes) / 512) * 512);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

test('extended entries: bit n of each bitmap is subcluster n', () => {
  fc.assert(
    fc.property(anyEntry, (word) => {
      const view = tableWith(0n);
      view.setBigUint64(16, word);
      assert.equal(BigInt(allocationBitmap(view, 8)), bits(word, 0, 31));
      assert.equal(BigInt(zeroBitmap(view, 8)), bits(word, 32, 63));
      const allocated = allocationBitmap(view, 8);
      const zero = zeroBitmap(view, 8);
      view.setBigUint64(16, 0n);
      writeBitmaps(view, 8, allocated, zero);
      assert.equal(view.getBigUint64(16), word);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

test('L1 entries: offset and COPIED', () => {
  fc.assert(
    fc.property(anyEntry, (entry) => {
      const view = tableWith(entry);
      assert.equal(BigInt(l1EntryOffset(view, 8)), bits(entry, 9, 55) << 9n);
      assert.equal(l1EntryIsCopied(view, 8), bits(entry, 63, 63) === 1n);
      setL1EntryCopied(view, 8, true);
      assert.equal(view.getBigUint64(8), entry | (1n << 63n));
      setL1EntryCopied(view, 8, false);
      assert.equal(view.getBigUint64(8), entry & ~(1n << 63n));
      writeL1Entry(view, 8, Number(bits(entry, 9, 55) << 9n), true);
      assert.equal(view.getBigUint64(8), (bits(entry, 9, 55) << 9n) | (1n << 63n));
    }),
    { seed: SEED, numRuns: 1000 },
  );
});
