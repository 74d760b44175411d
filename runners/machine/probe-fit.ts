/**
 * Turns a probe into parameters: of the device model, which replays an exact stream of operations, and of the cost
 * model, which explains a run from its counts. Medians, because a probe is short and one hiccup must not set a price.
 */
import { type DeviceParameters, type HostParameters, KiB, MiB } from '../../engine/index.ts';
import type { StorageCosts } from '../../results/cost-model.ts';
import type { Probed, StorageProbe } from './probe.ts';

export interface FittedModel {
  readonly device: DeviceParameters;
  readonly host: HostParameters;
}

/** Commands that the probe's scattered write-out sends. */
const SCATTERED = 16;
const SMALL_BYTES = 4 * KiB;

/** The device and host parameters under which the model takes the probe's own median times. */
export function fitDeviceModel(probe: StorageProbe): FittedModel {
  const median = mediansOf(probe);
  const write = line(SMALL_BYTES, median('syncOverwrite4K'), MiB, median('syncOverwrite1M'));
  const copy = line(SMALL_BYTES, median('cachedWrite4K'), MiB, median('cachedWrite1M'));
  const read = line(SMALL_BYTES, median('deviceRead4K', 0), MiB, median('deviceRead1M', 0));
  // A sync after an overwrite is a command and a flush; what a clean sync takes is the flush.
  const flushNs = Math.min(median('syncClean'), write.baseNs);
  const commandNs = write.baseNs - flushNs;
  const readCallNs = Math.max(0, median('cachedRead4K') - bytesNs(SMALL_BYTES, copy.psPerByte));
  return {
    device: {
      name: 'probed',
      description: `this storage (${probe.fileSystem.type}), from ${probe.rounds} rounds of probing`,
      readCommandNs: Math.max(0, read.baseNs - readCallNs),
      writeCommandNs: commandNs,
      readPsPerByte: read.psPerByte,
      writePsPerByte: write.psPerByte,
      queueDepth: fitQueueDepth(median('syncScattered') - flushNs, commandNs, write.psPerByte),
      commandBytesMax: MiB,
      commandIntervalNs: 0,
      // What a flush moves out of a cache is already in the measured time for the bytes.
      volatileCacheBytes: 0,
      flushNs,
      emptyFlushNs: median('syncClean'),
      destagePsPerByte: 0,
      growthSyncNs: Math.max(0, median('syncAppend') - median('syncOverwrite4K')),
      allocationSyncNs: Math.max(0, median('syncHole') - median('syncOverwrite4K')),
      mechanics: null,
    },
    host: {
      readCallNs,
      writeCallNs: copy.baseNs,
      // Part of every measured sync.
      syncCallNs: 0,
      copyPsPerByte: copy.psPerByte,
      dirtyBytesMax: 256 * MiB,
    },
  };
}

/** The same storage in the terms of the cost model. */
export function fitStorageCosts(probe: StorageProbe): StorageCosts {
  const { device, host } = fitDeviceModel(probe);
  const durableNs = mediansOf(probe)('durableWrite') - bytesNs(SMALL_BYTES, device.writePsPerByte + host.copyPsPerByte);
  return {
    syncNs: device.flushNs + device.writeCommandNs,
    cleanSyncNs: device.emptyFlushNs,
    growthSyncNs: device.growthSyncNs,
    writeOutPsPerByte: device.writePsPerByte,
    odsyncWriteNs: Math.max(0, durableNs),
    writeCallNs: host.writeCallNs,
    readCallNs: host.readCallNs,
    copyPsPerByte: host.copyPsPerByte,
  };
}

/** Medians by name, in whole nanoseconds; `missing` where nothing could be measured. */
function mediansOf(probe: StorageProbe): (name: Probed, missing?: number) => number {
  return (name, missing) => {
    const histogram = probe.latencies[name];
    if (histogram !== null) return histogram.p50Ns;
    if (missing === undefined) throw new RangeError(`the probe has no ${name}`);
    return missing;
  };
}

/** The line through two measured points: what no byte costs, and each byte more. Never negative. */
function line(smallBytes: number, smallNs: number, largeBytes: number, largeNs: number) {
  const psPerByte = Math.max(0, Math.round(((largeNs - smallNs) * 1000) / (largeBytes - smallBytes)));
  return { psPerByte, baseNs: Math.max(0, smallNs - bytesNs(smallBytes, psPerByte)) };
}

function bytesNs(bytes: number, psPerByte: number): number {
  return Math.ceil((bytes * psPerByte) / 1000);
}

/** How many commands overlap, so that `SCATTERED` commands take `scatteredNs`. */
function fitQueueDepth(scatteredNs: number, commandNs: number, psPerByte: number): number {
  if (commandNs === 0) return SCATTERED;
  const waits = (scatteredNs - bytesNs(SCATTERED * SMALL_BYTES, psPerByte)) / commandNs;
  return Math.min(SCATTERED, Math.max(1, Math.round(SCATTERED / Math.max(1, waits))));
}
