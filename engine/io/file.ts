/**
 * A real file as a {@link BlockFile}, one system call an operation, in the five host cache modes.
 *
 * Synchronous on purpose: a 4 KiB page-cache write costs about 2 µs as a call and 20 µs through the thread pool.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fromSystemError, Qcow2Error } from '../base/errors.ts';
import { exactText, SECTOR_BYTES } from '../base/units.ts';
import { AlignedBuffer } from './aligned-buffer.ts';
import type { BlockFile, FileExtent, HostCacheMode, SyncCause, TableKind } from './block-file.ts';
import { preallocate, punchHole } from './fallocate.ts';
import { type FileLock, type FileUse, lockFile } from './file-locks.ts';
import { extentAt } from './holes.ts';

/** How a file of the host is opened. */
export interface OpenFileOptions {
  /** How the host caches this file. Default `writeback`. */
  readonly mode?: HostCacheMode;
  readonly readOnly?: boolean;
  /** Create the file, empty; an existing file of that name is emptied. */
  readonly create?: boolean;
  /** Keeps other programs from using the file in a way that rules this use out, see `file-locks.ts`. Default: nothing is locked. */
  readonly lock?: FileUse;
  /** Called with the reason why nothing is locked, where the platform or the file system has no such locks. */
  readonly onUnlocked?: (why: string) => void;
}

const { O_CREAT, O_DSYNC, O_RDONLY, O_RDWR, O_TRUNC } = fs.constants;
/** Not defined on every platform; 0 there means that `none` and `directsync` are refused. */
const O_DIRECT = fs.constants.O_DIRECT ?? 0;

/**
 * Opens the file at `filePath`.
 * @throws Qcow2Error IO when the operating system refuses, UNSUPPORTED when the platform or file system has no O_DIRECT.
 */
export function openFile(filePath: string, options: OpenFileOptions = {}): BlockFile {
  const mode = options.mode ?? 'writeback';
  const readOnly = options.readOnly ?? false;
  const direct = mode === 'none' || mode === 'directsync';
  if (direct && O_DIRECT === 0) {
    throw new Qcow2Error('UNSUPPORTED', `host cache mode ${mode} needs O_DIRECT, which this platform does not have`);
  }
  let flags = readOnly ? O_RDONLY : O_RDWR;
  // What is locked is emptied only when the lock is there.
  if (options.create) flags += options.lock === undefined ? O_CREAT + O_TRUNC : O_CREAT;
  if (mode === 'writethrough' || mode === 'directsync') flags += O_DSYNC;
  if (direct) flags += O_DIRECT;
  try {
    const descriptor = fs.openSync(filePath, flags, 0o644);
    const lock = lockOpened(filePath, descriptor, options);
    if (options.create && lock !== null) fs.ftruncateSync(descriptor);
    if (options.create) syncDirectory(path.dirname(filePath));
    return new RealFile(filePath, descriptor, { mode, readOnly, lock });
  } catch (error) {
    if (direct && (error as NodeJS.ErrnoException).code === 'EINVAL') {
      throw new Qcow2Error('UNSUPPORTED', `${filePath}: this file system refuses O_DIRECT (host cache mode ${mode})`);
    }
    throw fromSystemError(error, `cannot open ${filePath}`, { file: filePath });
  }
}

/** Closes the file again when it cannot be locked. */
function lockOpened(filePath: string, descriptor: number, { lock: use, onUnlocked }: OpenFileOptions): FileLock | null {
  if (use === undefined) return null;
  try {
    const lock = lockFile(descriptor, filePath, use);
    if (lock.missing !== null) onUnlocked?.(lock.missing);
    return lock;
  } catch (error) {
    fs.closeSync(descriptor);
    throw error;
  }
}

/** A new file's name is durable only when its directory is. */
function syncDirectory(directory: string): void {
  const descriptor = fs.openSync(directory, O_RDONLY);
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

interface RealFileOptions {
  readonly mode: HostCacheMode;
  readonly readOnly: boolean;
  readonly lock: FileLock | null;
}

class RealFile implements BlockFile {
  readonly name: string;
  readonly writesAreDurable: boolean;
  readonly ignoresSyncs: boolean;
  readonly readOnly: boolean;
  readonly sectorsOnly: boolean;
  readonly #descriptor: number;
  /** O_DIRECT wants page-aligned memory: requests pass through this buffer. */
  readonly #bounce: AlignedBuffer | null;
  #endBytes: number;
  readonly #lock: FileLock | null;
  #failedSync: unknown = null;
  #closed = false;

  constructor(name: string, descriptor: number, { mode, readOnly, lock }: RealFileOptions) {
    this.name = name;
    this.#descriptor = descriptor;
    this.readOnly = readOnly;
    this.#lock = lock;
    this.writesAreDurable = mode === 'writethrough' || mode === 'directsync';
    this.ignoresSyncs = mode === 'unsafe';
    this.sectorsOnly = mode === 'none' || mode === 'directsync';
    this.#bounce = this.sectorsOnly ? new AlignedBuffer() : null;
    this.#endBytes = fs.fstatSync(descriptor).size;
  }

  sizeBytes(): number {
    return this.#endBytes;
  }

  read(offset: number, into: Uint8Array, _kind: TableKind): void {
    const target = this.#bounce?.of(into.length) ?? into;
    let done = 0;
    try {
      do {
        const got = this.#readPart(target, done, into.length - done, offset + done);
        done += got;
        // A short read before the end is resumed; one that reaches the end needs no second call to learn so.
        if (got === 0) break;
      } while (done < into.length && offset + done < this.#endBytes);
    } catch (error) {
      throw this.#failure(error, 'read', offset, into.length);
    }
    target.fill(0, done, into.length);
    if (target !== into) into.set(target.subarray(0, into.length));
  }

  write(offset: number, from: Uint8Array, _kind: TableKind): void {
    this.#refuseWhenUnwritable();
    let source = from;
    if (this.#bounce) {
      if (offset % SECTOR_BYTES !== 0 || from.length % SECTOR_BYTES !== 0) {
        throw new Qcow2Error(
          'INVALID_ARGUMENT',
          `${this.name}: O_DIRECT write of ${from.length} bytes at ${offset} is not sector-aligned`,
        );
      }
      source = this.#bounce.of(from.length);
      source.set(from);
    }
    let done = 0;
    try {
      while (done < from.length) {
        const put = fs.writeSync(this.#descriptor, source, done, from.length - done, offset + done);
        // Asked again it could say so for ever.
        if (put === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' });
        done += put;
      }
    } catch (error) {
      throw this.#failure(error, 'write', offset + done, from.length - done);
    } finally {
      this.#endBytes = Math.max(this.#endBytes, offset + done);
    }
  }

  sync(_cause: SyncCause): void {
    this.#refuseWhenUnwritable();
    if (this.ignoresSyncs) return;
    try {
      fs.fdatasyncSync(this.#descriptor);
    } catch (error) {
      this.#failedSync = error;
      throw fromSystemError(error, `cannot sync ${this.name}`, { file: this.name });
    }
  }

  truncate(sizeBytes: number): void {
    this.#refuseWhenUnwritable();
    try {
      fs.ftruncateSync(this.#descriptor, sizeBytes);
    } catch (error) {
      throw fromSystemError(error, `cannot set the size of ${this.name} to ${sizeBytes} bytes`, { file: this.name });
    }
    this.#endBytes = sizeBytes;
  }

  punchHole(offset: number, lengthBytes: number): boolean {
    this.#refuseWhenUnwritable();
    return punchHole(this.#descriptor, offset, lengthBytes);
  }

  preallocate(offset: number, lengthBytes: number): boolean {
    this.#refuseWhenUnwritable();
    const done = preallocate(this.#descriptor, offset, lengthBytes);
    if (done) this.#endBytes = Math.max(this.#endBytes, offset + lengthBytes);
    return done;
  }

  extentAt(offset: number): FileExtent | null {
    return extentAt(this.#descriptor, offset, this.#endBytes);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#lock?.release();
    fs.closeSync(this.#descriptor);
  }

  /** One read of the system, short or not. Node makes every other call again that was interrupted, but not this one. */
  #readPart(into: Uint8Array, at: number, lengthBytes: number, offset: number): number {
    for (;;) {
      try {
        return fs.readSync(this.#descriptor, into, at, lengthBytes, offset);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EINTR') throw error;
      }
    }
  }

  #refuseWhenUnwritable(): void {
    if (this.readOnly) throw new Qcow2Error('READ_ONLY', `${this.name} is open for reading only`, { file: this.name });
    if (this.#failedSync !== null) {
      throw new Qcow2Error(
        'IO',
        `${this.name}: a sync failed earlier, so nothing written since is certain; close the image and check it`,
        { file: this.name },
        this.#failedSync,
      );
    }
  }

  #failure(error: unknown, verb: string, offset: number, lengthBytes: number): Qcow2Error {
    return fromSystemError(
      error,
      `cannot ${verb} ${lengthBytes} bytes at offset ${exactText(offset)} of ${this.name}`,
      {
        file: this.name,
        offset,
      },
    );
  }
}
