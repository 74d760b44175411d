/** An image file in memory, for tests, for the crash explorer and for trying things out. */
import { Qcow2Error } from '../base/errors.ts';
import { GiB } from '../base/units.ts';
import type { BlockFile, FileExtent, SyncCause, TableKind } from './block-file.ts';

/** No image in memory is larger: one wrong pointer must not take the machine's memory. */
const LARGEST_BYTES = 4 * GiB;

/** A file in memory alone; a sync of it does nothing. */
export class MemoryFile implements BlockFile {
  readonly name: string;
  readonly writesAreDurable: boolean;
  readonly ignoresSyncs = false;
  readonly sectorsOnly: boolean = false;
  readonly readOnly: boolean;
  #bytes: Uint8Array;
  #endBytes: number;

  /** `initial` is copied. `writesAreDurable` imitates a file opened O_DSYNC. */
  constructor(
    name = 'memory',
    initial: Uint8Array = new Uint8Array(0),
    options: { writesAreDurable?: boolean; readOnly?: boolean } = {},
  ) {
    this.name = name;
    // Not slice(): of a Buffer that would be the same memory.
    this.#bytes = new Uint8Array(initial);
    this.#endBytes = initial.length;
    this.writesAreDurable = options.writesAreDurable ?? false;
    this.readOnly = options.readOnly ?? false;
  }

  /** A copy of the whole content. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#endBytes);
  }

  sizeBytes(): number {
    return this.#endBytes;
  }

  read(offset: number, into: Uint8Array, _kind: TableKind): void {
    const available = Math.max(0, Math.min(into.length, this.#endBytes - offset));
    if (available > 0) into.set(this.#bytes.subarray(offset, offset + available));
    into.fill(0, available);
  }

  write(offset: number, from: Uint8Array, _kind: TableKind): void {
    this.#refuseWhenReadOnly();
    this.#reserve(offset + from.length);
    this.#bytes.set(from, offset);
    this.#endBytes = Math.max(this.#endBytes, offset + from.length);
  }

  sync(_cause: SyncCause): void {
    this.#refuseWhenReadOnly();
  }

  truncate(sizeBytes: number): void {
    this.#refuseWhenReadOnly();
    this.#reserve(sizeBytes);
    if (sizeBytes < this.#endBytes) this.#bytes.fill(0, sizeBytes, this.#endBytes);
    this.#endBytes = sizeBytes;
  }

  punchHole(offset: number, lengthBytes: number): boolean {
    this.#refuseWhenReadOnly();
    this.#bytes.fill(0, Math.min(offset, this.#endBytes), Math.min(offset + lengthBytes, this.#endBytes));
    return true;
  }

  /** The memory is there already: only the size changes. */
  preallocate(offset: number, lengthBytes: number): boolean {
    this.#refuseWhenReadOnly();
    if (offset + lengthBytes > this.#endBytes) this.truncate(offset + lengthBytes);
    return true;
  }

  extentAt(): FileExtent | null {
    return null;
  }

  close(): void {}

  #refuseWhenReadOnly(): void {
    if (this.readOnly) throw new Qcow2Error('READ_ONLY', `${this.name} is open for reading only`, { file: this.name });
  }

  /** Grows by half at least, so that a run of appends is linear. Bytes past the end are kept zero. */
  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.#bytes.length) return;
    if (sizeBytes > LARGEST_BYTES) {
      const message = `${this.name}: ${sizeBytes} bytes do not fit into memory (the limit is ${LARGEST_BYTES})`;
      throw new Qcow2Error('NO_SPACE', message, { file: this.name });
    }
    const grown = new Uint8Array(Math.max(sizeBytes, Math.ceil(this.#bytes.length * 1.5)));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
