/** An open qcow2 image: the engine's public face. Synchronous; one image belongs to one thread. */
import { Qcow2Error } from '../base/errors.ts';
import { requireInside } from '../base/range.ts';
import { type GuestOffset, roundDown, roundUp, SECTOR_BYTES } from '../base/units.ts';
import type { CacheCounts } from '../cache/table-cache.ts';
import type { ByteRange, GuestDisk, ImageDevice, MappedRange, WriteOptions, ZeroOptions } from '../disk/device.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_ALLOCATED,
  CLUSTER_ZERO_PLAIN,
} from '../format/l2-entry.ts';
import type { BlockFile } from '../io/block-file.ts';
import { dropBitmaps } from './bitmaps.ts';
import { writeCompressed } from './compressed.ts';
import { freeReplaced, orderRefcountsBeforeMapping, readGuest, writeGuest } from './guest-io.ts';
import { mapForRead } from './mapping.ts';
import { type OpenOptions, openState } from './open.ts';
import { type Preallocation, preallocateImage } from './preallocate.ts';
import { resizeImage } from './resize.ts';
import {
  applySnapshot,
  createSnapshot,
  deleteSnapshot,
  listSnapshots,
  type NewSnapshot,
  type SnapshotInfo,
  stateAtSnapshot,
} from './snapshots.ts';
import { dataFileOf, type ImageState } from './state.ts';
import { discardGuest, marksZeroes, punchFreed, writeZeroes } from './zeroes.ts';

/**
 * Opens the image in `file`; {@link Qcow2Image.close} closes both.
 * @throws Qcow2Error CORRUPT or UNSUPPORTED for an image that cannot be used; the file is not written to.
 */
export function openImage(file: BlockFile, options: OpenOptions = {}): Qcow2Image {
  return new Qcow2Image(openState(file, options));
}

const STORED_AS: Readonly<Record<number, MappedRange['stored']>> = {
  [CLUSTER_UNALLOCATED]: 'absent',
  [CLUSTER_ZERO_PLAIN]: 'zero',
  [CLUSTER_ZERO_ALLOCATED]: 'zero',
  [CLUSTER_NORMAL]: 'data',
  [CLUSTER_COMPRESSED]: 'compressed',
};

export class Qcow2Image implements ImageDevice {
  readonly #state: ImageState;
  #closed = false;

  /** Use {@link openImage}. */
  constructor(state: ImageState) {
    this.#state = state;
  }

  /** Size of the virtual disk. */
  get sizeBytes(): number {
    return this.#state.vars.sizeBytes;
  }

  get clusterSizeBytes(): number {
    return this.#state.geometry.clusterBytes;
  }

  get version(): 2 | 3 {
    return this.#state.header.version;
  }

  /** Name of the backing file as the header has it; untrusted. */
  get backingFileName(): string | null {
    return this.#state.header.backingFileName;
  }

  get readOnly(): boolean {
    return this.#state.file.readOnly;
  }

  /** Name of the image file, as it was opened. */
  get fileName(): string {
    return this.#state.file.name;
  }

  /** Name of the file that guest data lies in: the image file, or its external data file. */
  get dataFileName(): string {
    return dataFileOf(this.#state).name;
  }

  /** What lies under the image; null for nothing. Closed with it. */
  get backing(): GuestDisk | null {
    return this.#state.backing;
  }

  /** Fills `into` with the disk's bytes from `offset` on. Throws OUT_OF_RANGE past the end of the disk. */
  read(offset: number, into: Uint8Array): void {
    this.#requireOpen();
    this.#requireInside('read', offset, into.length);
    this.#readAligned(offset, into);
  }

  /**
   * Writes `bytes` from `offset` on. Durable after the next {@link flush}; at once where the host cache mode and the policy are
   * writethrough, or where `durable` asks for it. Sectors of 512 bytes are never torn by the engine itself.
   */
  write(offset: number, bytes: Uint8Array, options: WriteOptions = {}): void {
    this.#requireWritable();
    this.#requireInside('write', offset, bytes.length);
    dropBitmaps(this.#state);
    this.#writeAligned(offset, bytes);
    if (options.durable) this.flush();
  }

  /** On return, everything written before is durable. */
  flush(): void {
    this.#requireWritable();
    this.#state.policy.flush();
    punchFreed(this.#state);
  }

  /**
   * Tells the image that the guest no longer needs the range. Whole clusters inside it read as zeros afterwards and can be
   * used again; what is left of clusters at its ends stays. Returns the range, in bytes, that now reads as zeros.
   */
  discard(offset: number, lengthBytes: number): ByteRange {
    this.#requireWritable();
    this.#requireInside('discard', offset, lengthBytes);
    dropBitmaps(this.#state);
    return discardGuest(this.#state, offset, lengthBytes);
  }

  /** Makes the range read as zeros, cheaply where the image can say so; `mayUnmap` lets whole clusters give up their place. */
  writeZeroes(offset: number, lengthBytes: number, options: ZeroOptions = {}): void {
    this.#requireWritable();
    this.#requireInside('write-zeroes', offset, lengthBytes);
    const { mayUnmap = false, fast = false, durable = false } = options;
    if (fast && !marksZeroes(this.#state)) {
      const message = `${this.fileName}: a version ${this.version} image, or a raw data file, has no mark for zeros`;
      throw new Qcow2Error('UNSUPPORTED', message, { file: this.fileName });
    }
    dropBitmaps(this.#state);
    const end = offset + lengthBytes;
    const from = Math.min(end, roundUp(offset, SECTOR_BYTES));
    const to = Math.max(from, roundDown(end, SECTOR_BYTES));
    if (from > offset) this.#writeAligned(offset, new Uint8Array(from - offset));
    if (to > from) writeZeroes(this.#state, from, to - from, mayUnmap);
    if (end > to) this.#writeAligned(to, new Uint8Array(end - to));
    if (durable) this.flush();
  }

  /**
   * Writes one whole cluster compressed, or plainly where that saves nothing. `offset` is a multiple of the cluster size and
   * `cluster` a cluster long, or shorter at the end of the disk.
   */
  writeCompressed(offset: number, cluster: Uint8Array): void {
    this.#requireWritable();
    this.#requireInside('compressed write', offset, cluster.length);
    const { clusterSizeBytes } = this;
    const isTail = offset + cluster.length === this.sizeBytes && cluster.length < clusterSizeBytes;
    if (offset % clusterSizeBytes !== 0 || !(cluster.length === clusterSizeBytes || isTail)) {
      const message = `compressed write of ${cluster.length} bytes at offset ${offset} is not one whole cluster of ${clusterSizeBytes} bytes`;
      throw new Qcow2Error('INVALID_ARGUMENT', message, { offset });
    }
    if (this.#state.dataFile !== null)
      throw new Qcow2Error('UNSUPPORTED', 'an image with an external data file has no compressed clusters');
    dropBitmaps(this.#state);
    const whole = new Uint8Array(clusterSizeBytes);
    whole.set(cluster);
    const replaced = writeCompressed(this.#state, offset as GuestOffset, whole, orderRefcountsBeforeMapping);
    if (replaced === null) this.#writeAligned(offset, cluster);
    else freeReplaced(this.#state, replaced);
  }

  /** Writes out what the policy still holds and closes the file. A second close does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (!this.#state.file.readOnly) this.#writeOutForClose();
    } finally {
      this.#state.file.close();
      this.#state.backing?.close?.();
    }
  }

  listSnapshots(): SnapshotInfo[] {
    this.#requireOpen();
    return listSnapshots(this.#state);
  }

  /** Takes a snapshot of the disk as it is now and returns its id. */
  createSnapshot(snapshot: NewSnapshot): string {
    this.#requireSnapshots();
    return createSnapshot(this.#state, snapshot);
  }

  /** Makes the disk what it was when the snapshot was taken. */
  applySnapshot(nameOrId: string): void {
    this.#requireSnapshots();
    dropBitmaps(this.#state);
    applySnapshot(this.#state, nameOrId);
  }

  deleteSnapshot(nameOrId: string): void {
    this.#requireSnapshots();
    deleteSnapshot(this.#state, nameOrId);
  }

  /** The disk as it was when the snapshot was taken, to be read. The image must be open read-only; closing either closes both. */
  openSnapshot(nameOrId: string): Qcow2Image {
    this.#requireOpen();
    if (!this.#state.file.readOnly)
      throw new Qcow2Error(
        'INVALID_ARGUMENT',
        `${this.fileName}: a snapshot is read from an image that is open read-only`,
      );
    return new Qcow2Image(stateAtSnapshot(this.#state, nameOrId));
  }

  /** Writes VM state, which lies behind the end of the virtual disk; `offset` counts from its start, 512-byte aligned or not. */
  writeVmState(offset: number, bytes: Uint8Array): void {
    this.#requireWritable();
    this.#writeAligned(this.#vmStateAt(offset), bytes);
  }

  /** Reads VM state back; never written parts are zeros. */
  readVmState(offset: number, into: Uint8Array): void {
    this.#requireOpen();
    this.#readAligned(this.#vmStateAt(offset), into);
  }

  /**
   * Sets the size of the virtual disk, a multiple of 512; durable on return. New space reads as zeros. Shrinking must be asked
   * for, because it loses what lies behind the new end. Throws INVALID_ARGUMENT where snapshots forbid it.
   */
  resize(sizeBytes: number, options: { readonly shrink?: boolean } = {}): void {
    this.#requireWritable();
    dropBitmaps(this.#state);
    resizeImage(this.#state, sizeBytes, options.shrink ?? false);
  }

  /**
   * Maps clusters of a new, empty image, all or those in a range, taking as much of the file system's space as `how` says.
   * `offset` is a multiple of the cluster size.
   */
  preallocate(how: Preallocation, offset = 0, lengthBytes = this.sizeBytes - offset): void {
    this.#requireWritable();
    this.#requireInside('preallocation', offset, lengthBytes);
    dropBitmaps(this.#state);
    preallocateImage(this.#state, how, offset, lengthBytes);
    this.flush();
  }

  /** How the guest bytes from `offset` on are stored, up to where that changes or `lengthBytes` end. */
  map(offset: number, lengthBytes: number): MappedRange {
    this.#requireOpen();
    this.#requireInside('map', offset, lengthBytes);
    const extent = mapForRead(this.#state, offset as GuestOffset, lengthBytes);
    const stored = STORED_AS[extent.kind]!;
    return {
      offset,
      lengthBytes: extent.lengthBytes,
      stored,
      hostOffset: stored === 'data' ? extent.hostOffset : null,
    };
  }

  /** Hits, misses and evictions of the two table caches since the image was opened. */
  cacheCounts(): { l2: CacheCounts; refcounts: CacheCounts } {
    return { l2: { ...this.#state.l2.counts }, refcounts: { ...this.#state.refcounts.counts } };
  }

  #writeOutForClose(): void {
    const { features, file, policy } = this.#state;
    try {
      policy.close();
    } catch (error) {
      this.#tryCloseAgain();
      throw error;
    }
    if (!features.dirty) return;
    file.sync('close');
    features.clearDirty();
  }

  /** Nobody else can any more, and of a snapshot operation one half may be in the file. */
  #tryCloseAgain(): void {
    try {
      this.#state.policy.close();
    } catch (error) {
      if (!(error instanceof Qcow2Error)) throw error;
    }
  }

  /** Where byte `offset` of the VM state is mapped: behind what the last L1 entry of the disk maps. */
  #vmStateAt(offset: number): number {
    const { geometry } = this.#state;
    const at = geometry.l1EntriesFor(this.sizeBytes) * geometry.bytesPerL2Table + offset;
    if (Number.isSafeInteger(at) && offset >= 0) return at;
    throw new Qcow2Error('INVALID_ARGUMENT', `VM state offset ${offset} is not an integer from 0 on`, { offset });
  }

  #readAligned(offset: number, into: Uint8Array): void {
    const start = roundDown(offset, SECTOR_BYTES);
    const end = roundUp(offset + into.length, SECTOR_BYTES);
    if (start === offset && end === offset + into.length) return readGuest(this.#state, offset as GuestOffset, into);
    const covering = new Uint8Array(end - start);
    readGuest(this.#state, start as GuestOffset, covering);
    into.set(covering.subarray(offset - start, offset - start + into.length));
  }

  #writeAligned(offset: number, bytes: Uint8Array): void {
    const start = roundDown(offset, SECTOR_BYTES);
    const end = roundUp(offset + bytes.length, SECTOR_BYTES);
    if (start === offset && end === offset + bytes.length) return writeGuest(this.#state, offset as GuestOffset, bytes);
    const covering = new Uint8Array(end - start);
    readGuest(this.#state, start as GuestOffset, covering);
    covering.set(bytes, offset - start);
    writeGuest(this.#state, start as GuestOffset, covering);
  }

  #requireInside(verb: string, offset: number, lengthBytes: number): void {
    requireInside(verb, offset, lengthBytes, this.sizeBytes);
  }

  /** Clusters of an external data file have no refcounts, so nothing says which of them two disks share. */
  #requireSnapshots(): void {
    this.#requireWritable();
    if (this.#state.dataFile !== null)
      throw new Qcow2Error('UNSUPPORTED', 'an image with an external data file has no snapshots');
  }

  #requireOpen(): void {
    if (!this.#closed) return;
    const { name } = this.#state.file;
    throw new Qcow2Error('CLOSED', `${name}: the image is closed`, { file: name });
  }

  #requireWritable(): void {
    this.#requireOpen();
    const { file } = this.#state;
    if (file.readOnly) throw new Qcow2Error('READ_ONLY', `${file.name} is open for reading only`, { file: file.name });
  }
}
