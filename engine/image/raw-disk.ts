/** A plain file as a disk: byte n of the file is byte n of the disk. */
import type { BlockFile } from '../io/block-file.ts';
import type { GuestDisk } from './state.ts';

export class RawDisk implements GuestDisk {
  readonly #file: BlockFile;

  constructor(file: BlockFile) {
    this.#file = file;
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes();
  }

  read(offset: number, into: Uint8Array): void {
    this.#file.read(offset, into, 'data');
  }

  close(): void {
    this.#file.close();
  }
}
