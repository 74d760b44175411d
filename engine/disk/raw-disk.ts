/** A plain file as a disk: byte n of the file is byte n of the disk. Its size is that of the file when it was opened. */
import { Qcow2Error } from '../base/errors.ts';
import { requireInside } from '../base/range.ts';
import { roundDown, SECTOR_BYTES } from '../base/units.ts';
import type { BlockFile } from '../io/block-file.ts';
import { type DurableFile, trackDurability } from '../io/durability.ts';
import { writeBytes } from '../io/sector-access.ts';
import type { ByteRange, GuestDevice, MappedRange, WriteOptions, ZeroOptions } from './device.ts';

/** Zeros are written in pieces of this size where the file system cannot make them. */
const ZERO_PIECE_BYTES = 1_048_576;

/** A raw image as a disk, with the same calls as a qcow2 image. It owns its file: `close()` closes it. */
export class RawDisk implements GuestDevice {
  readonly sizeBytes: number;
  readonly #file: DurableFile;
  #closed = false;

  constructor(file: BlockFile) {
    this.#file = trackDurability(file).image;
    this.sizeBytes = file.sizeBytes();
  }

  get fileName(): string {
    return this.#file.name;
  }

  get readOnly(): boolean {
    return this.#file.readOnly;
  }

  read(offset: number, into: Uint8Array): void {
    this.#requireOpen();
    requireInside('read', offset, into.length, this.sizeBytes);
    this.#file.read(offset, into, 'data');
  }

  /** Any alignment; what starts or ends inside a sector reads that sector first where a whole one fits. */
  write(offset: number, bytes: Uint8Array, options: WriteOptions = {}): void {
    this.#requireWritable();
    requireInside('write', offset, bytes.length, this.sizeBytes);
    this.#write(offset, bytes);
    if (options.durable) this.flush();
  }

  /** Costs nothing when nothing was written since the last flush that succeeded, or can be. */
  flush(): void {
    this.#requireOpen();
    if (this.readOnly) return;
    if (this.#file.durable < this.#file.written) this.#file.sync('guest-flush');
  }

  /** Gives the range back to the file system, where it can take it. */
  discard(offset: number, lengthBytes: number): ByteRange {
    this.#requireWritable();
    requireInside('discard', offset, lengthBytes, this.sizeBytes);
    const punched = lengthBytes > 0 && this.#file.punchHole(offset, lengthBytes);
    return { offset, lengthBytes: punched ? lengthBytes : 0 };
  }

  /** Without `mayUnmap` the range has space of its own afterwards, where the file system can reserve it. */
  writeZeroes(offset: number, lengthBytes: number, options: ZeroOptions = {}): void {
    this.#requireWritable();
    requireInside('write-zeroes', offset, lengthBytes, this.sizeBytes);
    const { mayUnmap = false, fast = false, durable = false } = options;
    if (lengthBytes > 0 && !this.#makeHole(offset, lengthBytes, mayUnmap)) {
      if (fast)
        throw new Qcow2Error('UNSUPPORTED', `${this.fileName}: the file system has no quick way to make zeros`, {
          file: this.fileName,
        });
      this.#writeZeroData(offset, lengthBytes);
    }
    if (durable) this.flush();
  }

  /** Whether the bytes from `offset` on are stored or a hole that reads as zeros, up to where that changes or `lengthBytes` end. */
  map(offset: number, lengthBytes: number): MappedRange {
    this.#requireOpen();
    requireInside('map', offset, lengthBytes, this.sizeBytes);
    const whole = { isHole: false, endOffset: offset + lengthBytes };
    const extent = (offset < this.sizeBytes ? this.#file.extentAt(offset) : null) ?? whole;
    return {
      offset,
      lengthBytes: Math.min(lengthBytes, extent.endOffset - offset),
      stored: extent.isHole ? 'zero' : 'data',
      hostOffset: offset,
    };
  }

  close(): void {
    this.#closed = true;
    this.#file.close();
  }

  /** False, with nothing done, where the file system cannot. */
  #makeHole(offset: number, lengthBytes: number, mayUnmap: boolean): boolean {
    const reserve = () => mayUnmap || this.#file.preallocate(offset, lengthBytes);
    // Asked before the content is gone: reserving what has its place already changes nothing.
    return reserve() && this.#file.punchHole(offset, lengthBytes) && reserve();
  }

  #writeZeroData(offset: number, lengthBytes: number): void {
    const zeros = new Uint8Array(Math.min(ZERO_PIECE_BYTES, lengthBytes));
    for (let done = 0; done < lengthBytes; done += zeros.length)
      this.#write(offset + done, zeros.subarray(0, Math.min(zeros.length, lengthBytes - done)));
  }

  /** In whole sectors, which O_DIRECT insists on; the last bytes of a file that ends inside a sector must not extend it. */
  #write(offset: number, bytes: Uint8Array): void {
    const wholeSectors = roundDown(this.sizeBytes, SECTOR_BYTES);
    const aligned = Math.max(0, Math.min(bytes.length, wholeSectors - offset));
    if (aligned > 0) writeBytes(this.#file, offset, bytes.subarray(0, aligned), 'data');
    if (aligned < bytes.length) this.#file.write(offset + aligned, bytes.subarray(aligned), 'data');
  }

  #requireOpen(): void {
    if (!this.#closed) return;
    throw new Qcow2Error('CLOSED', `${this.fileName}: the disk is closed`, { file: this.fileName });
  }

  #requireWritable(): void {
    this.#requireOpen();
    if (!this.readOnly) return;
    throw new Qcow2Error('READ_ONLY', `${this.fileName} is open for reading only`, { file: this.fileName });
  }
}
