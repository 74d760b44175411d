/** A raw file as a disk: read, written, zeroed and mapped; never longer than it was. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { CountingFile } from '../instruments/counting-file.ts';
import { FaultFile } from '../instruments/fault-file.ts';
import { openFile } from '../io/file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { deviceSuite } from '../testing/device-suite.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { perform } from './perform.ts';
import { RawDisk } from './raw-disk.ts';

const isLinux = process.platform === 'linux';

function memory(sizeBytes: number): MemoryFile {
  return new MemoryFile('memory', new Uint8Array(sizeBytes));
}

deviceSuite('raw disk', {
  oddBytes: 200_001,
  file: memory,
  open: (file) => new RawDisk(file),
  openReadOnly: (file) => new RawDisk(new MemoryFile('memory', (file as MemoryFile).bytes(), { readOnly: true })),
});

test('a flush with nothing written since the last one that succeeded costs nothing', () => {
  const counting = new CountingFile(memory(4096));
  const disk = new RawDisk(counting);
  const syncs = () => counting.counts.fsyncs;
  disk.flush();
  assert.equal(syncs(), 0, 'as it was opened');
  disk.write(0, new Uint8Array(512));
  disk.flush();
  disk.flush();
  disk.read(0, new Uint8Array(512));
  disk.flush();
  assert.equal(syncs(), 1);
  disk.discard(0, 512);
  disk.flush();
  disk.writeZeroes(0, 1024);
  disk.flush();
  disk.flush();
  assert.equal(syncs(), 3);
});

test('with O_DSYNC a flush after writes costs nothing; after a discard it does', () => {
  const counting = new CountingFile(new MemoryFile('m', new Uint8Array(4096), { writesAreDurable: true }));
  const disk = new RawDisk(counting);
  disk.write(0, new Uint8Array(512));
  disk.flush();
  assert.equal(counting.counts.fsyncs, 0);
  disk.discard(0, 512);
  disk.flush();
  assert.equal(counting.counts.fsyncs, 1);
});

test('a flush after one that failed is tried again, and fails', () => {
  const faulty = new FaultFile(memory(4096), { kind: 'EIO', position: 1, forGood: false, only: 'guest-flush' });
  const disk = new RawDisk(faulty);
  disk.write(0, new Uint8Array(512));
  for (let again = 0; again < 2; again++) assert.throws(() => disk.flush(), { code: 'IO' });
});

test('no request makes the file longer', () => {
  const file = memory(1000);
  const disk = new RawDisk(file);
  disk.write(0, new Uint8Array(1000).fill(1));
  disk.write(999, Uint8Array.of(2));
  disk.writeZeroes(600, 400);
  disk.discard(0, 1000);
  assert.equal(file.sizeBytes(), 1000);
});

test('with O_DIRECT a write may start and end inside a sector', { skip: !isLinux }, () => {
  const folder = fs.mkdtempSync('cowbench-');
  try {
    const name = `${folder}/a.raw`;
    fs.writeFileSync(name, new Uint8Array(8192).fill(7));
    const disk = new RawDisk(openFile(name, { mode: 'none' }));
    disk.write(500, new Uint8Array(1000).fill(9));
    disk.close();
    const expected = new Uint8Array(8192).fill(7).fill(9, 500, 1500);
    assert.ok(fs.readFileSync(name).equals(expected));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test('zeros are made by the file system, or written where it cannot, or refused where that must be quick', {
  skip: !isLinux,
}, () => {
  using folder = new QemuFolder();
  const disk = new RawDisk(openFile(folder.write('a.raw', new Uint8Array(65_536).fill(1))));
  disk.writeZeroes(0, 16_384, { mayUnmap: true, fast: true });
  disk.writeZeroes(16_384, 16_384, { fast: true });
  disk.close();
  assert.ok(
    fs
      .readFileSync(folder.file('a.raw'))
      .subarray(0, 32_768)
      .every((byte) => byte === 0),
  );
  assert.ok(
    fs
      .readFileSync(folder.file('a.raw'))
      .subarray(32_768)
      .every((byte) => byte === 1),
  );

  const plain = new MemoryFile('memory', new Uint8Array(4096).fill(1));
  const slow = new RawDisk(Object.assign(plain, { punchHole: () => false }));
  assert.throws(() => slow.writeZeroes(0, 4096, { mayUnmap: true, fast: true }), { code: 'UNSUPPORTED' });
  assert.deepEqual(slow.discard(0, 4096), { offset: 0, lengthBytes: 0 });
  assert.ok(
    plain.bytes().every((byte) => byte === 1),
    'nothing was changed',
  );
  slow.writeZeroes(0, 4096);
  assert.ok(plain.bytes().every((byte) => byte === 0));
});

test('a raw disk tells its holes', { skip: !isLinux }, () => {
  using folder = new QemuFolder();
  const name = folder.write('a.raw', new Uint8Array(0));
  fs.truncateSync(name, 1_048_576);
  const descriptor = fs.openSync(name, 'r+');
  fs.writeSync(descriptor, new Uint8Array(65_536).fill(1), 0, 65_536, 262_144);
  fs.closeSync(descriptor);
  const disk = new RawDisk(openFile(name, { readOnly: true }));
  const found = [];
  for (let at = 0; at < disk.sizeBytes; at += found.at(-1)!.lengthBytes) found.push(disk.map(at, disk.sizeBytes - at));
  disk.close();
  assert.deepEqual(
    found.map(({ offset, lengthBytes, stored }) => [offset, lengthBytes, stored]),
    [
      [0, 262_144, 'zero'],
      [262_144, 65_536, 'data'],
      [327_680, 720_896, 'zero'],
    ],
  );
});

test('what only an image can do is UNSUPPORTED, naming file and request', () => {
  const disk = new RawDisk(memory(4096));
  const refused = { code: 'UNSUPPORTED', message: 'memory is a raw disk: it cannot do snapshot-create' };
  assert.throws(() => perform(disk, { op: 'snapshot-create', name: 'a' }, new Uint8Array(0)), refused);
});
