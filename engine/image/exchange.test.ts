/** Images of the real qemu-img read and extended here, and back; backing files; tables that grow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkImage, isClean } from '../check/check-image.ts';
import { createImage, KiB, MiB, openFile, openImage, type Qcow2Image, type StageId } from '../index.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { patternBytes } from '../testing/reference-disk.ts';

const CLUSTER_SIZES = [512, 4 * KiB, 64 * KiB, 2 * MiB];

function requireClean(folder: QemuFolder, name: string): void {
  const { exitCode, text, json } = folder.check(name);
  assert.equal(exitCode, 0, `qemu-img check ${name}: ${text}${JSON.stringify(json)}`);
  const file = openFile(folder.file(name), { readOnly: true });
  const report = checkImage(file);
  file.close();
  assert.ok(isClean(report), `${name}: ${JSON.stringify(report.findings)}`);
}

function requireGuestBytes(folder: QemuFolder, name: string, wanted: Uint8Array): void {
  assert.ok(Buffer.from(folder.guestBytes(name)).equals(wanted), `${name} as qemu-img reads it`);
}

function contentOf(image: Qcow2Image): Uint8Array {
  const bytes = new Uint8Array(image.sizeBytes);
  image.read(0, bytes);
  return bytes;
}

/** Does `change` to the image and to the bytes that it must hold. */
function write(image: Qcow2Image, wanted: Uint8Array, offset: number, bytes: Uint8Array): void {
  image.write(offset, bytes);
  wanted.set(bytes, offset);
}

for (const clusterSizeBytes of CLUSTER_SIZES) {
  test(`clusters of ${clusterSizeBytes} bytes: written by qemu-io, extended here, extended by qemu-io`, () => {
    using folder = new QemuFolder();
    const sizeBytes = clusterSizeBytes === 512 ? 200 * KiB : 8 * MiB;
    folder.img('create', '-q', '-f', 'qcow2', '-o', `cluster_size=${clusterSizeBytes}`, 'image', `${sizeBytes}`);
    folder.io('image', `write -P 1 1000 ${sizeBytes / 4}`, `write -P 2 ${sizeBytes - 512} 512`);
    const wanted = folder.guestBytes('image');
    const image = openImage(openFile(folder.file('image')));
    assert.ok(Buffer.from(contentOf(image)).equals(wanted), 'as qemu-io wrote it');
    write(image, wanted, sizeBytes / 8 + 1, patternBytes(3, sizeBytes / 4));
    write(image, wanted, sizeBytes / 2, patternBytes(4, 777));
    image.close();
    requireClean(folder, 'image');
    requireGuestBytes(folder, 'image', wanted);
    folder.io('image', `write -P 5 ${sizeBytes / 2} 4096`, `write -P 6 ${sizeBytes - 100 * KiB} 1024`);
    wanted.fill(5, sizeBytes / 2, sizeBytes / 2 + 4096);
    wanted.fill(6, sizeBytes - 100 * KiB, sizeBytes - 99 * KiB);
    requireClean(folder, 'image');
    const again = openImage(openFile(folder.file('image'), { readOnly: true }));
    assert.ok(Buffer.from(contentOf(again)).equals(wanted), 'extended by qemu-io, read here');
    again.close();
  });
}

for (const format of ['raw', 'qcow2'] as const) {
  test(`over a ${format} backing file, longer than the overlay and shorter`, () => {
    using folder = new QemuFolder();
    for (const [name, overlayBytes, baseBytes] of [
      ['longer', 2 * MiB, 3 * MiB],
      ['shorter', 3 * MiB, MiB + 1536],
    ] as const) {
      const base = patternBytes(7, baseBytes);
      folder.write('base.raw', base);
      folder.img('convert', '-f', 'raw', '-O', format, 'base.raw', `base-${name}`);
      folder.img('create', '-q', '-f', 'qcow2', '-F', format, '-b', `base-${name}`, name, `${overlayBytes}`);
      const baseFile = openFile(folder.file(`base-${name}`), { readOnly: true });
      const backing =
        format === 'qcow2'
          ? openImage(baseFile)
          : { sizeBytes: baseBytes, read: (at: number, into: Uint8Array) => baseFile.read(at, into, 'data') };
      const image = openImage(openFile(folder.file(name)), { backing });
      const wanted = new Uint8Array(overlayBytes);
      wanted.set(base.subarray(0, Math.min(overlayBytes, baseBytes)));
      assert.ok(Buffer.from(contentOf(image)).equals(wanted), `${name}: read through`);
      write(image, wanted, MiB - 100, patternBytes(8, 3000));
      write(image, wanted, Math.min(baseBytes, overlayBytes) - 512, patternBytes(9, 512));
      image.close();
      requireClean(folder, name);
      requireGuestBytes(folder, name, wanted);
    }
  });
}

test('an image with a backing file is refused when none is given', () => {
  using folder = new QemuFolder();
  folder.write('base', new Uint8Array(MiB));
  folder.img('create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', 'base', 'overlay');
  const before = folder.read('overlay');
  assert.throws(() => openImage(openFile(folder.file('overlay'))), {
    code: 'INVALID_ARGUMENT',
    message: /the image has a backing file \("base"\), which must be allowed explicitly$/,
  });
  assert.deepEqual(folder.read('overlay'), before);
});

for (const stage of ['S0', 'S4b'] as const satisfies StageId[]) {
  test(`stage ${stage}: the refcount table grows, and qemu-img and qemu-io go on with it`, () => {
    using folder = new QemuFolder();
    const sizeBytes = 20 * MiB;
    createImage(openFile(folder.file('grown'), { create: true }), { sizeBytes, clusterSizeBytes: 512 });
    const image = openImage(openFile(folder.file('grown'), { mode: 'unsafe' }), { stage });
    const wanted = new Uint8Array(sizeBytes);
    // One table cluster of 64 entries counts 8 MiB of file; this needs two growths.
    for (let at = 0; at < 18 * MiB; at += 256 * KiB) write(image, wanted, at, patternBytes(at / KiB, 200 * KiB));
    image.close();
    const header = new DataView(folder.read('grown').buffer);
    assert.ok(header.getUint32(56) > 1, 'the refcount table has grown');
    requireClean(folder, 'grown');
    requireGuestBytes(folder, 'grown', wanted);
    folder.io('grown', 'write -P 3 18M 1M');
    requireClean(folder, 'grown');
  });

  test(`stage ${stage}: the L1 table grows with the VM state, and qemu-img applies the snapshots before and after`, () => {
    using folder = new QemuFolder();
    createImage(openFile(folder.file('vm'), { create: true }), { sizeBytes: 2 * MiB, clusterSizeBytes: 512 });
    const image = openImage(openFile(folder.file('vm'), { mode: 'unsafe' }), { stage });
    const disk = patternBytes(1, 100 * KiB);
    image.write(0, disk);
    image.createSnapshot({ name: 'before', dateSeconds: 1 });
    const l1Entries = () => new DataView(folder.read('vm').buffer).getUint32(36);
    const atFirst = l1Entries();
    const state = patternBytes(2, 900 * KiB);
    image.writeVmState(0, state);
    image.createSnapshot({ name: 'after', dateSeconds: 2, vmStateBytes: state.length });
    assert.ok(l1Entries() > atFirst, 'the L1 table has grown');
    image.applySnapshot('before');
    const found = new Uint8Array(1024).fill(1);
    image.readVmState(0, found);
    assert.ok(
      found.every((byte) => byte === 0),
      'no VM state in a snapshot from before there was one',
    );
    image.applySnapshot('after');
    image.write(0, patternBytes(3, 10 * KiB));
    image.close();
    requireClean(folder, 'vm');
    assert.match(folder.img('snapshot', '-l', 'vm'), /after +900 KiB/);
    for (const name of ['before', 'after']) {
      folder.img('snapshot', '-a', name, 'vm');
      requireClean(folder, 'vm');
      assert.ok(Buffer.from(folder.guestBytes('vm').subarray(0, disk.length)).equals(disk));
    }
    const again = openImage(openFile(folder.file('vm'), { readOnly: true }));
    const stateFound = new Uint8Array(state.length);
    again.readVmState(0, stateFound);
    assert.ok(Buffer.from(stateFound).equals(state), 'the VM state, applied by qemu-img');
    again.close();
  });
}
