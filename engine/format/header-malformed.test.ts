/** Headers from strangers: each malformation, by name, with the one line that it must give. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Qcow2Error, type Qcow2ErrorCode } from '../base/errors.ts';
import { decodeHeader, EXTENSION, encodeHeader, HEADER_FIELDS, type Header, INCOMPATIBLE } from './header.ts';

const BACKING_NAME = 'base.qcow2';

/** A header cluster of 64 KiB; byte 112 starts one extension (type at 112, length at 116). */
function goodCluster(change: Partial<Header> = {}): Uint8Array {
  const header: Header = {
    version: 3,
    backingFileName: BACKING_NAME,
    backingFormat: null,
    clusterBits: 16,
    sizeBytes: 2 ** 30,
    cryptMethod: 0,
    l1Entries: 2,
    l1TableOffset: 0x30000,
    refcountTableOffset: 0x10000,
    refcountTableClusters: 1,
    snapshotCount: 1,
    snapshotsOffset: 0x50000,
    incompatibleFeatures: 0n,
    compatibleFeatures: 0n,
    autoclearFeatures: 0n,
    refcountOrder: 4,
    headerLength: 112,
    compressionType: 0,
    extensions: [{ type: 0x12345678, data: new Uint8Array(8) }],
    featureNames: [],
    dataFileName: null,
    ...change,
  };
  const cluster = new Uint8Array(2 ** header.clusterBits);
  cluster.set(encodeHeader(header));
  return cluster;
}

interface Malformed {
  readonly name: string;
  readonly from?: Partial<Header>;
  readonly u32?: readonly [offset: number, value: number];
  readonly u64?: readonly [offset: number, value: bigint];
  readonly fileBytes?: number;
  readonly error: string;
}

const F = HEADER_FIELDS;

const CORRUPT: readonly Malformed[] = [
  { name: 'an empty file', fileBytes: 0, error: 'image is not in qcow2 format' },
  { name: 'bad magic', u32: [F.magic, 0x4b444d56], error: 'image is not in qcow2 format' },
  { name: 'a file of 50 bytes', fileBytes: 50, error: 'qcow2 header too short (50 bytes, 72 needed)' },
  { name: 'a version 3 file of 80 bytes', fileBytes: 80, error: 'qcow2 header too short (80 bytes, 104 needed)' },
  {
    name: 'a version 3 header length of 72',
    u32: [F.headerLength, 72],
    error: 'qcow2 header too short (72 bytes, 104 needed)',
  },
  {
    name: 'a header length of 2^31 - 1',
    u32: [F.headerLength, 0x7fff_ffff],
    error: 'qcow2 header exceeds cluster size (header length 2147483647)',
  },
  {
    name: 'a header length of 105',
    u32: [F.headerLength, 105],
    error: 'qcow2 header length 105 is not a multiple of 8',
  },
  {
    name: 'a header extension of 2^31 - 1 bytes',
    u32: [116, 0x7fff_ffff],
    error: 'header extension at offset 112 too large (2147483647 bytes)',
  },
  {
    name: 'a header extension cut by the backing file name',
    u32: [116, 10],
    error: 'header extension at offset 112 too large (10 bytes)',
    from: { extensions: [{ type: 1, data: new Uint8Array(0) }] },
  },
  {
    name: 'refcount order 7',
    u32: [F.refcountOrder, 7],
    error: 'reference count width 2^7 too large; may not exceed 64 bits',
  },
  {
    name: 'the data file bit without a data file name',
    u64: [F.incompatibleFeatures, INCOMPATIBLE.dataFile],
    error: 'external data file is required for this image, but it has no name',
  },
  {
    name: 'the compression bit with compression type 0',
    u64: [F.incompatibleFeatures, INCOMPATIBLE.compression],
    error: 'compression type feature bit is set, but the compression type is 0 (zlib)',
  },
  {
    name: 'compression type 200 without its bit',
    u32: [F.compressionType, 200 * 2 ** 24],
    error: 'compression type is 200, but the compression type feature bit is clear',
  },
  {
    name: 'no refcount table',
    u32: [F.refcountTableClusters, 0],
    error: 'image does not contain a reference count table',
  },
  {
    name: 'a misaligned refcount table',
    u64: [F.refcountTableOffset, 0x12345n],
    error: 'reference count table offset 74565 invalid: not a multiple of the cluster size 65536',
  },
  {
    name: 'a refcount table that ends above 2^53',
    u64: [F.refcountTableOffset, 0x1f_ffff_ffff_0000n],
    error: 'reference count table offset 9007199254675456 invalid: too large',
  },
  {
    name: 'the refcount table on the header',
    u64: [F.refcountTableOffset, 0n],
    error: 'reference count table offset 0 invalid: that is the header',
  },
  {
    name: 'an L1 table too small for the disk',
    u32: [F.l1Size, 1],
    error: 'L1 table is too small (1 entries, 2 needed)',
  },
  {
    name: 'a misaligned L1 table',
    u64: [F.l1TableOffset, 0x30200n],
    error: 'active L1 table offset 197120 invalid: not a multiple of the cluster size 65536',
  },
  {
    name: 'the L1 table on the header',
    u64: [F.l1TableOffset, 0n],
    error: 'active L1 table offset 0 invalid: that is the header',
  },
  {
    name: 'a misaligned snapshot table',
    u64: [F.snapshotsOffset, 0x50001n],
    error: 'snapshot table offset 327681 invalid: not a multiple of the cluster size 65536',
  },
  {
    name: 'a backing file name behind the first cluster',
    u64: [F.backingFileOffset, 65_537n],
    error: 'invalid backing file offset 65537',
  },
  {
    name: 'a backing file name on the header fields',
    u64: [F.backingFileOffset, 8n],
    error: 'invalid backing file offset 8',
  },
  {
    name: 'a backing file name of 1024 bytes',
    u32: [F.backingFileSize, 1024],
    error: 'backing file name too long (1024 bytes)',
  },
  {
    name: 'a backing file name that leaves the cluster',
    u64: [F.backingFileOffset, 65_530n],
    error: 'backing file name too long (10 bytes)',
  },
  {
    name: 'a backing file name with a NUL',
    u32: [F.backingFileSize, 20],
    error: 'backing file name contains a NUL byte',
  },
  {
    name: 'a backing format that is too long',
    from: { extensions: [{ type: EXTENSION.backingFormat, data: new Uint8Array(16).fill(0x71) }] },
    error: 'backing format name too long (16 bytes)',
  },
];

const UNSUPPORTED: readonly Malformed[] = [
  { name: 'version 1', u32: [F.version, 1], error: 'unsupported qcow2 version 1' },
  { name: 'version 4', u32: [F.version, 4], error: 'unsupported qcow2 version 4' },
  {
    name: 'cluster bits 8',
    u32: [F.clusterBits, 8],
    error: 'unsupported cluster size 2^8 (2^9 to 2^21 bytes are possible)',
  },
  {
    name: 'cluster bits 22',
    u32: [F.clusterBits, 22],
    error: 'unsupported cluster size 2^22 (2^9 to 2^21 bytes are possible)',
  },
  {
    name: 'cluster bits 2^32 - 1',
    u32: [F.clusterBits, 0xffff_ffff],
    error: 'unsupported cluster size 2^4294967295 (2^9 to 2^21 bytes are possible)',
  },
  { name: 'crypt method 3', u32: [F.cryptMethod, 3], error: 'unsupported encryption method 3' },
  {
    name: 'unknown incompatible bits, one of them named by the image',
    from: { featureNames: [{ kind: 'incompatible', bit: 63, name: 'test feature' }] },
    u64: [F.incompatibleFeatures, (1n << 63n) | (1n << 7n)],
    error: 'unsupported qcow2 feature(s): unknown feature (bit 7), test feature',
  },
  {
    name: 'compression type 200',
    from: { incompatibleFeatures: INCOMPATIBLE.compression },
    u32: [F.compressionType, 200 * 2 ** 24],
    error: 'unsupported compression type 200',
  },
  {
    name: 'extended L2 entries with clusters of 4 KiB',
    from: { incompatibleFeatures: INCOMPATIBLE.extendedL2, clusterBits: 12, sizeBytes: 2 ** 20 },
    error: 'extended L2 entries need clusters of at least 16384 bytes (found 4096)',
  },
  {
    name: 'a virtual size of 2^63',
    u64: [F.size, 1n << 63n],
    error: 'image is too big: virtual size 9223372036854775808 is above 2^53 - 1',
  },
  {
    name: 'a virtual size of 2^64 - 1',
    u64: [F.size, (1n << 64n) - 1n],
    error: 'image is too big: virtual size 18446744073709551615 is above 2^53 - 1',
  },
  {
    name: 'a virtual size that no L1 table within the limit can map',
    u64: [F.size, 1n << 52n],
    error: 'image is too big: 4503599627370496 bytes in clusters of 65536',
  },
  {
    name: 'a refcount table of 2^32 - 1 clusters',
    u32: [F.refcountTableClusters, 0xffff_ffff],
    error: 'reference count table too large (4294967295 clusters; the limit is 8 MiB)',
  },
  {
    name: 'a refcount table at a huge offset',
    u64: [F.refcountTableOffset, 0xffff_ffff_ffff_0000n],
    error: 'refcount table offset 18446744073709486080 is above 2^53 - 1',
  },
  {
    name: 'an L1 table of 2^32 - 1 entries',
    u32: [F.l1Size, 0xffff_ffff],
    error: 'active L1 table too large (4294967295 entries; the limit is 32 MiB)',
  },
  {
    name: '2^32 - 1 snapshots',
    u32: [F.snapshotCount, 0xffff_ffff],
    error: 'snapshot table too large (4294967295 snapshots; the limit is 65536)',
  },
  {
    name: 'a snapshot table at a huge offset',
    u64: [F.snapshotsOffset, 1n << 63n],
    error: 'snapshot table offset 9223372036854775808 is above 2^53 - 1',
  },
  {
    name: 'a data file name that is not UTF-8',
    from: { extensions: [{ type: EXTENSION.dataFileName, data: Uint8Array.of(0xff, 0xfe) }] },
    error: 'data file name is not valid UTF-8',
  },
];

const CASES: readonly [Qcow2ErrorCode, readonly Malformed[]][] = [
  ['CORRUPT', CORRUPT],
  ['UNSUPPORTED', UNSUPPORTED],
];

for (const [code, { name, from, u32, u64, fileBytes, error }] of CASES.flatMap(([c, list]) =>
  list.map((each) => [c, each] as const),
)) {
  test(`malformed header: ${name}`, () => {
    const cluster = goodCluster(from);
    const view = new DataView(cluster.buffer);
    if (u32 !== undefined) view.setUint32(...u32);
    if (u64 !== undefined) view.setBigUint64(...u64);
    assert.throws(() => decodeHeader(cluster.subarray(0, fileBytes), 'disk'), { code, message: `disk: ${error}` });
  });
}

test('every prefix of a good image either decodes or gives one line', () => {
  const cluster = goodCluster({ clusterBits: 9, sizeBytes: 2 ** 15, l1TableOffset: 0x30000 });
  let decoded = 0;
  for (let length = 0; length <= cluster.length; length++) {
    try {
      decodeHeader(cluster.subarray(0, length), 'disk');
      decoded++;
    } catch (error) {
      assert.ok(error instanceof Qcow2Error, `prefix of ${length} bytes: ${error}`);
      assert.doesNotMatch(error.message, /\n/);
    }
  }
  assert.ok(decoded > 0);
});

test('dirty and corrupt images decode: what may be done with them is for the opener to decide', () => {
  const flags = INCOMPATIBLE.dirty | INCOMPATIBLE.corrupt;
  assert.equal(decodeHeader(goodCluster({ incompatibleFeatures: flags }), 'disk').incompatibleFeatures, flags);
});
