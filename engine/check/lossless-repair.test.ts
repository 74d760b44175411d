/** Repairs without loss: what the disk and its snapshots hold stays, at whatever write the repair is cut off. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openImage } from '../image/qcow2-image.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { CrashableFile, crashStates } from '../testing/crashable-file.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { checkImage } from './check-image.ts';
import { repairImage } from './repair.ts';
import { isClean } from './report.ts';

const folder = new QemuFolder();
after(() => folder[Symbol.dispose]());

const pointer = (view: DataView, at: number) => Number(view.getBigUint64(at) & 0x00ff_ffff_ffff_fe00n);

/** An image with two snapshots, data and zeros that keep their place. */
function makeImage(options: string): Uint8Array {
  folder.img('create', '-q', '-f', 'qcow2', '-o', options, 'made', '512k');
  folder.io('made', 'write -P 1 0 200k', 'write -z 64k 64k');
  folder.img('snapshot', '-c', 'first', 'made');
  folder.io('made', 'write -P 2 4k 8k', 'write -z 128k 64k');
  folder.img('snapshot', '-c', 'second', 'made');
  folder.io('made', 'write -P 3 4k 8k');
  return folder.read('made');
}

/** What the first snapshot holds. */
function snapshotBytes(file: MemoryFile): Uint8Array {
  const image = openImage(new MemoryFile('disk', file.bytes(), { readOnly: true })).openSnapshot('first');
  const bytes = new Uint8Array(image.sizeBytes);
  image.read(0, bytes);
  image.close();
  return bytes;
}

interface Place {
  readonly view: DataView;
  /** File offset of the L2 entry of guest cluster `index`, of the active disk. */
  entry(index: number): number;
  /** The first snapshot table entry. */
  readonly snapshots: number;
}

function placesOf(bytes: Uint8Array): Place {
  const view = new DataView(bytes.buffer);
  const entryBytes = (view.getUint32(76) & 16) !== 0 ? 16 : 8;
  const l2 = pointer(view, pointer(view, 40));
  return { view, entry: (index) => l2 + entryBytes * index, snapshots: pointer(view, 64) };
}

const DAMAGES: Readonly<Record<string, (p: Place, clusterBytes: number) => void>> = {
  'zeros whose place is inside a cluster': ({ view, entry }, clusterBytes) => {
    const at = entry(Math.floor(65_536 / clusterBytes));
    view.setBigUint64(at, view.getBigUint64(at) | 512n | 1n);
  },
  "data that lies on a snapshot's L2 table": ({ view, entry, snapshots }) => {
    view.setBigUint64(entry(0), BigInt(pointer(view, pointer(view, snapshots))));
  },
  'data that lies on the refcount table, with COPIED': ({ view, entry }) => {
    view.setBigUint64(entry(0), view.getBigUint64(48) | (1n << 63n));
  },
  'snapshot entries that do not say the size of their disk': ({ view, snapshots }) => shortenExtra(view, snapshots, 0),
  'snapshot entries with half of their extra data': ({ view, snapshots }) => shortenExtra(view, snapshots, 8),
  'a snapshot entry with too much extra data': ({ view, snapshots }) => lengthenExtra(view, snapshots, 1104),
};

/** The first entry with `extraBytes` of extra data, the second moved up behind it. */
function shortenExtra(view: DataView, start: number, extraBytes: number): void {
  setExtra(view, start, extraBytes, view.getUint32(start + 36));
}

function lengthenExtra(view: DataView, start: number, extraBytes: number): void {
  setExtra(view, start, extraBytes, view.getUint32(start + 36));
}

function setExtra(view: DataView, start: number, extraBytes: number, before: number): void {
  const bytes = new Uint8Array(view.buffer);
  const names = view.getUint16(start + 12) + view.getUint16(start + 14);
  const secondAt = start + Math.ceil((40 + before + names) / 8) * 8;
  const second = bytes.slice(secondAt, secondAt + 200);
  const name = bytes.slice(start + 40 + before, start + 40 + before + names);
  const extra = bytes.slice(start + 40, start + 40 + before);
  bytes.fill(0, start + 40, start + 40 + before + names);
  bytes.set(extra.subarray(0, extraBytes), start + 40);
  bytes.set(name, start + 40 + extraBytes);
  view.setUint32(start + 36, extraBytes);
  bytes.set(second, start + Math.ceil((40 + extraBytes + names) / 8) * 8);
}

/** What the disk and its snapshots hold; a disk that qemu-img refuses holds nothing to compare. */
function contents(bytes: Uint8Array, names: readonly (string | undefined)[]): Buffer[] {
  folder.write('image', bytes);
  return names.map((name) => Buffer.from(folder.guestBytes('image', name)));
}

for (const options of ['cluster_size=64k', 'cluster_size=4k']) {
  const clusterBytes = options.endsWith('64k') ? 65_536 : 4096;
  for (const [title, damage] of Object.entries(DAMAGES)) {
    test(`${options}: ${title}: repaired without loss, crash by crash`, () => {
      const good = makeImage(options);
      const bytes = good.slice();
      damage(placesOf(bytes), clusterBytes);
      const before = checkImage(new MemoryFile('disk', bytes));
      assert.ok(before.corruptions > 0, title);
      const file = new CrashableFile('disk', bytes);
      const { after: report } = repairImage(file);
      assert.ok(isClean(report), JSON.stringify(report.findings));
      folder.write('repaired', file.bytes());
      assert.equal(folder.check('repaired').exitCode, 0, folder.check('repaired').text);
      // Where data was made to lie on a table the disk holds what that table held, as it did before the repair.
      const isMoved = title.startsWith('data');
      const names = isMoved ? ['first', 'second'] : [undefined, 'first', 'second'];
      assert.deepEqual(contents(file.bytes(), names), contents(good, names));
      if (isMoved) assert.deepEqual(contents(file.bytes(), [undefined]), contents(bytes, [undefined]));
      const expected = snapshotBytes(new MemoryFile('disk', good));
      for (const epoch of file.epochs) {
        for (const state of crashStates(epoch)) {
          const again = new MemoryFile('disk', state);
          assert.ok(isClean(repairImage(again).after), title);
          assert.deepEqual(snapshotBytes(again), expected);
        }
      }
    });
  }
}

test('an extended entry without data loses the place that is none', () => {
  const good = makeImage('extended_l2=on,cluster_size=64k');
  const bytes = good.slice();
  const { view, entry } = placesOf(bytes);
  const at = entry(1);
  assert.equal(view.getUint32(at + 12), 0, 'all of it is zeros');
  view.setBigUint64(at, view.getBigUint64(at) | 512n);
  const file = new MemoryFile('disk', bytes);
  assert.ok(checkImage(file).corruptions > 0);
  assert.ok(isClean(repairImage(file).after));
  assert.deepEqual(contents(file.bytes(), [undefined, 'first']), contents(good, [undefined, 'first']));
});
