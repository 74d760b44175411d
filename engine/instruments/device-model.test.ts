import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GiB, KiB, MiB } from '../base/units.ts';
import type { HostCacheMode } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { DeviceModelFile } from './device-model.ts';
import { PAGE_BYTES } from './device-model-pages.ts';
import { type DeviceParameters, MODELLED_DEVICES } from './device-model-parameters.ts';

function deviceNamed(name: string): DeviceParameters {
  return MODELLED_DEVICES.find((device) => device.name === name)!;
}

/** A file of any size that keeps no bytes: for devices larger than memory. */
class EmptyFile extends ForwardingFile {
  #endBytes: number;
  constructor(sizeBytes: number) {
    super(new MemoryFile());
    this.#endBytes = sizeBytes;
  }
  override sizeBytes(): number {
    return this.#endBytes;
  }
  override read(): void {}
  override write(offset: number, from: Uint8Array): void {
    this.#endBytes = Math.max(this.#endBytes, offset + from.length);
  }
}

function modelled(name: string, hostCacheMode: HostCacheMode = 'writeback', sizeBytes = 0) {
  const file = new DeviceModelFile(new EmptyFile(sizeBytes), { device: deviceNamed(name), hostCacheMode });
  /** Virtual duration of `action`. */
  const took = (action: () => void): number => {
    const start = file.elapsedNs();
    action();
    return file.elapsedNs() - start;
  };
  return {
    file,
    took,
    write: (offset: number, lengthBytes = PAGE_BYTES) =>
      took(() => file.write(offset, new Uint8Array(lengthBytes), 'data')),
    read: (offset: number, lengthBytes = PAGE_BYTES) =>
      took(() => file.read(offset, new Uint8Array(lengthBytes), 'data')),
    sync: () => took(() => file.sync('guest-flush')),
  };
}

describe('NVMe with power-loss protection, by hand', () => {
  const call = 1300;
  const copy = 410; // 4096 B at 100 ps, rounded up
  const command = 15_000 + 1024; // and 4096 B at 250 ps
  const flush = 10_000;

  test('writeback: a write is a copy, the sync writes out and flushes, growth and holes cost a journal commit', () => {
    const { file, write, sync } = modelled('nvme-plp');
    assert.equal(write(0), call + copy);
    assert.equal(sync(), 1000 + command + flush + 40_000, 'the file grew');
    assert.equal(write(0), call + copy);
    assert.equal(sync(), 1000 + command + flush, 'an overwrite');
    assert.equal(sync(), 1000 + flush, 'nothing to write out');
    file.truncate(MiB);
    assert.equal(sync(), 1000 + flush + 40_000, 'a new size');
    write(512 * KiB);
    assert.equal(sync(), 1000 + command + flush + 40_000, 'a hole filled');
  });

  test('holes of the file below are no place on the device: the first write there is metadata', () => {
    class Sparse extends EmptyFile {
      override extentAt(offset: number) {
        return { isHole: offset < MiB, endOffset: offset < MiB ? MiB : 2 * MiB };
      }
    }
    const file = new DeviceModelFile(new Sparse(2 * MiB), {
      device: deviceNamed('nvme-plp'),
      hostCacheMode: 'writeback',
      knowsHoles: true,
    });
    const synced = (offset: number) => {
      file.write(offset, new Uint8Array(PAGE_BYTES), 'data');
      const start = file.elapsedNs();
      file.sync('guest-flush');
      return file.elapsedNs() - start;
    };
    assert.equal(synced(0), 1000 + command + flush + 40_000, 'a hole filled');
    assert.equal(synced(0), 1000 + command + flush, 'an overwrite');
    assert.equal(synced(MiB), 1000 + command + flush, 'an overwrite of what was there');
  });

  test('space taken ahead spares the growth, not the first write into it', () => {
    const { file, took, write, read, sync } = modelled('nvme-plp');
    assert.equal(
      took(() => file.preallocate(0, 16 * PAGE_BYTES)),
      call,
    );
    assert.equal(sync(), 1000 + flush + 40_000, 'the file grew');
    assert.equal(read(0), 1000 + copy, 'nothing to read yet');
    write(0);
    assert.equal(sync(), 1000 + command + flush + 40_000, 'the blocks hold something now');
    write(0);
    assert.equal(sync(), 1000 + command + flush, 'an overwrite');
    file.preallocate(0, 16 * PAGE_BYTES);
    write(0);
    assert.equal(sync(), 1000 + command + flush + 40_000, 'space was taken');
  });

  test('writethrough: every write pays for its sync, a sync has nothing left to do', () => {
    const { file, write, sync } = modelled('nvme-plp', 'writethrough');
    assert.equal(file.writesAreDurable, true);
    write(0);
    assert.equal(write(0), call + copy + command + flush);
    assert.equal(sync(), 1000 + flush);
  });

  test('none: no copy, the write goes to the device, the sync only flushes', () => {
    const { write, sync } = modelled('nvme-plp', 'none', MiB);
    assert.equal(write(0), call + command);
    assert.equal(sync(), 1000 + flush);
  });

  test('directsync: both at once', () => {
    assert.equal(modelled('nvme-plp', 'directsync', MiB).write(0), call + command + flush);
  });

  test('unsafe: syncs take no time and are not reported', () => {
    const { file, write, sync } = modelled('nvme-plp', 'unsafe');
    write(0);
    assert.equal(sync(), 0);
    assert.equal(file.ignoresSyncs, true);
  });

  test('reads: from the page cache, from the device once, and nothing from a hole', () => {
    const { file, read, write } = modelled('nvme-plp', 'writeback', MiB);
    const cached = 1000 + copy;
    assert.equal(read(0), cached + 80_000 + 631);
    assert.equal(read(0), cached);
    write(8192);
    assert.equal(read(8192), cached);
    file.truncate(2 * MiB);
    assert.equal(read(MiB), cached, 'a hole');
    assert.equal(modelled('nvme-plp', 'none', MiB).read(0), 1000 + 80_000 + 631);
  });

  test('neighbouring dirty pages are one command, scattered ones overlap up to the queue depth', () => {
    const joined = modelled('nvme-plp', 'writeback', GiB);
    for (let page = 0; page < 128; page++) joined.write(page * PAGE_BYTES);
    assert.equal(joined.sync(), 1000 + 15_000 + 131_072 + flush);
    const scattered = modelled('nvme-plp', 'writeback', GiB);
    for (let page = 0; page < 128; page++) scattered.write(2 * page * PAGE_BYTES);
    assert.equal(scattered.sync(), 1000 + 2 * 15_000 + 131_072 + flush);
  });

  test('what is discarded before a sync is not written out', () => {
    const { file, write, sync } = modelled('nvme-plp', 'writeback', MiB);
    write(0);
    assert.equal(file.punchHole(0, PAGE_BYTES), true);
    assert.equal(sync(), 1000 + 10_000 + 40_000, 'the hole is metadata');
    file.truncate(0);
    sync();
    write(0);
    file.truncate(0);
    assert.equal(sync(), 1000 + flush + 40_000);
  });

  test('more dirty pages than the host keeps: the writer waits for the write-out', () => {
    const { file } = modelled('nvme-plp', 'writeback', GiB);
    const host = { readCallNs: 0, writeCallNs: 0, syncCallNs: 0, copyPsPerByte: 0, dirtyBytesMax: 4 * PAGE_BYTES };
    const small = new DeviceModelFile(file, { device: deviceNamed('nvme-plp'), hostCacheMode: 'writeback', host });
    const page4K = new Uint8Array(PAGE_BYTES);
    for (let page = 0; page < 4; page++) small.write(page * PAGE_BYTES, page4K, 'data');
    assert.equal(small.elapsedNs(), 0);
    small.write(4 * PAGE_BYTES, page4K, 'data');
    assert.equal(small.elapsedNs(), 15_000 + 5120);
  });
});

describe('7200 rpm disk', () => {
  test('overwriting one block with a sync each takes exactly one revolution: 120 a second', () => {
    const { file, write, sync } = modelled('hdd-7200', 'writeback', MiB);
    const ends = Array.from({ length: 10 }, () => {
      write(0);
      sync();
      return file.elapsedNs();
    });
    for (let i = 1; i < ends.length; i++) assert.equal(ends[i]! - ends[i - 1]!, 8_333_333);
  });

  test('random reads over 1 TB: 70 to 90 a second, the known figure of such drives', () => {
    const size = 1e12;
    let place = 1;
    const offsets = Array.from({ length: 2000 }, () => {
      place = (place * 48_271) % 2_147_483_647;
      return Math.floor((place / 2_147_483_647) * (size / PAGE_BYTES)) * PAGE_BYTES;
    });
    const onDisk = modelled('hdd-7200', 'none');
    for (const offset of offsets) onDisk.write(offset);
    onDisk.sync();
    const meanNs = offsets.reduce((sum, offset) => sum + onDisk.read(offset), 0) / offsets.length;
    assert.ok(1e9 / meanNs > 70 && 1e9 / meanNs < 90, `${1e9 / meanNs} reads a second`);
  });

  test('streaming runs at the medium rate of 150 MB/s, scattered write-out far below, a nearer seek is shorter', () => {
    const streaming = modelled('hdd-7200', 'writeback', GiB);
    streaming.write(0, 64 * MiB);
    const rate = (64 * MiB * 1e3) / streaming.sync();
    assert.ok(rate > 140 && rate < 151, `${rate} MB/s`);
    const scattered = (stepBytes: number) => {
      const disk = modelled('hdd-7200', 'writeback', GiB);
      for (let i = 0; i < 100; i++) disk.write(i * stepBytes);
      return disk.sync();
    };
    assert.ok(scattered(8 * MiB) > 100_000_000);
    assert.ok(scattered(8 * MiB) > scattered(64 * KiB));
  });

  test('a read that continues the last one comes from the track buffer, unless the arm has written elsewhere', () => {
    const { read, write, sync } = modelled('hdd-7200', 'none', GiB);
    const fromBuffer = 1000 + 50_000 + 27_307; // 4096 B at the medium rate
    assert.ok(read(0) > fromBuffer);
    assert.equal(read(PAGE_BYTES), fromBuffer);
    write(512 * MiB);
    sync();
    assert.ok(read(2 * PAGE_BYTES) > fromBuffer + 1_000_000);
    assert.ok(read(0) > fromBuffer);
  });

  test('the write cache drains by itself when it is full', () => {
    const { write, sync } = modelled('hdd-7200', 'none', GiB);
    write(0, 60 * MiB);
    assert.ok(write(60 * MiB, 8 * MiB) > 0.4e9);
    assert.ok(sync() < 0.02e9);
  });
});

describe('other classes', () => {
  test('SATA SSD without protection: a write is accepted at once, the flush is what costs', () => {
    const { write, sync } = modelled('sata-ssd-no-plp', 'none', MiB);
    assert.ok(write(0) < 50_000);
    assert.equal(sync(), 1000 + 2_000_000 + 5776);
    assert.equal(sync(), 1000 + 100_000);
  });

  test('network volume: 3 000 operations a second and 125 MiB/s are ceilings', () => {
    const scattered = modelled('network-block', 'writeback', GiB);
    for (let i = 0; i < 3000; i++) scattered.write(2 * i * PAGE_BYTES);
    assert.equal(scattered.sync(), 1000 + 3000 * 333_333);
    const streaming = modelled('network-block', 'writeback', GiB);
    streaming.write(0, 125 * MiB);
    const ns = streaming.sync();
    assert.ok(ns > 1e9 && ns < 1.02e9, `${ns}`);
  });

  test('their parameters are whole numbers with a name and a description of their own', () => {
    assert.equal(new Set(MODELLED_DEVICES.map(({ name }) => name)).size, MODELLED_DEVICES.length);
    for (const { name, description, mechanics, ...numbers } of MODELLED_DEVICES) {
      assert.ok(description.length > 0);
      for (const [field, value] of [...Object.entries(numbers), ...Object.entries(mechanics ?? {})]) {
        assert.ok(Number.isSafeInteger(value) && value >= 0, `${name}.${field} is ${value}`);
      }
    }
  });

  test('what it costs to sync each overwrite ranks the classes as everyone measures them', () => {
    const perSync = (name: string) => {
      const { write, sync } = modelled(name, 'writeback', 64 * MiB);
      let total = 0;
      for (let i = 0; i < 50; i++) total += write(((i * 7919) % 16_384) * PAGE_BYTES) + sync();
      return total;
    };
    const order = ['nvme-plp', 'network-block', 'sata-ssd-no-plp', 'hdd-7200'];
    assert.deepEqual(
      order.toSorted((a, b) => perSync(a) - perSync(b)),
      order,
    );
  });
});
