/** Repair: what the real qemu-img then says, which bytes stay, and what a crash on the way leaves. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { MemoryFile } from '../io/memory-file.ts';
import { CrashableFile, crashStates } from '../testing/crashable-file.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { checkImage, examineImage, isClean } from './check-image.ts';
import { OWNER_COMPRESSED, OWNER_DATA, OWNER_L2 } from './references.ts';
import { repairImage } from './repair.ts';

const folder = new QemuFolder();
after(() => folder[Symbol.dispose]());

/** An image with a snapshot, shared and private clusters and compressed data. */
function makeImage(options: string): Uint8Array {
  folder.img('create', '-q', '-f', 'qcow2', '-o', options, 'made.qcow2', '256k');
  folder.io('made.qcow2', 'write -P 1 0 100k', 'write -c -P 2 128k 16k');
  folder.img('snapshot', '-c', 'before', 'made.qcow2');
  folder.io('made.qcow2', 'write -P 3 4k 8k');
  return folder.read('made.qcow2');
}

/** What a lazy-refcounts image is when its program is killed. */
function makeDirtyImage(options: string): Uint8Array {
  folder.img('create', '-q', '-f', 'qcow2', '-o', `lazy_refcounts=on,${options}`, 'dirty.qcow2', '256k');
  folder.io('dirty.qcow2', 'write -P 1 0 100k', 'write -P 2 200k 1k', 'flush', 'abort');
  return folder.read('dirty.qcow2');
}

interface Damage {
  readonly name: string;
  readonly change: (view: DataView, tables: Tables) => void;
  readonly isRebuilt: boolean;
}

interface Tables {
  readonly refcountTable: number;
  readonly refcountBlock: number;
  readonly l1: number;
  readonly l2: number;
}

function tablesOf(view: DataView): Tables {
  const refcountTable = Number(view.getBigUint64(48));
  const l1 = Number(view.getBigUint64(40));
  const l2 = Number(view.getBigUint64(l1) & 0x00ff_ffff_ffff_fe00n);
  return { refcountTable, refcountBlock: Number(view.getBigUint64(refcountTable)), l1, l2 };
}

function fillBlock(view: DataView, { refcountBlock }: Tables, byte: number): void {
  const clusterBytes = 2 ** view.getUint32(20);
  new Uint8Array(view.buffer).fill(byte, refcountBlock, refcountBlock + clusterBytes);
}

const DAMAGES: Damage[] = [
  { name: 'nothing', change: () => {}, isRebuilt: false },
  { name: 'refcounts of random height', change: (view, tables) => fillBlock(view, tables, 0x12), isRebuilt: false },
  { name: 'a zeroed refcount block', change: (view, tables) => fillBlock(view, tables, 0), isRebuilt: false },
  {
    name: 'all COPIED flags wrong',
    change: (view, { l1, l2 }) => {
      view.setUint8(l1, view.getUint8(l1) ^ 0x80);
      const end = l2 + 2 ** view.getUint32(20);
      for (let at = l2; at < end; at += 8) {
        const top = view.getUint8(at);
        if (view.getBigUint64(at) !== 0n && (top & 0x40) === 0) view.setUint8(at, top ^ 0x80);
      }
    },
    isRebuilt: false,
  },
  {
    name: 'a refcount table that names no block',
    change: (view, { refcountTable }) => view.setBigUint64(refcountTable, 0n),
    isRebuilt: true,
  },
  {
    name: 'a refcount table that names the header',
    change: (view, { refcountTable }) => view.setBigUint64(refcountTable, 512n),
    isRebuilt: true,
  },
  {
    name: 'a refcount table that names the L1 table as a block',
    change: (view, { refcountTable, l1 }) => view.setBigUint64(refcountTable, BigInt(l1)),
    isRebuilt: true,
  },
  { name: 'a refcount table outside the file', change: (view) => view.setBigUint64(48, 2n ** 40n), isRebuilt: true },
  { name: 'a refcount table of no size', change: (view) => view.setUint32(56, 0), isRebuilt: true },
];

/** The image without what a repair may change: data clusters, and table entries without their COPIED flags. */
function guestView(bytes: Uint8Array): string {
  const { examination: x } = examineImage(new MemoryFile('view', bytes));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: string[] = [];
  const table = (offset: number, lengthBytes: number) => {
    for (let at = offset; at < offset + lengthBytes; at += 8) {
      const entry = view.getBigUint64(at) & ~(1n << 63n);
      if (entry !== 0n) parts.push(`${at}=${entry.toString(16)}`);
    }
  };
  table(x.shape.l1.offset, x.shape.l1.lengthBytes);
  x.references.owners.forEach((owner, cluster) => {
    const offset = cluster * x.shape.clusterBytes;
    if (owner === OWNER_L2) table(offset, x.shape.clusterBytes);
    if (owner === OWNER_DATA || owner === OWNER_COMPRESSED) {
      parts.push(Buffer.from(bytes.subarray(offset, offset + x.shape.clusterBytes)).toString('base64'));
    }
  });
  return parts.join(',');
}

const OPTIONS = ['cluster_size=512', 'cluster_size=4k,compat=0.10', 'cluster_size=1k,refcount_bits=64'];

for (const options of OPTIONS) {
  for (const { name, change, isRebuilt } of DAMAGES) {
    test(`${options}: ${name} is repaired, crash by crash`, () => {
      const bytes = makeImage(options);
      folder.write('good.qcow2', bytes);
      const guest = folder.guestBytes('good.qcow2');
      const snapshot = folder.guestBytes('good.qcow2', 'before');
      const view = new DataView(bytes.buffer);
      change(view, tablesOf(view));
      const file = new CrashableFile('disk', bytes);
      const { before, after: repaired, wasRebuilt } = repairImage(file);
      assert.ok(isClean(repaired), JSON.stringify(repaired.findings));
      assert.equal(wasRebuilt, isRebuilt);
      folder.write('repaired.qcow2', file.bytes());
      assert.equal(folder.check('repaired.qcow2').exitCode, 0, folder.check('repaired.qcow2').text);
      assert.ok(Buffer.from(folder.guestBytes('repaired.qcow2')).equals(guest));
      assert.ok(Buffer.from(folder.guestBytes('repaired.qcow2', 'before')).equals(snapshot));
      const expected = guestView(file.bytes());
      const states = file.epochs.flatMap((epoch) => [...crashStates(epoch)]);
      assert.equal(states.length > 0, name !== 'nothing');
      for (const state of states) {
        const halfway = checkImage(new MemoryFile('disk', state));
        assert.ok(halfway.corruptions <= before.corruptions && halfway.copiedShared <= before.copiedShared);
        const again = new MemoryFile('disk', state);
        assert.ok(isClean(repairImage(again).after));
        assert.equal(guestView(again.bytes()), expected);
      }
    });
  }
}

for (const options of [
  'cluster_size=512',
  'cluster_size=4k',
  'refcount_bits=1',
  'extended_l2=on',
  'data_file=data.raw',
]) {
  test(`a dirty image (${options}) gets its refcounts and loses its dirty bit`, () => {
    const bytes = makeDirtyImage(options);
    folder.write('before.qcow2', bytes);
    const file = new MemoryFile('disk', bytes);
    const { before, after: repaired } = repairImage(file);
    assert.ok(before.isDirty && !repaired.isDirty && isClean(repaired));
    folder.write('after.qcow2', file.bytes());
    assert.equal(folder.check('after.qcow2').exitCode, 0);
    // Reading only, the reference tool leaves the dirty image as it is.
    assert.ok(Buffer.from(folder.guestBytes('after.qcow2')).equals(folder.guestBytes('before.qcow2')));
  });
}

test('a file cut off before clusters that were never written is extended', () => {
  const bytes = makeDirtyImage('cluster_size=4k');
  const cut = new MemoryFile('disk', bytes.subarray(0, bytes.length - 3 * 4096));
  const { before, after: repaired } = repairImage(cut);
  assert.ok(before.findings.some(({ kind }) => kind === 'pointer-outside'));
  assert.ok(isClean(repaired));
  folder.write('extended.qcow2', cut.bytes());
  assert.equal(folder.check('extended.qcow2').exitCode, 0);
});

test('only what the options name is repaired', () => {
  const bytes = makeImage('cluster_size=512');
  const view = new DataView(bytes.buffer);
  const { l1, refcountBlock } = tablesOf(view);
  view.setUint8(l1, view.getUint8(l1) ^ 0x80);
  view.setUint16(refcountBlock, 0);
  view.setUint16(refcountBlock + 2, 2);
  const left = (options: object) => {
    const { after: report } = repairImage(new MemoryFile('disk', bytes), options);
    return [report.leaks, report.corruptions, report.copiedErrors];
  };
  assert.deepEqual(left({ leaks: false, refcounts: false, copied: false }), [1, 1, 1]);
  assert.deepEqual(left({ refcounts: false, copied: false }), [0, 1, 1]);
  assert.deepEqual(left({ leaks: false, copied: false }), [1, 0, 1]);
  assert.deepEqual(left({ leaks: false, refcounts: false }), [1, 1, 0]);
});

test('flags that are wrong where all counts are right follow with the leaks, though none is there', () => {
  const bytes = makeImage('cluster_size=512');
  const view = new DataView(bytes.buffer);
  const { l1 } = tablesOf(view);
  view.setUint8(l1, view.getUint8(l1) ^ 0x80);
  const left = (options: object) => repairImage(new MemoryFile('disk', bytes), options).after.copiedErrors;
  assert.equal(left({ leaks: false, refcounts: false, copied: false }), 1);
  assert.equal(left({ refcounts: false, copied: false }), 0);
});

test('leaks stay while a pointer cannot be followed: what looks leaked may be data behind it', () => {
  const bytes = makeImage('cluster_size=512');
  const view = new DataView(bytes.buffer);
  view.setBigUint64(tablesOf(view).l1, 2n ** 40n);
  const { after: report } = repairImage(new MemoryFile('disk', bytes));
  assert.ok(report.leaks > 0);
  assert.ok(report.findings.some(({ kind }) => kind === 'pointer-outside'));
});

test('the dirty and corrupt bits stay while anything is wrong', () => {
  const bytes = makeDirtyImage('cluster_size=512');
  const view = new DataView(bytes.buffer);
  view.setUint8(79, 3);
  const { l2 } = tablesOf(view);
  view.setBigUint64(l2, view.getBigUint64(l2) | 16n);
  const { after: report } = repairImage(new MemoryFile('disk', bytes));
  assert.deepEqual([report.corruptions, report.isDirty, report.isCorrupt], [1, true, true]);
});

test('a file open for reading only is refused', () => {
  const file = new MemoryFile('disk', makeImage('cluster_size=512'), { readOnly: true });
  assert.throws(() => repairImage(file), { code: 'READ_ONLY', message: 'disk: cannot repair, open for reading only' });
});
