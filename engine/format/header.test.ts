import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  AUTOCLEAR,
  COMPATIBLE,
  decodeHeader,
  EXTENSION,
  encodeHeader,
  featureName,
  HEADER_FIELDS,
  type Header,
  INCOMPATIBLE,
  STANDARD_FEATURE_NAMES,
} from './header.ts';

const SEED = 23;

const plain: Header = {
  version: 3,
  backingFileName: null,
  backingFormat: null,
  clusterBits: 16,
  sizeBytes: 2 ** 30,
  cryptMethod: 0,
  l1Entries: 2,
  l1TableOffset: 0x30000,
  refcountTableOffset: 0x10000,
  refcountTableClusters: 1,
  snapshotCount: 0,
  snapshotsOffset: 0,
  incompatibleFeatures: 0n,
  compatibleFeatures: 0n,
  autoclearFeatures: 0n,
  refcountOrder: 4,
  headerLength: 112,
  compressionType: 0,
  extensions: [],
  featureNames: STANDARD_FEATURE_NAMES,
  dataFileName: null,
};

const name = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !text.includes('\0'));

const anyVersion3: fc.Arbitrary<Header> = fc
  .record(
    {
      clusterBits: fc.integer({ min: 14, max: 21 }),
      backingFileName: fc.option(name),
      backingFormat: fc.option(name),
      dataFileName: fc.option(name),
      sizeBytes: fc.integer({ min: 0, max: 2 ** 40 }),
      tableCluster: fc.integer({ min: 1, max: 2 ** 30 }),
      snapshotCount: fc.integer({ min: 0, max: 65_536 }),
      incompatible: fc.subarray([INCOMPATIBLE.dirty, INCOMPATIBLE.corrupt, INCOMPATIBLE.extendedL2]),
      compatibleFeatures: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      autoclearFeatures: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      refcountOrder: fc.integer({ min: 0, max: 6 }),
      unknownFields: fc.option(fc.constantFrom(8, 16, 24), { nil: undefined }),
      extensions: fc.array(
        fc.record(
          {
            type: fc.constantFrom(EXTENSION.bitmaps, EXTENSION.fullDiskEncryption, 0x12345678),
            data: fc.uint8Array({ maxLength: 30 }),
          },
          { noNullPrototype: true },
        ),
        { maxLength: 3 },
      ),
    },
    { noNullPrototype: true },
  )
  .map(({ tableCluster, incompatible, unknownFields, ...rest }) => {
    const clusterBytes = 2 ** rest.clusterBits;
    return {
      ...plain,
      ...rest,
      incompatibleFeatures: incompatible.reduce((sum, bit) => sum | bit, 0n),
      l1Entries: 2 ** 20,
      l1TableOffset: tableCluster * clusterBytes,
      refcountTableOffset: (tableCluster + 1) * clusterBytes,
      snapshotsOffset: (tableCluster + 2) * clusterBytes,
      headerLength: 112 + (unknownFields ?? 0),
      ...(unknownFields === undefined ? {} : { unknownFields: new Uint8Array(unknownFields).fill(0xab) }),
    };
  });

test('version 3 headers survive encoding and decoding, unknown extensions and fields included', () => {
  fc.assert(
    fc.property(anyVersion3, (header) => {
      assert.deepEqual(decodeHeader(encodeHeader(header), 'disk'), header);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('each field stands where HEADER_FIELDS says, in the widths of the specification', () => {
  const header: Header = {
    ...plain,
    backingFileName: 'base.raw',
    cryptMethod: 1,
    snapshotCount: 7,
    snapshotsOffset: 0x7_0000_0000,
    incompatibleFeatures: INCOMPATIBLE.compression,
    compatibleFeatures: COMPATIBLE.lazyRefcounts,
    autoclearFeatures: AUTOCLEAR.rawExternalData,
    compressionType: 1,
  };
  const bytes = encodeHeader(header);
  const view = new DataView(bytes.buffer);
  const u32 = (offset: number) => view.getUint32(offset);
  const u64 = (offset: number) => view.getBigUint64(offset);
  assert.equal(u32(0), 0x514649fb);
  assert.equal(u32(4), 3);
  assert.equal(u64(8), BigInt(bytes.length - 8));
  assert.equal(u32(16), 8);
  assert.deepEqual([u32(20), u64(24), u32(32), u32(36)], [16, 2n ** 30n, 1, 2]);
  assert.deepEqual([u64(40), u64(48), u32(56), u32(60), u64(64)], [0x30000n, 0x10000n, 1, 7, 0x7_0000_0000n]);
  assert.deepEqual([u64(72), u64(80), u64(88), u32(96), u32(100), view.getUint8(104)], [8n, 1n, 2n, 4, 112, 1]);
  view.setUint32(HEADER_FIELDS.l1Size, 9);
  assert.equal(decodeHeader(bytes, 'disk').l1Entries, 9);
});

test('a version 2 header is 72 bytes, and grows only for a backing file', () => {
  const version2: Header = { ...plain, version: 2, headerLength: 72, featureNames: [] };
  assert.equal(encodeHeader(version2).length, 72);
  const backed: Header = { ...version2, backingFileName: 'base.img', backingFormat: 'raw' };
  const bytes = encodeHeader(backed);
  assert.equal(bytes.length, 72 + 16 + 8 + 8);
  assert.deepEqual(decodeHeader(bytes, 'disk'), backed);
  assert.deepEqual(decodeHeader(encodeHeader(version2), 'disk'), version2);
});

test('a version 3 header of 104 bytes has no compression type and keeps its length', () => {
  const short: Header = { ...plain, headerLength: 104 };
  assert.deepEqual(decodeHeader(encodeHeader(short), 'disk'), short);
});

test('feature names give way where the cluster is too small; other content is refused', () => {
  const small: Header = { ...plain, clusterBits: 9, sizeBytes: 2 ** 15, backingFileName: 'x'.repeat(300) };
  assert.deepEqual(decodeHeader(encodeHeader(small), 'disk'), { ...small, featureNames: [] });
  assert.throws(() => encodeHeader({ ...small, backingFileName: 'x'.repeat(393) }), {
    code: 'INVALID_ARGUMENT',
    message: 'header of 513 bytes (backing file name 393) does not fit into a cluster of 512',
  });
});

test('a feature is called what the image calls it, control characters removed', () => {
  const names = [{ kind: 'incompatible', bit: 5, name: 'time\u001b[31m travel\u202e' }] as const;
  assert.equal(featureName(names, 'incompatible', 5), 'time?[31m travel?');
  assert.equal(featureName(names, 'compatible', 5), 'unknown feature (bit 5)');
});

test('headers of qemu-img decode, and encode to the same bytes', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  try {
    const options = [
      'compat=0.10',
      'compat=0.10,cluster_size=512',
      'compat=1.1',
      'compat=1.1,lazy_refcounts=on,refcount_bits=1',
      'extended_l2=on,cluster_size=2M',
      'compression_type=zstd',
      `data_file=${path.join(folder, 'data.raw')},data_file_raw=on`,
    ];
    for (const option of options) {
      for (const backing of [[], ['-b', path.join(folder, 'base.raw'), '-F', 'raw', '-u']]) {
        if (backing.length > 0 && option.includes('data_file_raw')) continue;
        const file = path.join(folder, 'image.qcow2');
        execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', option, ...backing, file, '5M']);
        const bytes = fs.readFileSync(file);
        const header = decodeHeader(bytes, file);
        assert.equal(header.sizeBytes, 5 * 1024 * 1024);
        assert.equal(header.backingFileName, backing[1] ?? null);
        const encoded = Buffer.from(encodeHeader(header));
        assert.ok(encoded.equals(bytes.subarray(0, encoded.length)), `${option} ${backing}`);
      }
    }
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
