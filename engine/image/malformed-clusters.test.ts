/** Malformed images: L2 entries and compressed clusters that are not where or what they should be. */
import zlib from 'node:zlib';
import {
  CLUSTER,
  COMPRESSED,
  COPIED,
  create,
  type Places,
  read,
  testMalformed,
  writeMapped,
} from '../testing/malformed-image.ts';

testMalformed([
  {
    name: 'L2 entry unaligned',
    change: (p) => p.point(p.l2, p.l2 + 512),
    act: read,
    says: 'disk: cluster allocation offset 37376 unaligned (L2 entry 0)',
  },
  {
    name: 'L2 entry unaligned, written',
    change: (p) => p.point(p.l2 + 24, p.l2 + 512),
    act: writeMapped,
    says: 'disk: cluster allocation offset 37376 unaligned (L2 entry 3)',
  },
  {
    name: 'L2 entry unaligned, snapshot',
    change: (p) => p.point(p.l2, p.l2 + 512),
    act: create,
    says: 'disk: cluster allocation offset 37376 unaligned (L2 entry 0)',
  },
  { name: 'L2 entry to the header', change: (p) => p.point(p.l2 + 24, 0), act: writeMapped, says: null },
  {
    name: 'L2 entry to the L1 table',
    change: (p) => p.point(p.l2 + 24, p.l1),
    act: writeMapped,
    says: 'disk: preventing invalid write of guest data on metadata (overlaps with an L1 table) at offset 12288; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'L2 entry to its own table',
    change: (p) => p.point(p.l2 + 24, p.l2),
    act: writeMapped,
    says: 'disk: preventing invalid write of guest data on metadata (overlaps with an L2 table) at offset 36864; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'L2 entry to the refcount table',
    change: (p) => p.point(p.l2 + 24, p.refcountTable),
    act: writeMapped,
    says: 'disk: preventing invalid write of guest data on metadata (overlaps with the refcount table) at offset 4096; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'L2 entry to a refcount block',
    change: (p) => p.point(p.l2 + 24, p.refcountBlock),
    act: writeMapped,
    says: 'disk: preventing invalid write of guest data on metadata (overlaps with a refcount block) at offset 8192; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'L2 entry to the snapshot table',
    change: (p) => p.point(p.l2 + 24, p.snapshots),
    act: writeMapped,
    says: 'disk: preventing invalid write of guest data on metadata (overlaps with the snapshot table) at offset 32768; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: "L2 entry to a snapshot's L1 table",
    change: (p) => p.point(p.l2 + 24, p.snapshotL1),
    act: writeMapped,
    says: 'disk: preventing invalid write of guest data on metadata (overlaps with an L1 table) at offset 28672; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'L2 entry behind the end, written',
    change: (p) => p.point(p.l2 + 24, p.end),
    act: writeMapped,
    says: 'disk: data cluster at offset 45056 is outside the file of 45056 bytes',
  },
  {
    name: 'L2 entry 2^55, written',
    change: (p) => p.view.setBigUint64(p.l2 + 24, COPIED + (1n << 55n)),
    act: writeMapped,
    says: 'disk: data cluster at offset 36028797018963968 is outside the file of 45056 bytes',
  },
  {
    name: 'L2 entry 2^55, snapshot',
    change: (p) => p.view.setBigUint64(p.l2 + 24, COPIED + (1n << 55n)),
    act: create,
    says: 'disk: the cluster at offset 36028797018963968 is in use, but no refcount block counts it',
  },
  {
    name: 'L2 entry 2^55, discarded',
    change: (p) => p.view.setBigUint64(p.l2 + 24, COPIED + (1n << 55n)),
    act: (image) => void image.discard(3 * CLUSTER, CLUSTER),
    says: 'disk: the cluster at offset 36028797018963968 is in use, but no refcount block counts it',
  },
  {
    name: 'two L2 entries to one cluster, discarded',
    change: (p) => p.view.setBigUint64(p.l2 + 32, p.view.getBigUint64(p.l2 + 24)),
    act: (image) => void image.discard(0, 8 * CLUSTER),
    says: 'disk: the cluster at offset 40960 is freed but its refcount is 0 already',
  },
  {
    name: 'the zero flag in version 2',
    version: 2,
    change: (p) => p.point(p.l2, 0, 1n),
    act: read,
    says: 'disk: L2 entry 0 has the zero flag, which a version 2 image cannot have',
  },
  {
    name: 'compressed cluster behind the end of the file',
    change: (p) => p.view.setBigUint64(p.l2 + 8, COMPRESSED + (1n << 40n)),
    act: read,
    says: 'disk: compressed cluster at offset 1099511627776 is outside the file',
  },
  {
    name: 'compressed cluster at 2^57',
    change: (p) => p.view.setBigUint64(p.l2 + 8, COMPRESSED + (1n << 57n)),
    act: read,
    says: 'disk: compressed cluster at impossible offset 144115188075855872 (L2 entry 1)',
  },
  {
    name: 'compressed cluster in the header',
    change: (p) => p.view.setBigUint64(p.l2 + 8, COMPRESSED),
    act: read,
    says: 'disk: compressed cluster at impossible offset 0 (L2 entry 1)',
  },
  {
    name: 'compressed garbage',
    change: (p) => fillStream(p, new Uint8Array(512).fill(0xff)),
    act: read,
    says: 'disk: compressed cluster at offset 24576 is not a deflate stream of at most 4096 bytes',
  },
  {
    name: 'compressed stream that ends early',
    change: (p) => fillStream(p, zlib.deflateRawSync(new Uint8Array(100))),
    act: read,
    says: 'disk: compressed cluster at offset 24576 gives 100 bytes, not 4096',
  },
  {
    name: 'compressed stream of 8 MiB',
    change: (p) => fillStream(p, zlib.deflateRawSync(new Uint8Array(8 * 1024 ** 2)).subarray(0, 8192)),
    act: read,
    says: 'disk: compressed cluster at offset 24576 is not a deflate stream of at most 4096 bytes',
  },
]);

function fillStream(p: Places, stream: Uint8Array): void {
  const at = Number(p.view.getBigUint64(p.l2 + 8) & ((1n << 58n) - 1n));
  new Uint8Array(p.view.buffer).set(stream.subarray(0, p.view.byteLength - at), at);
  p.view.setBigUint64(p.l2 + 8, p.view.getBigUint64(p.l2 + 8) | (15n << 58n) | COMPRESSED);
}
