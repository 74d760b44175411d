/**
 * The device below a modelled file: how long its commands take, given all commands before them. It knows nothing of
 * files' contents, page caches or file systems.
 *
 * Every time is a whole number of nanoseconds. The only function beyond the four operations is the square root, which
 * IEEE 754 rounds correctly, so results do not depend on the machine.
 */

import { type Extent, endPage, extentsOf, firstPage, PAGE_BYTES } from './device-model-pages.ts';
import type { DeviceParameters, Mechanics } from './device-model-parameters.ts';

/** Nanoseconds to move `bytes`, rounded up. */
export function transferNs(bytes: number, psPerByte: number): number {
  return Math.ceil((bytes * psPerByte) / 1000);
}

export class ModelledDisk {
  readonly #device: DeviceParameters;
  readonly #arm: Arm | null;
  /** Pages that only the volatile cache holds. */
  readonly #volatilePages = new Set<number>();
  #writtenSinceFlush = false;

  constructor(device: DeviceParameters) {
    this.#device = device;
    this.#arm = device.mechanics === null ? null : new Arm(device.mechanics);
  }

  /** Duration of reading `extents`, sent together at `nowNs`. */
  read(extents: readonly Extent[], nowNs: number): number {
    const device = this.#device;
    const elapsedNs = this.#commandsNs(extents, device.readCommandNs, device.readPsPerByte);
    return elapsedNs + (this.#arm?.read(extents, nowNs + elapsedNs) ?? 0);
  }

  /** Duration until the device has accepted `extents`, sent together at `nowNs`. */
  write(extents: readonly Extent[], nowNs: number): number {
    const device = this.#device;
    this.#writtenSinceFlush ||= extents.length > 0;
    const elapsedNs = this.#commandsNs(extents, device.writeCommandNs, device.writePsPerByte);
    if (device.volatileCacheBytes === 0) return elapsedNs + (this.#arm?.write(extents, nowNs + elapsedNs) ?? 0);
    for (const { offset, lengthBytes } of extents) {
      for (let page = firstPage(offset); page < endPage(offset, lengthBytes); page++) this.#volatilePages.add(page);
    }
    const overflows = this.#volatilePages.size * PAGE_BYTES > device.volatileCacheBytes;
    return elapsedNs + (overflows ? this.#destage(nowNs + elapsedNs) : 0);
  }

  /** Duration of a flush command at `nowNs`: on return everything accepted is on the medium. */
  flush(nowNs: number): number {
    if (!this.#writtenSinceFlush) return this.#device.emptyFlushNs;
    this.#writtenSinceFlush = false;
    return this.#device.flushNs + this.#destage(nowNs + this.#device.flushNs);
  }

  #commandsNs(extents: readonly Extent[], commandNs: number, psPerByte: number): number {
    const { commandBytesMax, queueDepth, commandIntervalNs } = this.#device;
    let commands = 0;
    let bytes = 0;
    for (const { lengthBytes } of extents) {
      commands += Math.ceil(lengthBytes / commandBytesMax);
      bytes += lengthBytes;
    }
    const overlappedNs = commandNs * Math.ceil(commands / queueDepth);
    return Math.max(overlappedNs + transferNs(bytes, psPerByte), commandIntervalNs * commands);
  }

  /** Moves the volatile cache to the medium, in order of offset: one sweep of the arm where there is one. */
  #destage(nowNs: number): number {
    const extents = extentsOf(this.#volatilePages);
    this.#volatilePages.clear();
    if (this.#arm !== null) return this.#arm.write(extents, nowNs);
    const bytes = extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    return transferNs(bytes, this.#device.destagePsPerByte);
  }
}

/**
 * Where the head is, and at which angle the platter is: at time t the byte passing under the head is at
 * (t mod revolution) / revolution of its track.
 */
class Arm {
  readonly #mechanics: Mechanics;
  #headOffset = 0;
  #readAheadFrom = -1;

  constructor(mechanics: Mechanics) {
    this.#mechanics = mechanics;
  }

  write(extents: readonly Extent[], nowNs: number): number {
    this.#readAheadFrom = -1;
    let elapsedNs = 0;
    for (const extent of extents) elapsedNs += this.#access(extent, nowNs + elapsedNs);
    return elapsedNs;
  }

  read(extents: readonly Extent[], nowNs: number): number {
    let elapsedNs = 0;
    for (const extent of extents) {
      // A read that continues the last one finds its bytes in the drive's track buffer.
      const readAhead = extent.offset === this.#readAheadFrom;
      elapsedNs += readAhead ? this.#mediumNs(extent.lengthBytes) : this.#access(extent, nowNs + elapsedNs);
      this.#headOffset = extent.offset + extent.lengthBytes;
      this.#readAheadFrom = this.#headOffset;
    }
    return elapsedNs;
  }

  #access(extent: Extent, nowNs: number): number {
    const { revolutionNs } = this.#mechanics;
    const seekNs = this.#seekNs(Math.abs(extent.offset - this.#headOffset));
    const angleNs = (nowNs + seekNs) % revolutionNs;
    const waitNs = (this.#angleNs(extent.offset) - angleNs + revolutionNs) % revolutionNs;
    this.#headOffset = extent.offset + extent.lengthBytes;
    return seekNs + waitNs + this.#mediumNs(extent.lengthBytes);
  }

  #seekNs(distanceBytes: number): number {
    const { trackBytes, trackToTrackNs, seekRootNs, fullStrokeNs } = this.#mechanics;
    const tracks = Math.floor(distanceBytes / trackBytes);
    if (tracks === 0) return 0;
    return Math.min(fullStrokeNs, trackToTrackNs + Math.floor(seekRootNs * Math.sqrt(tracks)));
  }

  /** When in a revolution the byte at `offset` passes under the head. */
  #angleNs(offset: number): number {
    const { trackBytes, revolutionNs } = this.#mechanics;
    return Math.floor(((offset % trackBytes) * revolutionNs) / trackBytes);
  }

  #mediumNs(lengthBytes: number): number {
    const { trackBytes, revolutionNs } = this.#mechanics;
    return Math.ceil((lengthBytes * revolutionNs) / trackBytes);
  }
}
