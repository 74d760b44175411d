/** Malformed images: refcount blocks that are not where or what they should be. */
import { CLUSTER, COPIED, create, testMalformed, writeNew } from '../testing/malformed-image.ts';

testMalformed([
  {
    name: 'refcount block unaligned',
    change: (p) => p.point(p.refcountTable, p.refcountBlock + 512, 0n),
    act: writeNew,
    says: 'disk: refcount block offset 8704 is not on a cluster boundary below 2^53',
  },
  {
    name: 'no refcount block',
    change: (p) => p.point(p.refcountTable, 0, 0n),
    act: writeNew,
    says: 'disk: cluster with refcount 0 holds the header at offset 0; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'refcount block behind the end of the file',
    change: (p) => p.point(p.refcountTable, p.end, 0n),
    act: writeNew,
    says: 'disk: refcount block at offset 45056 is outside the file of 45056 bytes',
  },
  {
    name: 'refcount block at 2^63',
    change: (p) => p.view.setBigUint64(p.refcountTable, COPIED + BigInt(p.refcountBlock)),
    act: writeNew,
    says: 'disk: refcount block offset 9223372036854784000 is not on a cluster boundary below 2^53',
  },
  {
    name: 'refcount block in the L1 table',
    change: (p) => p.point(p.refcountTable, p.l1, 0n),
    act: writeNew,
    says: 'disk: cluster with refcount 0 holds the refcount table at offset 4096; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'refcount block in the refcount table',
    change: (p) => p.point(p.refcountTable, p.refcountTable, 0n),
    act: writeNew,
    says: 'disk: cluster with refcount 0 holds the header at offset 0; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'refcount block without a count: nothing is allocated at offset 0',
    change: (p) => new Uint8Array(p.view.buffer, p.refcountBlock, CLUSTER).fill(0),
    act: writeNew,
    says: 'disk: cluster with refcount 0 holds the header at offset 0; the image is corrupt, repair it first',
    marks: true,
  },
  {
    name: 'refcount block full of counts',
    change: (p) => new Uint8Array(p.view.buffer, p.refcountBlock, CLUSTER).fill(0xff),
    act: writeNew,
    says: null,
  },
  {
    name: 'refcount at its limit, snapshot',
    change: (p) => p.view.setUint16(p.refcountBlock + (p.l2 / CLUSTER) * 2, 0xffff),
    act: create,
    says: 'disk: refcount 65536 of the cluster at offset 36864 does not fit 16 bits',
  },
]);
