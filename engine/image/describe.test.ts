/** What images say about themselves against qemu-img info, and disks as their snapshots keep them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFile } from '../io/file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { createImage } from './create.ts';
import { describeImage } from './describe.ts';
import { openImage } from './qcow2-image.ts';

const MAKES: readonly (readonly string[])[] = [
  ['-o', 'compat=0.10,cluster_size=4k'],
  ['-o', 'refcount_bits=1,lazy_refcounts=on'],
  ['-o', 'extended_l2=on,compression_type=zstd'],
  ['-o', 'data_file=plain.raw,data_file_raw=on'],
  ['-u', '-b', '../not there/\u{1F4BF}.img', '-F', 'raw'],
];

test('the description is what qemu-img info says', () => {
  using folder = new QemuFolder();
  for (const options of MAKES) {
    folder.img('create', '-q', '-f', 'qcow2', ...options, 'a.qcow2', '3M');
    const info = JSON.parse(folder.img('info', '--output=json', 'a.qcow2'));
    const { compat, ...data } = info['format-specific'].data;
    const file = openFile(folder.file('a.qcow2'), { readOnly: true });
    const found = describeImage(file);
    file.close();
    assert.equal(found.version, compat === '0.10' ? 2 : 3);
    assert.equal(found.sizeBytes, info['virtual-size']);
    assert.equal(found.clusterSizeBytes, info['cluster-size']);
    assert.equal(found.backingFile, info['backing-filename'] ?? null);
    assert.equal(found.backingFormat, info['backing-filename-format'] ?? null);
    assert.equal(found.refcountBits, data['refcount-bits']);
    assert.equal(found.lazyRefcounts, data['lazy-refcounts'] ?? false);
    assert.equal(found.compressionType, data['compression-type']);
    assert.equal(found.extendedL2, data['extended-l2'] ?? false);
    assert.equal(found.dataFile, data['data-file'] ?? null);
    assert.equal(found.hasDataFile, data['data-file'] !== undefined);
    assert.equal(found.dataFileRaw, data['data-file-raw'] ?? false);
    assert.equal(found.isDirty, info['dirty-flag']);
    assert.equal(found.isCorrupt, data.corrupt ?? false);
  }
});

function imageWithSnapshot(): Uint8Array {
  const file = new MemoryFile('a');
  createImage(file, { sizeBytes: 131_072, clusterSizeBytes: 512 });
  const image = openImage(file);
  image.write(0, new Uint8Array(512).fill(1));
  image.createSnapshot({ name: 'before' });
  image.write(0, new Uint8Array(512).fill(2));
  image.resize(262_144);
  image.write(200_192, new Uint8Array(512).fill(3));
  image.close();
  return file.bytes();
}

const readOnly = (bytes: Uint8Array) => openImage(new MemoryFile('a', bytes, { readOnly: true }));

test('a snapshot is read without applying it', () => {
  const image = readOnly(imageWithSnapshot());
  const before = image.openSnapshot('before');
  const sector = new Uint8Array(512);
  before.read(0, sector);
  assert.equal(sector[0], 1);
  assert.equal(before.sizeBytes, 131_072);
  assert.equal(before.map(512, 130_560).stored, 'absent');
  image.read(0, sector);
  assert.equal(sector[0], 2);
  assert.throws(() => image.openSnapshot('never'), { code: 'INVALID_ARGUMENT' });
  const writable = openImage(new MemoryFile('a', imageWithSnapshot()));
  assert.throws(() => writable.openSnapshot('before'), { code: 'INVALID_ARGUMENT' });
});

test('a snapshot that claims more than its L1 table maps is refused', () => {
  const bytes = imageWithSnapshot();
  const view = new DataView(bytes.buffer);
  const entry = Number(view.getBigUint64(64));
  view.setBigUint64(entry + 48, 2n ** 52n);
  const image = readOnly(bytes);
  assert.throws(() => image.openSnapshot('before'), { code: 'CORRUPT', message: /claims 4503599627370496 bytes/ });
});
