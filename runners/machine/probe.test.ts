import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DEFAULT_HOST, DeviceModelFile, type DeviceParameters, KiB, MemoryFile, MiB } from '../../engine/index.ts';
import { LatencyHistogram } from '../../results/histogram.ts';
import type { Histogram } from '../../results/record.ts';
import { seededRandom } from '../../results/statistics-random.ts';
import { UsageError } from '../console/errors.ts';
import { PROBED, type Probed, probeStorage, probeSyncs, type StorageProbe } from './probe.ts';
import { fitDeviceModel, fitStorageCosts } from './probe-fit.ts';
import { syncsLookReal } from './probe-reality.ts';

const EXT4 = { type: 'ext4', mountOptions: 'rw', tmpfs: false };

describe('probing a directory', () => {
  let directory: string;
  before(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  });
  after(() => fs.rmSync(directory, { recursive: true, force: true }));

  test('each kind of operation is measured once a round, and nothing is left behind', () => {
    const probe = probeStorage(directory, { roundsMax: 3, timeMs: 60_000 });
    assert.equal(probe.rounds, 3);
    for (const name of PROBED) {
      // O_DIRECT may be refused; then there is no histogram, not an empty one.
      if (probe.latencies[name] === null) assert.match(name, /^deviceRead/);
      else assert.equal(probe.latencies[name].count, 3, name);
    }
    assert.ok(probe.writeBytesPerSecond > 0);
    assert.deepEqual(fs.readdirSync(directory), []);
    for (const value of Object.values(fitStorageCosts(probe))) assert.ok(Number.isSafeInteger(value) && value >= 0);
  });

  test('the quick look measures syncs alone, in a file of one block, and judges them alike', () => {
    const { samples, medianNs, p99Ns, looksReal } = probeSyncs(directory);
    assert.ok(samples >= 1 && samples <= 50);
    assert.ok(medianNs > 0 && medianNs <= p99Ns);
    assert.equal(typeof looksReal, 'boolean');
    assert.deepEqual(fs.readdirSync(directory), []);
  });

  test('no time at all still gives one round', () => {
    assert.equal(probeStorage(directory, { timeMs: 0 }).rounds, 1);
  });

  test('a directory that is not there, or is a file, is one clear line', () => {
    const file = path.join(directory, 'file');
    fs.writeFileSync(file, '');
    for (const bad of [path.join(directory, 'missing'), file]) {
      assert.throws(
        () => probeStorage(bad),
        (error) =>
          error instanceof UsageError &&
          error.message.startsWith(`cannot write in ${bad}: `) &&
          !error.message.includes('\n'),
      );
    }
    fs.rmSync(file);
  });
});

describe('do syncs look real', () => {
  const latencies = (small: number, large: number) => ({
    syncOverwrite4K: { p50Ns: small },
    syncOverwrite1M: { p50Ns: large },
  });

  test('a device: 150 us, and longer for more bytes', () => {
    assert.deepEqual(syncsLookReal(EXT4, latencies(150_000, 470_000)), { real: true, reasons: [] });
  });

  test('each sign by itself', () => {
    const tmpfs = syncsLookReal({ ...EXT4, type: 'tmpfs', tmpfs: true }, latencies(150_000, 470_000));
    assert.deepEqual(tmpfs.reasons, ['tmpfs keeps its files in memory']);
    assert.match(syncsLookReal(EXT4, latencies(900, 470_000)).reasons.join(), /^a sync of 4 KiB takes 900 ns/);
    assert.match(syncsLookReal(EXT4, latencies(150_000, 160_000)).reasons.join(), /^a sync of 1 MiB takes no longer/);
  });
});

const KNOWN: DeviceParameters = {
  name: 'known',
  description: 'to be found again',
  readCommandNs: 90_000,
  writeCommandNs: 70_000,
  readPsPerByte: 800,
  writePsPerByte: 300,
  queueDepth: 8,
  commandBytesMax: MiB,
  commandIntervalNs: 0,
  volatileCacheBytes: 0,
  flushNs: 60_000,
  emptyFlushNs: 60_000,
  destagePsPerByte: 0,
  growthSyncNs: 150_000,
  allocationSyncNs: 110_000,
  mechanics: null,
};

/** What a probe of the known device measures, by doing what the probe does on its model. */
function probeOfKnown(): StorageProbe {
  const inner = () => new MemoryFile('known', new Uint8Array(8 * MiB));
  const cached = new DeviceModelFile(inner(), { device: KNOWN, hostCacheMode: 'writeback' });
  const durable = new DeviceModelFile(inner(), { device: KNOWN, hostCacheMode: 'writethrough' });
  const direct = new DeviceModelFile(inner(), { device: KNOWN, hostCacheMode: 'none' });
  const took = (file: DeviceModelFile, action: () => void): Histogram => {
    const start = file.elapsedNs();
    action();
    const histogram = new LatencyHistogram();
    histogram.record(file.elapsedNs() - start);
    return histogram.summary()!;
  };
  const write = (offset: number, bytes: number) =>
    took(cached, () => cached.write(offset, new Uint8Array(bytes), 'data'));
  const sync = () => took(cached, () => cached.sync('other'));
  const latencies: Partial<Record<Probed, Histogram>> = { syncClean: sync() };
  latencies.cachedWrite4K = write(0, 4 * KiB);
  latencies.syncOverwrite4K = sync();
  write(0, 64 * KiB);
  latencies.syncOverwrite64K = sync();
  latencies.cachedWrite1M = write(0, MiB);
  latencies.syncOverwrite1M = sync();
  for (let index = 0; index < 16; index++) write(index * 512 * KiB, 4 * KiB);
  latencies.syncScattered = sync();
  write(8 * MiB, 4 * KiB);
  latencies.syncAppend = sync();
  cached.truncate(16 * MiB);
  sync();
  write(12 * MiB, 4 * KiB);
  latencies.syncHole = sync();
  latencies.durableWrite = took(durable, () => durable.write(0, new Uint8Array(4 * KiB), 'data'));
  cached.read(0, new Uint8Array(4 * KiB), 'data');
  latencies.cachedRead4K = took(cached, () => cached.read(0, new Uint8Array(4 * KiB), 'data'));
  latencies.deviceRead4K = took(direct, () => direct.read(0, new Uint8Array(4 * KiB), 'data'));
  latencies.deviceRead1M = took(direct, () => direct.read(0, new Uint8Array(MiB), 'data'));
  return {
    fileSystem: EXT4,
    rounds: 1,
    latencies: latencies as Record<Probed, Histogram>,
    writeBytesPerSecond: 1,
    reality: { real: true, reasons: [] },
  };
}

/** Virtual time of a seeded mix of overwrites, appends, holes, reads and syncs. */
function replayNs(device: DeviceParameters, host = DEFAULT_HOST): number {
  const random = seededRandom(4);
  const file = new DeviceModelFile(new MemoryFile('mix', new Uint8Array(4 * MiB)), {
    device,
    host,
    hostCacheMode: 'writeback',
  });
  for (let step = 0; step < 2000; step++) {
    const place = random.below(1024) * 4 * KiB;
    const kind = random.below(10);
    if (kind < 5) file.write(place, new Uint8Array(4 * KiB * (1 + random.below(16))), 'data');
    else if (kind < 7) file.read(place, new Uint8Array(4 * KiB), 'data');
    else if (kind === 7) file.write(file.sizeBytes(), new Uint8Array(64 * KiB), 'data');
    else file.sync('other');
  }
  return file.elapsedNs();
}

describe('fitting the device model to a probe', () => {
  test('finds the parameters of a known device again, within the 1 % of a histogram bin', () => {
    const { device, host } = fitDeviceModel(probeOfKnown());
    const close = (actual: number, expected: number, share: number, what: string) =>
      assert.ok(Math.abs(actual - expected) <= share * expected, `${what}: ${actual}, not ${expected}`);
    close(device.flushNs, KNOWN.flushNs + DEFAULT_HOST.syncCallNs, 0.02, 'flush');
    close(device.writeCommandNs, KNOWN.writeCommandNs, 0.04, 'write command');
    close(device.writePsPerByte, KNOWN.writePsPerByte, 0.02, 'write bandwidth');
    close(device.readCommandNs, KNOWN.readCommandNs, 0.03, 'read command');
    close(device.readPsPerByte, KNOWN.readPsPerByte, 0.02, 'read bandwidth');
    close(device.growthSyncNs, KNOWN.growthSyncNs, 0.03, 'growth');
    close(device.allocationSyncNs, KNOWN.allocationSyncNs, 0.03, 'allocation');
    close(host.copyPsPerByte, DEFAULT_HOST.copyPsPerByte, 0.03, 'copy');
    assert.equal(device.queueDepth, KNOWN.queueDepth);
  });

  test('the fitted device takes the time of the known one on another stream of operations, within 3 %', () => {
    const { device, host } = fitDeviceModel(probeOfKnown());
    const ratio = replayNs(device, host) / replayNs(KNOWN);
    assert.ok(Math.abs(ratio - 1) < 0.03, `ratio ${ratio}`);
  });

  test('cost model: the durable write and the sync of the same storage, without their bytes', () => {
    const costs = fitStorageCosts(probeOfKnown());
    assert.ok(Math.abs(costs.syncNs - 131_000) < 3000, `${costs.syncNs}`);
    assert.ok(Math.abs(costs.odsyncWriteNs - 131_300) < 3000, `${costs.odsyncWriteNs}`);
  });

  test('where O_DIRECT is refused, device reads cost what is known: nothing', () => {
    const probe = probeOfKnown();
    const { device } = fitDeviceModel({
      ...probe,
      latencies: { ...probe.latencies, deviceRead4K: null, deviceRead1M: null },
    });
    assert.equal(device.readCommandNs, 0);
    assert.equal(device.readPsPerByte, 0);
  });
});
