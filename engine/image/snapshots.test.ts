/** Snapshots made here, used by the real qemu-img, and the other way round; and snapshots that cannot be. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkImage, isClean } from '../check/check-image.ts';
import { createImage, KiB, MemoryFile, MiB, openFile, openImage, Qcow2Error, type Qcow2Image } from '../index.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { patternBytes } from '../testing/reference-disk.ts';

interface Shape {
  readonly clusterSizeBytes: number;
  readonly sizeBytes: number;
}

const SHAPES: readonly Shape[] = [
  { clusterSizeBytes: 512, sizeBytes: 256 * KiB },
  { clusterSizeBytes: 4 * KiB, sizeBytes: 6 * MiB },
  { clusterSizeBytes: 64 * KiB, sizeBytes: 6 * MiB },
  { clusterSizeBytes: 2 * MiB, sizeBytes: 16 * MiB },
];

/** Writes of generation `seed`, each over a part of those before. */
function writeGeneration(image: Qcow2Image, seed: number): void {
  const piece = Math.min(image.sizeBytes / 4, 3 * image.clusterSizeBytes + 512);
  for (let n = 0; n < 3; n++) {
    const offset = Math.floor((image.sizeBytes - piece) / (3 * seed)) * n;
    image.write(offset, patternBytes(seed * 10 + n, piece));
  }
}

function contentOf(image: Qcow2Image): Uint8Array {
  const bytes = new Uint8Array(image.sizeBytes);
  image.read(0, bytes);
  return bytes;
}

function requireEqual(found: Uint8Array, wanted: Uint8Array, what: string): void {
  assert.ok(Buffer.from(found).equals(wanted), what);
}

function requireClean(folder: QemuFolder, name: string): void {
  const { exitCode, text, json } = folder.check(name);
  assert.equal(exitCode, 0, `qemu-img check: ${text}${JSON.stringify(json)}`);
  const file = openFile(folder.file(name), { readOnly: true });
  const report = checkImage(file);
  file.close();
  assert.ok(isClean(report), JSON.stringify(report.findings));
}

function open(folder: QemuFolder, name: string): Qcow2Image {
  return openImage(openFile(folder.file(name)));
}

for (const { clusterSizeBytes, sizeBytes } of SHAPES) {
  for (const version of [2, 3] as const) {
    const title = `version ${version}, clusters of ${clusterSizeBytes} bytes`;

    test(`${title}: snapshots made here are listed, applied and deleted by qemu-img`, () => {
      using folder = new QemuFolder();
      createImage(openFile(folder.file('a'), { create: true }), { clusterSizeBytes, sizeBytes, version });
      const image = open(folder, 'a');
      const contents: Uint8Array[] = [];
      for (const seed of [1, 2, 3]) {
        writeGeneration(image, seed);
        contents.push(contentOf(image));
        image.createSnapshot({ name: `s${seed}`, dateSeconds: 1_300_000_000 });
      }
      writeGeneration(image, 4);
      const active = contentOf(image);
      image.close();
      requireClean(folder, 'a');
      assert.deepEqual(
        folder.img('snapshot', '-l', 'a').match(/^(\d+) +(s\d)/gm),
        [1, 2, 3].map((seed) => `${seed}         s${seed}`),
      );
      requireEqual(folder.guestBytes('a'), active, 'active disk');
      for (const seed of [1, 2, 3]) requireEqual(folder.guestBytes('a', `s${seed}`), contents[seed - 1]!, `s${seed}`);
      folder.img('snapshot', '-a', 's2', 'a');
      folder.img('snapshot', '-d', 's1', 'a');
      requireClean(folder, 'a');
      const again = open(folder, 'a');
      requireEqual(contentOf(again), contents[1]!, 'applied by qemu-img, read here');
      again.applySnapshot('s3');
      again.deleteSnapshot('s2');
      again.close();
      requireClean(folder, 'a');
      requireEqual(folder.guestBytes('a'), contents[2]!, 'applied here, read by qemu-img');
    });

    test(`${title}: snapshots made by qemu-img are listed, applied and deleted here`, () => {
      using folder = new QemuFolder();
      const options = `cluster_size=${clusterSizeBytes},compat=${version === 2 ? '0.10' : '1.1'}`;
      folder.img('create', '-q', '-f', 'qcow2', '-o', options, 'b', `${sizeBytes}`);
      const half = sizeBytes / 2;
      folder.io('b', `write -P 1 0 ${half}`);
      folder.img('snapshot', '-c', 'first', 'b');
      folder.io('b', `write -P 2 ${half - 512} ${half / 2}`);
      folder.img('snapshot', '-c', 'second', 'b');
      folder.io('b', `write -P 3 512 ${clusterSizeBytes}`);
      const [first, second, active] = [
        folder.guestBytes('b', 'first'),
        folder.guestBytes('b', 'second'),
        folder.guestBytes('b'),
      ];
      const image = open(folder, 'b');
      assert.deepEqual(
        image.listSnapshots().map(({ id, name, virtualSizeBytes }) => ({ id, name, virtualSizeBytes })),
        ['first', 'second'].map((name, index) => ({ id: `${index + 1}`, name, virtualSizeBytes: sizeBytes })),
      );
      requireEqual(contentOf(image), active, 'active disk');
      image.applySnapshot('first');
      requireEqual(contentOf(image), first, 'first');
      image.write(512, patternBytes(9, clusterSizeBytes));
      image.applySnapshot('2');
      requireEqual(contentOf(image), second, 'second, by its id');
      image.deleteSnapshot('first');
      image.close();
      requireClean(folder, 'b');
      requireEqual(folder.guestBytes('b'), second, 'read by qemu-img');
      requireEqual(folder.guestBytes('b', 'second'), second, 'the snapshot that is left');
      folder.img('snapshot', '-d', 'second', 'b');
      requireClean(folder, 'b');
    });
  }
}

/** An image in memory with snapshots "a" and "b" and content of its own. */
function imageWithSnapshots(): { image: Qcow2Image; memory: MemoryFile } {
  const memory = new MemoryFile();
  createImage(memory, { sizeBytes: 4 * MiB, clusterSizeBytes: 4 * KiB });
  const image = openImage(memory);
  writeGeneration(image, 1);
  image.createSnapshot({ name: 'a', dateSeconds: 1 });
  writeGeneration(image, 2);
  image.createSnapshot({ name: 'b', dateSeconds: 2 });
  writeGeneration(image, 3);
  image.flush();
  return { image, memory };
}

describe('refused, with the image unchanged', () => {
  const requests: [title: string, request: (image: Qcow2Image) => void, message: RegExp][] = [
    [
      'name in use',
      (image) => image.createSnapshot({ name: 'a' }),
      /^cannot create snapshot "a": a snapshot of that name exists$/,
    ],
    ['empty name', (image) => image.createSnapshot({ name: '' }), /^cannot create snapshot "": the name is empty$/],
    [
      'name too long',
      (image) => image.createSnapshot({ name: 'x'.repeat(65_536) }),
      /^cannot create snapshot .*: the name is longer than 65535 bytes$/,
    ],
    ['apply an unknown one', (image) => image.applySnapshot('c'), /^there is no snapshot "c": the image has "a", "b"$/],
    [
      'delete an unknown one',
      (image) => image.deleteSnapshot('c'),
      /^there is no snapshot "c": the image has "a", "b"$/,
    ],
    [
      'VM state that passes what an L1 table can map',
      (image) => image.writeVmState(2 ** 50, new Uint8Array(512)),
      /L1 table would need \d+ bytes; the limit is 33554432$/,
    ],
    [
      'VM state before its start',
      (image) => image.writeVmState(-512, new Uint8Array(512)),
      /^VM state offset -512 is not an integer from 0 on$/,
    ],
    ['VM state size below 0', (image) => image.createSnapshot({ name: 'c', vmStateBytes: -1 }), /VM state/],
    ['VM state size no integer', (image) => image.createSnapshot({ name: 'c', vmStateBytes: 1.5 }), /VM state/],
    ['VM state size past 2^53', (image) => image.createSnapshot({ name: 'c', vmStateBytes: 2 ** 60 }), /VM state/],
    ['date out of range', (image) => image.createSnapshot({ name: 'c', dateSeconds: 2 ** 33 }), /date/],
  ];
  for (const [title, request, message] of requests) {
    test(title, () => {
      const { image, memory } = imageWithSnapshots();
      const before = memory.bytes();
      assert.throws(
        () => request(image),
        (error) => {
          assert.ok(error instanceof Qcow2Error, String(error));
          assert.match(error.message, message);
          assert.equal(error.code, 'INVALID_ARGUMENT');
          return true;
        },
      );
      image.close();
      requireEqual(memory.bytes(), before, 'the file is as it was');
    });
  }
});

describe('snapshot tables that cannot be: refused at open', () => {
  const SNAPSHOT_COUNT = 60;
  const SNAPSHOTS_OFFSET = 64;
  const damages: [title: string, damage: (view: DataView, table: number) => void, message: RegExp][] = [
    [
      'behind the end of the file',
      (view) => view.setBigUint64(SNAPSHOTS_OFFSET, 1n << 40n),
      /past the end of the file/,
    ],
    ['not on a cluster', (view) => view.setBigUint64(SNAPSHOTS_OFFSET, 4097n), /snapshot table offset 4097 invalid/],
    [
      'in the header',
      (view) => view.setBigUint64(SNAPSHOTS_OFFSET, 0n),
      /snapshot table offset 0 invalid: that is the header/,
    ],
    ['too many', (view) => view.setUint32(SNAPSHOT_COUNT, 65_537), /snapshot table too large \(65537 snapshots/],
    ['more than there are', (view) => view.setUint32(SNAPSHOT_COUNT, 60_000), /snapshot table/],
    [
      'an L1 table off its cluster',
      (view, table) => view.setBigUint64(table, 100n),
      /entry 0: L1 table offset 100 invalid/,
    ],
    [
      'an L1 table of 5 billion entries',
      (view, table) => view.setUint32(table + 8, 0xffff_ffff),
      /entry 0: L1 table too large/,
    ],
    ['extra data of 4 GB', (view, table) => view.setUint32(table + 36, 0xffff_ffff), /too much extra metadata/],
  ];
  for (const [title, damage, message] of damages) {
    test(title, () => {
      const { image, memory } = imageWithSnapshots();
      image.close();
      const bytes = memory.bytes();
      const view = new DataView(bytes.buffer);
      damage(view, Number(view.getBigUint64(SNAPSHOTS_OFFSET)));
      const file = new MemoryFile('damaged', bytes);
      assert.throws(
        () => openImage(file),
        (error) => error instanceof Qcow2Error && message.test(error.message),
      );
      requireEqual(file.bytes(), bytes, 'the file is as it was');
    });
  }

  test("a snapshot's L1 table behind the end of the file: refused when it is used", () => {
    const { image, memory } = imageWithSnapshots();
    image.close();
    const bytes = memory.bytes();
    const view = new DataView(bytes.buffer);
    view.setBigUint64(Number(view.getBigUint64(SNAPSHOTS_OFFSET)), 1n << 40n);
    for (const use of ['applySnapshot', 'deleteSnapshot'] as const) {
      const file = new MemoryFile('damaged', bytes);
      assert.throws(
        () => openImage(file)[use]('a'),
        (error) => error instanceof Qcow2Error && error.code === 'CORRUPT',
        use,
      );
      requireEqual(file.bytes(), bytes, `${use}: the file is as it was`);
    }
  });

  test("a snapshot's L1 table that is the active one, or other metadata: refused when it is used", () => {
    const { image, memory } = imageWithSnapshots();
    image.close();
    for (const place of [40, 48]) {
      const bytes = memory.bytes();
      const view = new DataView(bytes.buffer);
      view.setBigUint64(Number(view.getBigUint64(SNAPSHOTS_OFFSET)), view.getBigUint64(place));
      for (const use of ['applySnapshot', 'deleteSnapshot'] as const) {
        const file = new MemoryFile('damaged', bytes);
        assert.throws(
          () => openImage(file)[use]('a'),
          (error) => error instanceof Qcow2Error && error.code === 'CORRUPT',
          `${use}, header field ${place}`,
        );
        requireEqual(file.bytes(), bytes, `${use}: the file is as it was`);
      }
    }
  });
});

test('a table that is free again is not written over the snapshot table that took its cluster', () => {
  const file = new MemoryFile('disk');
  createImage(file, { sizeBytes: MiB / 2, clusterSizeBytes: KiB });
  // Two slices to a table: the new snapshot table is shorter than one, and the other one is dirty too.
  const image = openImage(file, { policy: 'writeback', l2CacheEntryBytes: 512, l2CacheTables: 8 });
  image.createSnapshot({ name: 'stays', dateSeconds: 0 });
  for (const offset of [0, 64 * KiB]) image.write(offset, patternBytes(1, 4 * KiB));
  image.createSnapshot({ name: 'goes', dateSeconds: 0 });
  for (const offset of [0, 64 * KiB]) image.write(offset, patternBytes(2, KiB));
  image.deleteSnapshot('goes');
  image.close();
  assert.deepEqual(checkImage(file).findings, []);
  assert.deepEqual(
    openImage(file)
      .listSnapshots()
      .map(({ name }) => name),
    ['stays'],
  );
});
