/**
 * Malformed tables, one fault at a time, each by name: what the checker finds, and what the real qemu-img makes of it.
 *
 * The image: version 3, 64 KiB clusters. Cluster 0 header, 1 refcount table, 2 refcount block, 3 L1 table, 4 the L2 table at first,
 * 5 and 6 data, 7 compressed data; then one snapshot, a copied L2 table and newer data.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Qcow2Error } from '../base/errors.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { checkImage, type FindingKind } from './check-image.ts';
import { hasErrors } from './report.ts';

const CLUSTER = 0x10000;
const REFCOUNT_TABLE = 1 * CLUSTER;
const REFCOUNT_BLOCK = 2 * CLUSTER;
const L1 = 3 * CLUSTER;
const COPIED = 1n << 63n;

const folder = new QemuFolder();
after(() => folder[Symbol.dispose]());

let good: Uint8Array = new Uint8Array(0);
/** Where the active L2 table and the snapshot table are; qemu-img decides. */
let l2 = 0;
let snapshots = 0;

before(() => {
  folder.img('create', '-q', '-f', 'qcow2', '-o', 'cluster_size=64k', 'good.qcow2', '2M');
  folder.io('good.qcow2', 'write -P 1 0 128k', 'write -c -P 2 256k 64k');
  folder.img('snapshot', '-c', 'before', 'good.qcow2');
  folder.io('good.qcow2', 'write -P 3 0 4k');
  good = folder.read('good.qcow2');
  const view = new DataView(good.buffer);
  l2 = Number(view.getBigUint64(L1) & 0x00ff_ffff_ffff_fe00n);
  snapshots = Number(view.getBigUint64(64));
});

interface Fault {
  readonly name: string;
  readonly change: (view: DataView) => void;
  readonly finds: FindingKind;
  /** How the finding begins, where the text matters. */
  readonly text?: RegExp;
  /** What qemu-img 7.2 says when that is not "bad": it overlooks some faults. */
  readonly qemuOverlooks?: boolean;
  readonly verifyCompressed?: boolean;
}

const setEntry = (at: () => number, value: (before: bigint) => bigint) => (view: DataView) =>
  view.setBigUint64(at(), value(view.getBigUint64(at())));
const l1Entry = (value: (before: bigint) => bigint) => setEntry(() => L1, value);
/** Guest cluster 0 is the newest data, 1 is shared with the snapshot, 4 is compressed, 9 is unallocated. */
const l2Entry = (index: number, value: (before: bigint) => bigint) => setEntry(() => l2 + 8 * index, value);
const tableEntry = (value: (before: bigint) => bigint) => setEntry(() => REFCOUNT_TABLE, value);
const refcount = (cluster: number, count: number) => (view: DataView) =>
  view.setUint16(REFCOUNT_BLOCK + 2 * cluster, count);

const FAULTS: Fault[] = [
  { name: 'a refcount too low', change: refcount(6, 0), finds: 'refcount-low' },
  {
    name: 'a refcount of 1 for a shared cluster',
    change: refcount(6, 1),
    finds: 'refcount-low',
    text: /^cluster at 0x60000 has refcount 1, but 2 references$/,
  },
  { name: 'a leaked cluster', change: refcount(6, 3), finds: 'leak' },
  { name: 'the header without refcount', change: refcount(0, 0), finds: 'refcount-low' },
  { name: 'refcount table on the L1 table', change: (v) => v.setBigUint64(48, BigInt(L1)), finds: 'refcount-low' },
  { name: 'refcount table entry with reserved bits', change: tableEntry((e) => e + 1n), finds: 'reserved-bits' },
  { name: 'refcount table entry unaligned', change: tableEntry((e) => e + 512n), finds: 'pointer-misaligned' },
  { name: 'refcount table entry 0', change: tableEntry(() => 0n), finds: 'refcount-low' },
  { name: 'refcount table entry to the header', change: tableEntry(() => 0x10000n), finds: 'refcount-block' },
  {
    name: 'refcount table entry above 2^53, in all its digits',
    change: tableEntry(() => 0x00ff_ffff_ffff_0000n),
    finds: 'pointer-outside',
    text: /^entry at 0x10000 points to 72057594037862400, expected below /,
  },
  {
    name: 'L2 entry above 2^53, in all its digits',
    change: l2Entry(0, () => COPIED | 0x00ff_ffff_ffff_fe00n),
    finds: 'pointer-misaligned',
    text: /points to 72057594037927424, expected a multiple of 65536$/,
  },
  { name: 'refcount table entry outside the file', change: tableEntry(() => 1n << 40n), finds: 'pointer-outside' },
  {
    name: 'two refcount table entries to one block',
    change: (view) => view.setBigUint64(REFCOUNT_TABLE + 8, BigInt(REFCOUNT_BLOCK)),
    finds: 'refcount-block',
  },
  {
    name: 'an all-zero refcount block',
    change: (view) => new Uint8Array(view.buffer).fill(0, REFCOUNT_BLOCK, REFCOUNT_BLOCK + CLUSTER),
    finds: 'refcount-low',
  },
  { name: 'L1 entry unaligned', change: l1Entry((e) => e + 0x2a00n), finds: 'pointer-misaligned' },
  { name: 'L1 entry with reserved bits', change: l1Entry((e) => e | (1n << 56n)), finds: 'reserved-bits' },
  { name: 'L1 entry to the header', change: l1Entry(() => COPIED), finds: 'pointer-misaligned' },
  { name: 'L1 entry to the L1 table', change: l1Entry(() => COPIED | BigInt(L1)), finds: 'refcount-low' },
  { name: 'L1 entry outside the file', change: l1Entry(() => COPIED | (1n << 40n)), finds: 'pointer-outside' },
  { name: 'L1 table outside the file', change: (v) => v.setBigUint64(40, 1n << 40n), finds: 'pointer-outside' },
  {
    name: 'L2 entry unaligned',
    change: l2Entry(0, (e) => e + 512n),
    finds: 'pointer-misaligned',
    text: /^entry at 0x[0-9a-f]+ points to \d+, expected a multiple of 65536$/,
  },
  { name: 'L2 entry with reserved bits', change: l2Entry(0, (e) => e | (1n << 57n) | 8n), finds: 'reserved-bits' },
  { name: 'L2 entry to 2^55', change: l2Entry(0, () => COPIED | (1n << 55n)), finds: 'pointer-outside' },
  {
    name: 'L2 entry to the refcount block',
    change: l2Entry(9, () => COPIED | BigInt(REFCOUNT_BLOCK)),
    finds: 'refcount-low',
  },
  { name: 'L2 entry to the header', change: l2Entry(9, () => COPIED | 512n), finds: 'pointer-misaligned' },
  { name: 'L2 entry to its own table', change: l2Entry(9, () => COPIED | BigInt(l2)), finds: 'refcount-low' },
  { name: 'L2 entry to the L1 table', change: l2Entry(9, () => COPIED | BigInt(L1)), finds: 'refcount-low' },
  {
    name: 'two L2 entries with one cluster',
    change: (view) => view.setBigUint64(l2 + 72, view.getBigUint64(l2)),
    finds: 'refcount-low',
  },
  {
    name: 'L2 entry to the L1 table, refcount raised to hide it',
    change: (view) => {
      view.setBigUint64(l2 + 72, BigInt(L1));
      refcount(3, 2)(view);
    },
    finds: 'two-owners',
    text: /^cluster at 0x30000 is used twice: 2 references by structures of different kinds$/,
    qemuOverlooks: true,
  },
  { name: 'COPIED missing', change: l2Entry(0, (e) => e ^ COPIED), finds: 'copied-clear' },
  { name: 'COPIED on a cluster of the snapshot', change: l2Entry(1, (e) => e | COPIED), finds: 'copied-shared' },
  { name: 'COPIED missing in the L1 table', change: l1Entry((e) => e ^ COPIED), finds: 'copied-clear' },
  { name: 'compressed with COPIED', change: l2Entry(4, (e) => e | COPIED), finds: 'compressed-copied' },
  {
    name: 'compressed past the end of the file',
    change: l2Entry(4, (e) => (e & ~0xffff_ffffn) | 0xf000_0000n),
    finds: 'pointer-outside',
  },
  {
    name: 'compressed garbage',
    change: (view) => new Uint8Array(view.buffer).fill(0xff, 7 * CLUSTER, 7 * CLUSTER + 512),
    finds: 'compressed-stream',
    qemuOverlooks: true,
    verifyCompressed: true,
  },
  {
    name: 'snapshot L1 table unaligned',
    change: setEntry(
      () => snapshots,
      (offset) => offset + 512n,
    ),
    finds: 'snapshot-entry',
  },
  {
    name: 'snapshot L1 table on the header',
    change: setEntry(
      () => snapshots,
      () => 0n,
    ),
    finds: 'snapshot-entry',
  },
  {
    name: 'snapshot L1 table outside the file',
    change: setEntry(
      () => snapshots,
      () => 1n << 40n,
    ),
    finds: 'pointer-outside',
  },
  {
    name: 'snapshot L1 table of 2^32 - 1 entries',
    change: (view) => view.setUint32(snapshots + 8, 0xffff_ffff),
    finds: 'snapshot-entry',
  },
  {
    name: 'snapshot of a disk of 511 bytes',
    change: (view) => view.setBigUint64(snapshots + 48, 511n),
    finds: 'snapshot-entry',
    text: /^snapshot table entry at 0x[0-9a-f]+: a disk of 511 bytes, expected a multiple of 512$/,
    qemuOverlooks: true,
  },
  {
    name: 'snapshot with 2^31 - 1 bytes of extra data',
    change: (view) => view.setUint32(snapshots + 36, 0x7fff_ffff),
    finds: 'snapshot-entry',
    text: /^snapshot table entry at 0x[0-9a-f]+: 2147483647 bytes of extra data, expected at most 1024$/,
  },
  {
    name: 'snapshot with id and name past the end of the file',
    change: (view) => {
      const last = view.byteLength - (view.byteLength % CLUSTER || CLUSTER);
      new Uint8Array(view.buffer).copyWithin(last, snapshots, snapshots + 64);
      view.setBigUint64(64, BigInt(last));
      view.setUint32(last + 12, 0xffff_ffff);
    },
    finds: 'snapshot-entry',
  },
  { name: '2^32 - 1 snapshots', change: (v) => v.setUint32(60, 0xffff_ffff), finds: 'header-field' },
  { name: 'snapshot table unaligned', change: (v) => v.setBigUint64(64, 0x1234n), finds: 'header-field' },
  { name: 'snapshot table outside the file', change: (v) => v.setBigUint64(64, 1n << 40n), finds: 'header-field' },
  { name: 'no refcount table', change: (v) => v.setUint32(56, 0), finds: 'header-field' },
  { name: 'a refcount table of 2^32 - 1 clusters', change: (v) => v.setUint32(56, 0xffff_ffff), finds: 'header-field' },
  { name: 'an unaligned refcount table', change: (v) => v.setBigUint64(48, 0x12345n), finds: 'header-field' },
  { name: 'an L1 table of 2^32 - 1 entries', change: (v) => v.setUint32(36, 0xffff_ffff), finds: 'header-field' },
  { name: 'an L1 table too small', change: (v) => v.setUint32(36, 0), finds: 'header-field' },
  { name: 'an unaligned L1 table', change: (v) => v.setBigUint64(40, 0x30200n), finds: 'header-field' },
  { name: 'encryption method 3', change: (v) => v.setUint32(32, 3), finds: 'header-field' },
  { name: 'LUKS without encryption header', change: (v) => v.setUint32(32, 2), finds: 'header-field' },
  { name: 'the data file bit without name', change: (v) => v.setUint8(79, 4), finds: 'header-field' },
  { name: 'the compression bit with type 0', change: (v) => v.setUint8(79, 8), finds: 'header-field' },
  { name: 'compression type 200 without its bit', change: (v) => v.setUint8(104, 200), finds: 'header-field' },
  { name: 'a backing file name outside the cluster', change: (v) => v.setUint32(12, 0x10001), finds: 'header-field' },
  { name: 'a header extension of 2^31 - 1 bytes', change: (v) => v.setUint32(116, 2 ** 31), finds: 'header-field' },
  { name: 'a virtual size of 2^63', change: (v) => v.setBigUint64(24, 1n << 63n), finds: 'header-field' },
];

test('the image without faults is clean', () => {
  const report = checkImage(new MemoryFile('disk', good), { verifyCompressed: true });
  assert.deepEqual(report.findings, []);
  assert.equal(folder.check('good.qcow2').exitCode, 0);
});

for (const { name, change, finds, text, qemuOverlooks, verifyCompressed } of FAULTS) {
  test(`malformed image: ${name}`, () => {
    const bytes = good.slice();
    change(new DataView(bytes.buffer));
    const report = checkImage(new MemoryFile('disk', bytes), { verifyCompressed: verifyCompressed ?? false });
    const finding = report.findings.find(({ kind }) => kind === finds);
    assert.ok(finding !== undefined, JSON.stringify(report.findings));
    if (text !== undefined) assert.match(finding.text, text);
    for (const each of report.findings) assert.match(each.text, /^[\x20-\x7e]+$/);
    folder.write('bad.qcow2', bytes);
    const { exitCode } = folder.check('bad.qcow2');
    const expected = qemuOverlooks ? [0] : hasErrors(report) ? [1, 2] : [3];
    assert.ok(expected.includes(exitCode), `qemu-img check exits with ${exitCode}`);
  });
}

test('malformed image: the zero flag in version 2, which qemu-img overlooks', () => {
  folder.img('create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', 'v2.qcow2', '1M');
  folder.io('v2.qcow2', 'write 0 64k');
  const bytes = folder.read('v2.qcow2');
  bytes[4 * CLUSTER + 7]! += 1;
  const { findings } = checkImage(new MemoryFile('disk', bytes));
  assert.deepEqual(
    findings.map(({ text }) => text),
    ['L2 entry at 0x40000 has the zero flag, which version 2 lacks'],
  );
  folder.write('v2.qcow2', bytes);
  assert.equal(folder.check('v2.qcow2').exitCode, 0);
});

test('malformed image: extended L2 entries with impossible bitmaps', () => {
  folder.img('create', '-q', '-f', 'qcow2', '-o', 'extended_l2=on', 'extended.qcow2', '1M');
  folder.io('extended.qcow2', 'write 0 4k', 'write -c 128k 64k');
  const start = 4 * CLUSTER;
  const cases: [number, bigint, RegExp][] = [
    [8, 0x0000_0001_0000_0001n, /allocated 0x1 and zero 0x1 overlap/],
    [16 + 8, 2n, /allocated 0x2 without cluster/],
    [32 + 8, 1n << 32n, /not zero in a compressed entry/],
  ];
  for (const [at, bitmaps, text] of cases) {
    const bytes = folder.read('extended.qcow2');
    new DataView(bytes.buffer).setBigUint64(start + at, bitmaps);
    const report = checkImage(new MemoryFile('disk', bytes));
    assert.equal(report.corruptions, 1);
    assert.match(report.findings[0]!.text, text);
    folder.write('bad.qcow2', bytes);
    assert.equal(folder.check('bad.qcow2').exitCode, 2);
  }
});

test('an image whose header cannot be interpreted gives one error', () => {
  const cases: [string, (view: DataView) => void][] = [
    ['disk: image is not in qcow2 format', (view) => view.setUint32(0, 0)],
    ['disk: unsupported qcow2 version 1', (view) => view.setUint32(4, 1)],
    ['disk: unsupported cluster size 2^22', (view) => view.setUint32(20, 22)],
    ['disk: qcow2 header too short (72 bytes)', (view) => view.setUint32(100, 72)],
    ['disk: qcow2 header exceeds cluster size', (view) => view.setUint32(100, 0x7fff_ffff)],
    ['disk: unsupported qcow2 feature bits 0x8000000000000000', (view) => view.setUint32(72, 0x8000_0000)],
    ['disk: reference count width 2^7 too large', (view) => view.setUint32(96, 7)],
  ];
  for (const [message, change] of cases) {
    const bytes = good.slice();
    change(new DataView(bytes.buffer));
    assert.throws(() => checkImage(new MemoryFile('disk', bytes)), { name: 'Qcow2Error', message });
  }
  assert.throws(() => checkImage(new MemoryFile('disk')), { message: 'disk: image is not in qcow2 format' });
});

test('an image cut anywhere gives findings or one error', () => {
  for (let length = 0; length <= good.length; length += 512) {
    try {
      checkImage(new MemoryFile('disk', good.subarray(0, length)));
    } catch (error) {
      assert.ok(error instanceof Qcow2Error && length < 512, `cut at ${length}: ${error}`);
    }
  }
});
