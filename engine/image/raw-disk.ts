/** A plain file as a disk: byte n of the file is byte n of the disk. */
import type { BlockFile } from '../io/block-file.ts';
import type { MappedRange } from './qcow2-image.ts';
import type { GuestDisk } from './state.ts';

export class RawDisk implements GuestDisk {
  readonly #file: BlockFile;

  constructor(file: BlockFile) {
    this.#file = file;
  }

  get fileName(): string {
    return this.#file.name;
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes();
  }

  read(offset: number, into: Uint8Array): void {
    this.#file.read(offset, into, 'data');
  }

  /** Whether the bytes from `offset` on are stored or a hole that reads as zeros, up to where that changes or `lengthBytes` end. */
  map(offset: number, lengthBytes: number): MappedRange {
    const extent = this.#file.extentAt?.(offset) ?? { isHole: false, endOffset: offset + lengthBytes };
    return {
      offset,
      lengthBytes: Math.min(lengthBytes, extent.endOffset - offset),
      stored: extent.isHole ? 'zero' : 'data',
      hostOffset: offset,
    };
  }

  close(): void {
    this.#file.close();
  }
}
