/** Malformed images: L1 and refcount tables that are not where or what they should be. */
import { COPIED, create, read, testMalformed, writeNew } from '../testing/malformed-image.ts';

testMalformed([
  {
    name: 'active L1 table behind the end of the file',
    change: (p) => p.view.setBigUint64(40, BigInt(p.end)),
    says: 'disk: active L1 table at offset 45056 (16 bytes) is outside the file of 45056 bytes',
  },
  {
    name: 'refcount table behind the end of the file',
    change: (p) => p.view.setBigUint64(48, BigInt(p.end)),
    says: 'disk: refcount table at offset 45056 (4096 bytes) is outside the file of 45056 bytes',
  },
  {
    name: 'snapshot table behind the end of the file',
    change: (p) => p.view.setBigUint64(64, BigInt(p.end)),
    says: 'disk: snapshot table entry 0 is past the end of the file',
  },
  {
    name: 'L1 entry unaligned',
    change: (p) => p.point(p.l1, p.l2 + 512),
    act: read,
    says: 'disk: L2 table offset 37376 unaligned (L1 index: 0)',
  },
  {
    name: 'L1 entry unaligned, written',
    change: (p) => p.point(p.l1, p.l2 + 512),
    act: writeNew,
    says: 'disk: L2 table offset 37376 unaligned (L1 index: 0)',
  },
  {
    name: 'L1 entry unaligned, snapshot',
    change: (p) => p.point(p.l1, p.l2 + 512),
    act: create,
    says: 'disk: L2 table offset 37376 unaligned (L1 index: 0)',
  },
  {
    name: 'L1 entry behind the end of the file',
    change: (p) => p.point(p.l1, p.end),
    act: read,
    says: 'disk: L2 table at offset 45056 is outside the file of 45056 bytes',
  },
  {
    name: 'L1 entry behind the end of the file, written',
    change: (p) => p.point(p.l1, p.end),
    act: writeNew,
    says: 'disk: L2 table at offset 45056 is outside the file of 45056 bytes',
  },
  {
    name: 'L1 entry behind the end, shared, written',
    change: (p) => p.point(p.l1, p.end, 0n),
    act: writeNew,
    says: 'disk: cluster with refcount 0 holds an L2 table at offset 45056; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'L1 entry 2^55',
    change: (p) => p.view.setBigUint64(p.l1, COPIED + (1n << 55n)),
    act: read,
    says: 'disk: L2 table at offset 36028797018963968 is outside the file of 45056 bytes',
  },
  { name: 'L1 entry to the header', change: (p) => p.point(p.l1, 0), act: writeNew, says: null },
  {
    name: 'L1 entry to the L1 table',
    change: (p) => p.point(p.l1, p.l1),
    act: writeNew,
    says: 'disk: preventing invalid write of an L2 table on metadata (overlaps with an L1 table) at offset 12288; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'L1 entry to the refcount table',
    change: (p) => p.point(p.l1, p.refcountTable),
    act: writeNew,
    says: 'disk: preventing invalid write of an L2 table on metadata (overlaps with the refcount table) at offset 4096; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'L1 entry to a refcount block',
    change: (p) => p.point(p.l1, p.refcountBlock),
    act: writeNew,
    says: 'disk: preventing invalid write of a refcount block on metadata (overlaps with an L2 table) at offset 8192; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'L1 entries to one L2 table, snapshot',
    change: (p) => p.point(p.l1 + 8, p.l2),
    act: create,
    says: 'disk: the L1 table at offset 12288 names the L2 table at offset 36864 more than once',
  },
]);
