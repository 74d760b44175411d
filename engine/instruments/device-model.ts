/**
 * A {@link BlockFile} that keeps the virtual time which its exact stream of operations would take on a modelled device.
 * The bytes go to the file below; no time passes while it computes.
 *
 * What is modelled: system calls; a page cache that holds dirty pages until a sync, as the host cache mode asks; the
 * write-out of neighbouring dirty pages in one command; the device's write cache and flush; the more expensive sync after the
 * file grew or a hole was filled. What is not: other users of the device, write-out by age, read-ahead by the system, a
 * page cache that runs out of memory, where the file system really puts the file (offsets are taken as places).
 *
 * Invariants:
 *  1. The same operations on the same device take the same time, to the nanosecond.
 *  2. `elapsedNs` is the sum of all durations reported to the sink plus the calls of what the file below was unable to do.
 *  3. An operation that the file below refuses takes no time.
 */
import type { BlockFile, HostCacheMode } from '../io/block-file.ts';
import { ModelledDisk, transferNs } from './device-model-disk.ts';
import { type Extent, endPage, extentsOf, firstPage, PAGE_BYTES, PageSet } from './device-model-pages.ts';
import { DEFAULT_HOST, type DeviceParameters, type HostParameters } from './device-model-parameters.ts';
import { type Operation, type Outcome, Tap, unhandled } from './tap.ts';
import type { OperationSink } from './timing-file.ts';

export interface DeviceModelOptions {
  readonly device: DeviceParameters;
  readonly hostCacheMode: HostCacheMode;
  readonly host?: HostParameters;
  /** Called for each completed operation with its virtual duration. */
  readonly sink?: OperationSink;
  /** The holes of the file below have no place on the device yet. Default: all of it has, as a new image's tables do. */
  readonly knowsHoles?: boolean;
}

export class DeviceModelFile extends Tap {
  override readonly writesAreDurable: boolean;
  override readonly ignoresSyncs: boolean;
  readonly #host: HostParameters;
  readonly #device: DeviceParameters;
  readonly #sink: OperationSink | null;
  readonly #disk: ModelledDisk;
  /** False with O_DIRECT: every access goes to the device. */
  readonly #buffered: boolean;
  /** Pages that the file system has given a place on the device. */
  readonly #allocated = new PageSet();
  readonly #cached = new PageSet();
  readonly #dirtyPages = new Set<number>();
  #grewSinceSync = false;
  #allocatedSinceSync = false;
  #elapsedNs = 0;
  /** Of the file, before the operation that is under way. */
  #sizeBefore = 0;

  /** What `inner` already holds counts as allocated, synced and not yet read. */
  constructor(
    inner: BlockFile,
    { device, hostCacheMode, host = DEFAULT_HOST, sink, knowsHoles = false }: DeviceModelOptions,
  ) {
    super(inner);
    this.writesAreDurable = hostCacheMode === 'writethrough' || hostCacheMode === 'directsync';
    this.ignoresSyncs = hostCacheMode === 'unsafe';
    this.#buffered = hostCacheMode !== 'none' && hostCacheMode !== 'directsync';
    this.#host = host;
    this.#device = device;
    this.#sink = sink ?? null;
    this.#disk = new ModelledDisk(device);
    if (!knowsHoles) this.#allocated.add(0, inner.sizeBytes());
    else for (const { offset, lengthBytes } of storedExtents(inner)) this.#allocated.add(offset, lengthBytes);
  }

  /** Virtual time since the file was wrapped. */
  elapsedNs(): number {
    return this.#elapsedNs;
  }

  protected override before(): void {
    this.#sizeBefore = this.inner.sizeBytes();
  }

  protected override after(operation: Operation, outcome: Outcome): void {
    if (outcome === 'failed') return;
    const start = this.#elapsedNs;
    this.#take(operation, outcome === 'done');
    if (outcome === 'done') this.#sink?.(operation, start, this.#elapsedNs - start);
  }

  #take(operation: Operation, done: boolean): void {
    switch (operation.op) {
      case 'read':
        return this.#read(operation.offset, operation.bytes.length);
      case 'write':
        return this.#write(operation.offset, operation.bytes.length);
      case 'sync':
        return done ? this.#sync() : undefined;
      case 'truncate':
        return this.#truncate(operation.sizeBytes);
      case 'punch':
        return this.#punch(operation.offset, operation.lengthBytes, done);
      case 'preallocate':
        return this.#preallocate(operation.offset, operation.lengthBytes, done);
      default:
        return unhandled(operation);
    }
  }

  #read(offset: number, lengthBytes: number): void {
    this.#elapsedNs += this.#host.readCallNs;
    if (this.#buffered) this.#elapsedNs += transferNs(lengthBytes, this.#host.copyPsPerByte);
    const wanted = this.#pagesOnDeviceOnly(offset, lengthBytes);
    if (wanted.length > 0) this.#elapsedNs += this.#disk.read(wanted, this.#elapsedNs);
    if (this.#buffered) this.#cached.add(offset, lengthBytes);
  }

  #write(offset: number, lengthBytes: number): void {
    this.#elapsedNs += this.#host.writeCallNs;
    if (offset + lengthBytes > this.#sizeBefore) this.#grewSinceSync = true;
    if (this.#allocated.add(offset, lengthBytes)) this.#allocatedSinceSync = true;
    if (this.#buffered) this.#writeToCache(offset, lengthBytes);
    else this.#elapsedNs += this.#disk.write([{ offset, lengthBytes }], this.#elapsedNs);
    if (this.writesAreDurable) this.#makeDurable();
  }

  #sync(): void {
    this.#elapsedNs += this.#host.syncCallNs;
    this.#makeDurable();
  }

  #truncate(sizeBytes: number): void {
    this.#elapsedNs += this.#host.writeCallNs;
    if (sizeBytes !== this.#sizeBefore) this.#grewSinceSync = true;
    if (sizeBytes < this.#sizeBefore) this.#forget(sizeBytes, this.#sizeBefore - sizeBytes + PAGE_BYTES);
  }

  #punch(offset: number, lengthBytes: number, done: boolean): void {
    this.#elapsedNs += this.#host.writeCallNs;
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
    this.#elapsedNs += this.#host.writeCallNs;
    if (!done) return;
    this.#allocatedSinceSync = true;
    if (offset + lengthBytes > this.#sizeBefore) this.#grewSinceSync = true;
  }

  #writeToCache(offset: number, lengthBytes: number): void {
    this.#elapsedNs += transferNs(lengthBytes, this.#host.copyPsPerByte);
    this.#cached.add(offset, lengthBytes);
    for (let page = firstPage(offset); page < endPage(offset, lengthBytes); page++) this.#dirtyPages.add(page);
    if (this.#dirtyPages.size * PAGE_BYTES > this.#host.dirtyBytesMax) this.#writeOut();
  }

  #writeOut(): void {
    if (this.#dirtyPages.size === 0) return;
    this.#elapsedNs += this.#disk.write(extentsOf(this.#dirtyPages), this.#elapsedNs);
    this.#dirtyPages.clear();
  }

  #makeDurable(): void {
    this.#writeOut();
    this.#elapsedNs += this.#disk.flush(this.#elapsedNs);
    if (this.#grewSinceSync) this.#elapsedNs += this.#device.growthSyncNs;
    else if (this.#allocatedSinceSync) this.#elapsedNs += this.#device.allocationSyncNs;
    this.#grewSinceSync = false;
    this.#allocatedSinceSync = false;
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

/** What the file system stores of `file`, without its holes. */
function* storedExtents(file: BlockFile): Generator<Extent> {
  const sizeBytes = file.sizeBytes();
  for (let offset = 0; offset < sizeBytes; ) {
    const { isHole, endOffset } = file.extentAt(offset) ?? { isHole: false, endOffset: sizeBytes };
    if (!isHole) yield { offset, lengthBytes: endOffset - offset };
    offset = endOffset;
  }
}
