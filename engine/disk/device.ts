/**
 * The contract of a disk: guest bytes by offset, synchronous, one owner in one thread. An image keeps it, and a raw file.
 *
 * Offsets and lengths are bytes from the start of the disk. Every request is checked against the size of the disk.
 * @throws Qcow2Error OUT_OF_RANGE for one that passes the end, INVALID_ARGUMENT for numbers that are no byte counts, READ_ONLY for a
 * change of a disk that is open for reading, NO_SPACE, IO and CORRUPT when it fails.
 */

/** What can be read: what lies under an image, or the content of a file. Reads past `sizeBytes` are the caller's to avoid. */
export interface GuestDisk {
  readonly sizeBytes: number;
  read(offset: number, into: Uint8Array): void;
  close?(): void;
}

/** How a range of guest bytes is stored. */
export interface MappedRange {
  readonly offset: number;
  readonly lengthBytes: number;
  /** `absent`: not in this image; the backing file shows through, or zeros. */
  readonly stored: 'absent' | 'zero' | 'data' | 'compressed';
  /** Where it lies in the file that `stored` data is in; zeros and what is absent can have a place too. Null: no place of its own. */
  readonly hostOffset: number | null;
  /** `data` for which the file system stores nothing: it reads as zeros. */
  readonly isHole?: boolean;
}

/** A range of guest bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** How a write is done. */
export interface WriteOptions {
  /** The written range is durable on return (SCSI and NBD call it FUA). Default false: after the next flush. */
  readonly durable?: boolean;
}

/** How a range is made zero. */
export interface ZeroOptions extends WriteOptions {
  /** The range may give up its place in the file. Default false. */
  readonly mayUnmap?: boolean;
  /** Throw UNSUPPORTED, with nothing changed, where zeros would have to be written out. Default false. */
  readonly fast?: boolean;
}

/** A disk that can be read and, unless `readOnly`, written. */
export interface GuestDevice extends GuestDisk {
  /** Name of the file, as it was opened; for messages. */
  readonly fileName: string;
  readonly readOnly: boolean;
  /** Fills `into`. */
  read(offset: number, into: Uint8Array): void;
  write(offset: number, bytes: Uint8Array, options?: WriteOptions): void;
  /** On return, everything written before is durable: at once where nothing can be written. */
  flush(): void;
  /** The guest no longer needs the range. Returns the part of it that reads as zeros now; the rest is as it was. */
  discard(offset: number, lengthBytes: number): ByteRange;
  /** Makes the range read as zeros. */
  writeZeroes(offset: number, lengthBytes: number, options?: ZeroOptions): void;
  /** How the bytes from `offset` on are stored, up to where that changes or `lengthBytes` end. */
  map(offset: number, lengthBytes: number): MappedRange;
  /** Writes out what is still held and closes the files. A second close does nothing. */
  close(): void;
}

/** A snapshot to be taken; dates are Unix time. */
export interface SnapshotRequest {
  readonly name: string;
  readonly dateSeconds?: number;
  readonly dateNanoseconds?: number;
  readonly vmStateBytes?: number;
}

/** What an image can do that a plain disk cannot. */
export interface ImageDevice extends GuestDevice {
  writeVmState(offset: number, bytes: Uint8Array): void;
  readVmState(offset: number, into: Uint8Array): void;
  createSnapshot(snapshot: SnapshotRequest): string;
  applySnapshot(nameOrId: string): void;
  deleteSnapshot(nameOrId: string): void;
  writeCompressed(offset: number, cluster: Uint8Array): void;
  resize(sizeBytes: number): void;
}
