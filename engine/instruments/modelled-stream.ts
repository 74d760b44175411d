/**
 * The virtual time that one exact stream of file operations would take on modelled devices: on all of them in one pass, since what the
 * host does (page cache, write-out, which sync finds a file grown) is the same over each.
 *
 * What is modelled: system calls; a page cache that holds dirty pages until a sync, as the host cache mode asks; the
 * write-out of neighbouring dirty pages in one command; the device's write cache and flush; the more expensive sync after the
 * file grew or a hole was filled. What is not: other users of the device, write-out by age, read-ahead by the system, a
 * page cache that runs out of memory, where the file system really puts the file (offsets are taken as places).
 */
import type { HostCacheMode } from '../io/block-file.ts';
import { ModelledDisk, transferNs } from './device-model-disk.ts';
import { type Extent, endPage, extentsOf, firstPage, PAGE_BYTES, PageSet } from './device-model-pages.ts';
import { DEFAULT_HOST, type DeviceParameters, type HostParameters } from './device-model-parameters.ts';
import { type Operation, unhandled } from './tap.ts';

export interface ModelledStreamOptions {
  readonly devices: readonly DeviceParameters[];
  readonly hostCacheMode: HostCacheMode;
  readonly host?: HostParameters;
  /** Of the file before the first operation. */
  readonly sizeBytes: number;
  /** What of it has a place on the device, and counts as synced and not yet read; by default all of it. */
  readonly stored?: Iterable<Extent>;
}

/** One device, and the time that has passed on it. */
interface Clock {
  readonly device: DeviceParameters;
  readonly disk: ModelledDisk;
  elapsedNs: number;
}

export class ModelledStream {
  readonly writesAreDurable: boolean;
  readonly ignoresSyncs: boolean;
  readonly #host: HostParameters;
  readonly #clocks: readonly Clock[];
  /** False with O_DIRECT: every access goes to the device. */
  readonly #buffered: boolean;
  /** Pages that the file system has given a place on the device. */
  readonly #allocated = new PageSet();
  readonly #cached = new PageSet();
  readonly #dirtyPages = new Set<number>();
  #grewSinceSync = false;
  #allocatedSinceSync = false;
  #sizeBytes: number;

  constructor({ devices, hostCacheMode, host = DEFAULT_HOST, sizeBytes, stored }: ModelledStreamOptions) {
    this.writesAreDurable = hostCacheMode === 'writethrough' || hostCacheMode === 'directsync';
    this.ignoresSyncs = hostCacheMode === 'unsafe';
    this.#buffered = hostCacheMode !== 'none' && hostCacheMode !== 'directsync';
    this.#host = host;
    this.#clocks = devices.map((device) => ({ device, disk: new ModelledDisk(device), elapsedNs: 0 }));
    this.#sizeBytes = sizeBytes;
    for (const { offset, lengthBytes } of stored ?? [{ offset: 0, lengthBytes: sizeBytes }]) {
      this.#allocated.add(offset, lengthBytes);
    }
  }

  /** Virtual time since the first operation on the device at `index`. */
  elapsedNs(index: number): number {
    return this.#clocks[index]!.elapsedNs;
  }

  /**
   * The next operation: a truncate has the new size as its length and no offset. `done` is false for what the file was unable to do,
   * which took the call all the same.
   */
  take(op: Operation['op'], offset: number, lengthBytes: number, done: boolean): void {
    switch (op) {
      case 'read':
        return this.#read(offset, lengthBytes);
      case 'write':
        return this.#write(offset, lengthBytes);
      case 'sync':
        return done ? this.#sync() : undefined;
      case 'truncate':
        return this.#truncate(lengthBytes);
      case 'punch':
        return this.#punch(offset, lengthBytes, done);
      case 'preallocate':
        return this.#preallocate(offset, lengthBytes, done);
      default:
        return unhandled(op);
    }
  }

  #read(offset: number, lengthBytes: number): void {
    this.#pass(this.#host.readCallNs);
    if (this.#buffered) this.#pass(transferNs(lengthBytes, this.#host.copyPsPerByte));
    const wanted = this.#pagesOnDeviceOnly(offset, lengthBytes);
    if (wanted.length > 0) this.#onEach(({ disk, elapsedNs }) => disk.read(wanted, elapsedNs));
    if (this.#buffered) this.#cached.add(offset, lengthBytes);
  }

  #write(offset: number, lengthBytes: number): void {
    this.#pass(this.#host.writeCallNs);
    if (offset + lengthBytes > this.#sizeBytes) this.#grewSinceSync = true;
    if (lengthBytes > 0) this.#sizeBytes = Math.max(this.#sizeBytes, offset + lengthBytes);
    if (this.#allocated.add(offset, lengthBytes)) this.#allocatedSinceSync = true;
    if (this.#buffered) this.#writeToCache(offset, lengthBytes);
    else this.#onEach(({ disk, elapsedNs }) => disk.write([{ offset, lengthBytes }], elapsedNs));
    if (this.writesAreDurable) this.#makeDurable();
  }

  #sync(): void {
    this.#pass(this.#host.syncCallNs);
    this.#makeDurable();
  }

  #truncate(sizeBytes: number): void {
    this.#pass(this.#host.writeCallNs);
    const before = this.#sizeBytes;
    if (sizeBytes !== before) this.#grewSinceSync = true;
    if (sizeBytes < before) this.#forget(sizeBytes, before - sizeBytes + PAGE_BYTES);
    this.#sizeBytes = sizeBytes;
  }

  #punch(offset: number, lengthBytes: number, done: boolean): void {
    this.#pass(this.#host.writeCallNs);
    if (!done) return;
    // Which pages the file has is metadata, as it is when a hole is filled.
    this.#allocatedSinceSync = true;
    this.#forget(offset, lengthBytes);
  }

  /**
   * Space that is taken but not written reads as zeros without the device, and the first write there is metadata again, as it is in
   * a hole: the file system has to note that the blocks now hold something.
   */
  #preallocate(offset: number, lengthBytes: number, done: boolean): void {
    this.#pass(this.#host.writeCallNs);
    if (!done) return;
    this.#allocatedSinceSync = true;
    if (offset + lengthBytes > this.#sizeBytes) this.#grewSinceSync = true;
    this.#sizeBytes = Math.max(this.#sizeBytes, offset + lengthBytes);
  }

  #writeToCache(offset: number, lengthBytes: number): void {
    this.#pass(transferNs(lengthBytes, this.#host.copyPsPerByte));
    this.#cached.add(offset, lengthBytes);
    for (let page = firstPage(offset); page < endPage(offset, lengthBytes); page++) this.#dirtyPages.add(page);
    if (this.#dirtyPages.size * PAGE_BYTES > this.#host.dirtyBytesMax) this.#writeOut();
  }

  #writeOut(): void {
    if (this.#dirtyPages.size === 0) return;
    const extents = extentsOf(this.#dirtyPages);
    this.#onEach(({ disk, elapsedNs }) => disk.write(extents, elapsedNs));
    this.#dirtyPages.clear();
  }

  #makeDurable(): void {
    this.#writeOut();
    this.#onEach(({ disk, elapsedNs }) => disk.flush(elapsedNs));
    if (this.#grewSinceSync) this.#onEach(({ device }) => device.growthSyncNs);
    else if (this.#allocatedSinceSync) this.#onEach(({ device }) => device.allocationSyncNs);
    this.#grewSinceSync = false;
    this.#allocatedSinceSync = false;
  }

  /** The same time passes on every device. */
  #pass(ns: number): void {
    for (const clock of this.#clocks) clock.elapsedNs += ns;
  }

  #onEach(durationNs: (clock: Clock) => number): void {
    for (const clock of this.#clocks) clock.elapsedNs += durationNs(clock);
  }

  /** Pages of the range that must come from the device: allocated (a hole is known to be zero) and not cached. */
  #pagesOnDeviceOnly(offset: number, lengthBytes: number): Extent[] {
    const pages: number[] = [];
    for (let page = firstPage(offset); page < endPage(offset, lengthBytes); page++) {
      if (this.#allocated.has(page) && !this.#cached.has(page)) pages.push(page);
    }
    return extentsOf(pages);
  }

  /** The range becomes a hole. The page cache may keep listing it: only pages with a place on the device are looked up there. */
  #forget(offset: number, lengthBytes: number): void {
    this.#allocated.removeWithin(offset, lengthBytes);
    const start = Math.ceil(offset / PAGE_BYTES);
    const end = Math.floor((offset + lengthBytes) / PAGE_BYTES);
    for (const page of this.#dirtyPages) if (page >= start && page < end) this.#dirtyPages.delete(page);
  }
}
