/** Malformed images: snapshots that are not where or what they should be. */
import { apply, remove, testMalformed } from '../testing/malformed-image.ts';

testMalformed([
  {
    name: "a snapshot's L1 table unaligned",
    change: (p) => p.view.setBigUint64(p.snapshots, BigInt(p.snapshotL1 + 512)),
    says: 'disk: snapshot table entry 0: L1 table offset 29184 invalid',
  },
  {
    name: "a snapshot's L1 table in the header",
    change: (p) => p.view.setBigUint64(p.snapshots, 0n),
    says: 'disk: snapshot table entry 0: L1 table offset 0 invalid',
  },
  {
    name: "a snapshot's L1 table of 2^32 - 1 entries",
    change: (p) => p.view.setUint32(p.snapshots + 8, 0xffff_ffff),
    says: 'disk: snapshot table entry 0: L1 table too large (4294967295 entries; the limit is 32 MiB)',
  },
  {
    name: "a snapshot's L1 table behind the end, applied",
    change: (p) => p.view.setBigUint64(p.snapshots, BigInt(p.end)),
    act: apply,
    says: 'disk: the L1 table of snapshot "first" at offset 45056 (16 bytes) is outside the file',
  },
  {
    name: "a snapshot's L1 table behind the end, deleted",
    change: (p) => p.view.setBigUint64(p.snapshots, BigInt(p.end)),
    act: remove,
    says: 'disk: the L1 table of snapshot "first" at offset 45056 (16 bytes) is outside the file',
  },
  {
    name: "a snapshot's L1 table of 32 MiB, applied",
    change: (p) => p.view.setUint32(p.snapshots + 8, 2 ** 22),
    act: apply,
    says: 'disk: the L1 table of snapshot "first" at offset 28672 (33554432 bytes) is outside the file',
  },
  {
    name: "a snapshot's L1 table is the active one",
    change: (p) => p.view.setBigUint64(p.snapshots, BigInt(p.l1)),
    act: remove,
    says: 'disk: the L1 table of snapshot "first" at offset 12288 (16 bytes) is the active one',
  },
  {
    name: "a snapshot's L1 table is the refcount table",
    change: (p) => p.view.setBigUint64(p.snapshots, BigInt(p.refcountTable)),
    act: remove,
    says: 'disk: the L1 table of snapshot "first" at offset 4096 (16 bytes) overlaps the refcount table',
  },
  {
    name: "a snapshot's L1 entry unaligned, applied",
    change: (p) => p.view.setBigUint64(p.snapshotL1, 0x200n),
    act: apply,
    says: 'disk: L2 table offset 512 unaligned (L1 index: 0)',
  },
  {
    name: "a snapshot's L1 entry behind the end, deleted",
    change: (p) => p.point(p.snapshotL1, p.end, 0n),
    act: remove,
    says: 'disk: L2 table at offset 45056 is outside the file of 45056 bytes',
  },
  {
    name: 'a snapshot with id and name past the end of the file',
    change: (p) => p.view.setUint32(p.snapshots + 12, 0xffff_ffff),
    says: 'disk: snapshot table entry 0 is past the end of the file',
  },
  {
    name: 'a snapshot with 2^31 - 1 bytes of extra data',
    change: (p) => p.view.setUint32(p.snapshots + 36, 0x7fff_ffff),
    says: 'disk: too much extra metadata in snapshot table entry 0 (2147483647 bytes)',
  },
  {
    name: 'more snapshots than the file holds',
    change: (p) => p.view.setUint32(60, 65_536),
    says: 'disk: too much extra metadata in snapshot table entry 101 (20480 bytes)',
  },
  {
    name: 'a snapshot of a disk whose size is none, applied',
    change: (p) => p.view.setBigUint64(p.snapshots + 48, 511n),
    act: apply,
    says: 'disk: snapshot "first" is of a disk of 511 bytes, which is not a multiple of 512',
  },
]);
