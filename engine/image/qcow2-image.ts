/** An open qcow2 image: the engine's public face. Synchronous; one image belongs to one thread. */
import { Qcow2Error } from '../base/errors.ts';
import { requireInside } from '../base/range.ts';
import { type GuestOffset, roundUp } from '../base/units.ts';
import type { CacheCounts } from '../cache/table-cache.ts';
import type { ByteRange, GuestDisk, ImageDevice, MappedRange, WriteOptions, ZeroOptions } from '../disk/device.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_ALLOCATED,
  CLUSTER_ZERO_PLAIN,
  type ClusterKind,
} from '../format/l2-entry.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { BitmapEditor } from './bitmap-editor.ts';
import { writeOutForClose } from './closing.ts';
import { assemble, type ImageParts } from './image-parts.ts';
import { withRoom } from './make-room.ts';
import { heldAlike } from './mapping.ts';
import { type OpenOptions, openParts } from './open.ts';
import { type Preallocation, type PreallocationOptions, preallocateImage } from './preallocate.ts';
import { resizeImage } from './resize.ts';
import { listSnapshots, type SnapshotInfo } from './snapshot-list.ts';
import { applySnapshot, createSnapshot, deleteSnapshot, type NewSnapshot, varsAtSnapshot } from './snapshots.ts';

/**
 * Opens the image in `file`; {@link Qcow2Image.close} closes both.
 * @throws Qcow2Error CORRUPT or UNSUPPORTED for an image that cannot be used; the file is not written to.
 */
export function openImage(file: BlockFile, options: OpenOptions = {}): Qcow2Image {
  return new Qcow2Image(openParts(file, options));
}

const STORED_AS: Readonly<Record<ClusterKind, MappedRange['stored']>> = {
  [CLUSTER_UNALLOCATED]: 'absent',
  [CLUSTER_ZERO_PLAIN]: 'zero',
  [CLUSTER_ZERO_ALLOCATED]: 'zero',
  [CLUSTER_NORMAL]: 'data',
  [CLUSTER_COMPRESSED]: 'compressed',
};

/** An open image, made by {@link openImage} or {@link openImageFile}. Every call may throw a {@link Qcow2Error}; none after `close()` works. */
export class Qcow2Image implements ImageDevice {
  readonly #parts: ImageParts;
  #closed = false;

  /** Use {@link openImage}. */
  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  /** Size of the virtual disk. */
  get sizeBytes(): number {
    return this.#parts.vars.sizeBytes;
  }

  get clusterSizeBytes(): number {
    return this.#parts.geometry.clusterBytes;
  }

  get version(): 2 | 3 {
    return this.#parts.header.version;
  }

  /** Name of the backing file as the header has it; untrusted. */
  get backingFileName(): string | null {
    return this.#parts.header.backingFileName;
  }

  get readOnly(): boolean {
    return this.#parts.file.readOnly;
  }

  /** Name of the image file, as it was opened. */
  get fileName(): string {
    return this.#parts.file.name;
  }

  /** Name of the file that guest data lies in: the image file, or its external data file. */
  get dataFileName(): string {
    return (this.#parts.dataFile ?? this.#parts.file).name;
  }

  /** What lies under the image; null for nothing. Closed with it. */
  get backing(): GuestDisk | null {
    return this.#parts.backing;
  }

  /** Fills `into` with the disk's bytes from `offset` on. Throws OUT_OF_RANGE past the end of the disk. */
  read(offset: number, into: Uint8Array): void {
    this.#requireOpen();
    this.#requireInside('read', offset, into.length);
    this.#parts.io.read(offset, into);
  }

  /**
   * Writes `bytes` from `offset` on. Durable after the next {@link flush}; at once where the host cache mode and the policy are
   * writethrough, or where `durable` asks for it. Sectors of 512 bytes are never torn by the engine itself.
   */
  write(offset: number, bytes: Uint8Array, options: WriteOptions = {}): void {
    this.#requireWritable();
    this.#requireInside('write', offset, bytes.length);
    this.#parts.bitmaps.changing(offset, bytes.length);
    withRoom(this.#parts, () => this.#parts.io.write(offset, bytes));
    this.#finish(options.durable);
  }

  /** On return, everything written before is durable. An image that is open for reading has nothing to make durable. */
  flush(): void {
    this.#requireOpen();
    if (this.readOnly) return;
    const { file, policy, features, lazyRefcounts, settling } = this.#parts;
    withRoom(this.#parts, () => policy.flush({ refcountsMayLag: lazyRefcounts && features.dirty }));
    const { durable } = file;
    for (let index = 0; index < settling.length; index++) settling[index]!.settled(durable);
  }

  /**
   * Tells the image that the guest no longer needs the range. Whole clusters inside it read as zeros afterwards and can be
   * used again; what is left of clusters at its ends stays. Returns the range, in bytes, that now reads as zeros.
   */
  discard(offset: number, lengthBytes: number): ByteRange {
    this.#requireWritable();
    this.#requireInside('discard', offset, lengthBytes);
    this.#parts.bitmaps.changing(offset, lengthBytes);
    const discarded = withRoom(this.#parts, () => this.#parts.zeroes.discard(offset, lengthBytes));
    this.#finish();
    return discarded;
  }

  /** Makes the range read as zeros, cheaply where the image can say so; `mayUnmap` lets whole clusters give up their place. */
  writeZeroes(offset: number, lengthBytes: number, options: ZeroOptions = {}): void {
    this.#requireWritable();
    this.#requireInside('write-zeroes', offset, lengthBytes);
    const { mayUnmap = false, fast = false, durable = false } = options;
    if (fast) this.#parts.zeroes.requireMarks();
    this.#parts.bitmaps.changing(offset, lengthBytes);
    withRoom(this.#parts, () => this.#parts.zeroes.write(offset, lengthBytes, mayUnmap));
    this.#finish(durable);
  }

  /**
   * Writes one whole cluster compressed, or plainly where that saves nothing. `offset` is a multiple of the cluster size and
   * `cluster` a cluster long, or shorter at the end of the disk.
   */
  writeCompressed(offset: number, cluster: Uint8Array): void {
    this.#requireWritable();
    this.#requireInside('compressed write', offset, cluster.length);
    this.#parts.io.requireCompressible(offset, cluster.length);
    this.#parts.bitmaps.changing(offset, cluster.length);
    withRoom(this.#parts, () => this.#parts.io.writeCompressed(offset, cluster));
    this.#finish();
  }

  /** Writes out what the allocator and the policy still hold and closes the file. A second close does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (!this.#parts.file.readOnly) writeOutForClose(this.#parts);
    } finally {
      this.#parts.file.close();
      this.#parts.backing?.close?.();
    }
  }

  listSnapshots(): SnapshotInfo[] {
    this.#requireOpen();
    return listSnapshots(this.#parts.vars);
  }

  /** Takes a snapshot of the disk as it is now and returns its id. */
  createSnapshot(snapshot: NewSnapshot): string {
    this.#requireSnapshots();
    return createSnapshot(this.#parts, snapshot);
  }

  /** Makes the disk what it was when the snapshot was taken. */
  applySnapshot(nameOrId: string): void {
    this.#requireSnapshots();
    const { bitmaps } = this.#parts;
    bitmaps.replacing();
    applySnapshot(this.#parts, nameOrId);
    bitmaps.replaced();
  }

  deleteSnapshot(nameOrId: string): void {
    this.#requireSnapshots();
    deleteSnapshot(this.#parts, nameOrId);
  }

  /** Changes the persistent bitmaps; durable on return. When `change` throws, nothing was changed. Throws UNSUPPORTED for version 2. */
  editBitmaps(change: (editor: BitmapEditor) => void): void {
    this.#requireWritable();
    this.#parts.bitmaps.edit(change);
  }

  /** The ranges of the disk that the persistent bitmap `name` has for changed. Throws INVALID_ARGUMENT when it can't be used. */
  dirtyRanges(name: string): Iterable<ByteRange> {
    this.#requireOpen();
    return this.#parts.bitmaps.ranges(name);
  }

  /** The disk as it was when the snapshot was taken, to be read. The image must be open read-only; closing either closes both. */
  openSnapshot(nameOrId: string): Qcow2Image {
    this.#requireOpen();
    if (!this.#parts.file.readOnly)
      throw new Qcow2Error(
        'INVALID_ARGUMENT',
        `${this.fileName}: a snapshot is read from an image that is open read-only`,
      );
    return new Qcow2Image(assemble({ ...this.#parts, vars: varsAtSnapshot(this.#parts, nameOrId) }));
  }

  /** Writes VM state, which is stored past the end of the virtual disk; `offset` counts from its start, 512-byte aligned or not. */
  writeVmState(offset: number, bytes: Uint8Array): void {
    this.#requireWritable();
    const { io } = this.#parts;
    const at = io.vmStateAt(offset);
    withRoom(this.#parts, () => io.write(at, bytes));
    this.#finish();
  }

  /** Reads VM state back; never written parts are zeros. */
  readVmState(offset: number, into: Uint8Array): void {
    this.#requireOpen();
    const { io } = this.#parts;
    io.read(io.vmStateAt(offset), into);
  }

  /**
   * Sets the size of the virtual disk, a multiple of 512; durable on return. New space reads as zeros. Shrinking must be asked
   * for, because it loses what is past the new end. Throws INVALID_ARGUMENT where snapshots forbid it.
   */
  resize(sizeBytes: number, options: { readonly shrink?: boolean } = {}): void {
    this.#requireWritable();
    const { bitmaps } = this.#parts;
    bitmaps.resizing();
    withRoom(this.#parts, () => resizeImage(this.#parts, sizeBytes, options.shrink ?? false));
    bitmaps.resized();
  }

  /**
   * Maps clusters of a new, empty image, all or those in a range, taking as much of the file system's space as `how` says.
   * `offset` is a multiple of the cluster size. Marked as zeros (`zeroed`), clusters can be mapped in any image of version 3, where
   * nothing is mapped yet.
   */
  preallocate(
    how: Preallocation,
    offset = 0,
    lengthBytes = this.sizeBytes - offset,
    options: PreallocationOptions = {},
  ): void {
    this.#requireWritable();
    this.#requireInside('preallocation', offset, lengthBytes);
    preallocateImage(this.#parts, how, offset, lengthBytes, options);
    this.flush();
  }

  /**
   * Takes every cluster of the disk out of the image, whose backing file holds the same: it shows through. Snapshots stay, bitmaps note
   * nothing. Durable on return.
   */
  makeEmpty(): void {
    this.#requireWritable();
    withRoom(this.#parts, () => this.#parts.zeroes.unmap(0, roundUp(this.sizeBytes, this.clusterSizeBytes)));
    this.flush();
  }

  /** How the guest bytes from `offset` on are stored, up to where that changes or `lengthBytes` end. */
  map(offset: number, lengthBytes: number): MappedRange {
    this.#requireOpen();
    this.#requireInside('map', offset, lengthBytes);
    const extent = this.#parts.mapping.extentAt(offset as GuestOffset, lengthBytes);
    const stored = STORED_AS[extent.kind];
    const hostOffset = extent.hasPlace ? extent.hostOffset : null;
    if (stored !== 'data') return { offset, lengthBytes: extent.lengthBytes, stored, hostOffset };
    const file = this.#parts.dataFile ?? this.#parts.file;
    return { offset, stored, hostOffset, ...heldAlike(file, extent) };
  }

  /** Hits, misses and evictions of the two table caches since the image was opened. */
  cacheCounts(): { l2: CacheCounts; refcounts: CacheCounts } {
    return { l2: { ...this.#parts.l2.counts }, refcounts: { ...this.#parts.refcounts.counts } };
  }

  /** Ends a request that changed the disk. */
  #finish(durable = false): void {
    if (durable || this.#parts.writesThrough) this.flush();
  }

  #requireInside(verb: string, offset: number, lengthBytes: number): void {
    requireInside(verb, offset, lengthBytes, this.sizeBytes);
  }

  /** Clusters of an external data file have no refcounts, so nothing says which of them two disks share. */
  #requireSnapshots(): void {
    this.#requireWritable();
    if (this.#parts.dataFile !== null)
      throw new Qcow2Error('UNSUPPORTED', 'an image with an external data file has no snapshots');
  }

  #requireOpen(): void {
    if (!this.#closed) return;
    const { name } = this.#parts.file;
    throw new Qcow2Error('CLOSED', `${name}: the image is closed`, { file: name });
  }

  #requireWritable(): void {
    this.#requireOpen();
    const { file } = this.#parts;
    if (file.readOnly) throw new Qcow2Error('READ_ONLY', `${file.name} is open for reading only`, { file: file.name });
  }
}
