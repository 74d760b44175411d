/**
 * Keeps programs from changing a file that another one uses: locks on single bytes far inside any image, as QEMU takes and heeds
 * them. Byte 100 + n is held by whoever uses permission n, byte 200 + n by whoever does not share it; each is held as a shared
 * lock, and one that is held by somebody else is found by asking whether it could be had alone.
 *
 * Invariants:
 *  1. The locks belong to a descriptor of their own ("open file description locks"), one a file and process: they end with the
 *     process, however it ends, and a process does not lock itself out.
 *  2. First the own locks are taken, then those of others are looked for: of two that come at once, none or one continues.
 *  3. One process writes to a file through one handle at a time.
 */
import fs from 'node:fs';
import os from 'node:os';
import { fromSystemError, Qcow2Error } from '../base/errors.ts';
import { type CFunction, cFunction } from './c-library.ts';

/** Permissions by their number: what they are called in messages. */
const CONSISTENT_READ = 0;
const WRITE = 1;
const RESIZE = 3;
const PERMISSIONS = [CONSISTENT_READ, WRITE, RESIZE];
const USED_BASE = 100;
const UNSHARED_BASE = 200;

interface Claim {
  readonly uses: readonly number[];
  /** What nobody else may do meanwhile. */
  readonly forbids: readonly number[];
}

const CLAIMS = {
  /** A format with tables: nobody may change them under the reader. */
  'image-read': { uses: [CONSISTENT_READ], forbids: [WRITE, RESIZE] },
  'image-write': { uses: [CONSISTENT_READ, WRITE, RESIZE], forbids: [WRITE, RESIZE] },
  /** A raw disk may change while it is read, as a disk may. */
  'raw-read': { uses: [CONSISTENT_READ], forbids: [] },
  'raw-write': { uses: [CONSISTENT_READ, WRITE, RESIZE], forbids: [WRITE, RESIZE] },
  /** Reads although somebody else may be writing: what is read may contradict itself. */
  'forced-read': { uses: [CONSISTENT_READ], forbids: [] },
} satisfies Record<string, Claim>;

/** What a file is opened for. */
export type FileUse = keyof typeof CLAIMS;

export interface FileLock {
  /** Why there is no lock; null when there is one. */
  readonly missing: string | null;
  release(): void;
}

interface LockedFile {
  readonly descriptor: number;
  readonly uses: FileUse[];
}

/** By device and inode. */
const lockedFiles = new Map<string, LockedFile>();

/**
 * Locks the file of `descriptor`, called `name` in messages, for `use`, until it is released or the process ends. Where the platform
 * or the file system has no such locks, there is none, and {@link FileLock.missing} says why.
 * @throws Qcow2Error IN_USE when another process, or this one, uses the file in a way that rules this out.
 */
export function lockFile(descriptor: number, name: string, use: FileUse): FileLock {
  const fcntl = loadFcntl();
  if (fcntl === null) return unlocked('this platform has no locks that QEMU heeds');
  const { dev, ino } = fs.fstatSync(descriptor);
  const key = `${dev}:${ino}`;
  const locked = lockedFiles.get(key) ?? { descriptor: reopened(descriptor), uses: [] };
  const drop = () => {
    if (locked.uses.length > 0) return giveBack(fcntl, locked);
    lockedFiles.delete(key);
    fs.closeSync(locked.descriptor);
  };
  try {
    if (writes(use) && locked.uses.some(writes)) throw inUse(name, 'this process has it open for writing already');
    const missing = take(fcntl, locked.descriptor, CLAIMS[use]);
    if (missing !== null) {
      drop();
      return unlocked(missing);
    }
    refuseConflict(fcntl, locked.descriptor, name, use);
  } catch (error) {
    drop();
    throw error;
  }
  locked.uses.push(use);
  lockedFiles.set(key, locked);
  return held(() => {
    locked.uses.splice(locked.uses.indexOf(use), 1);
    drop();
  });
}

function unlocked(missing: string): FileLock {
  return { missing, release: () => {} };
}

function held(release: () => void): FileLock {
  let isHeld = true;
  return {
    missing: null,
    release() {
      if (isHeld) release();
      isHeld = false;
    },
  };
}

function writes(use: FileUse): boolean {
  return (CLAIMS[use].uses as readonly number[]).includes(WRITE);
}

/** Another description of the same file: closing it lets go of no lock of the first. */
function reopened(descriptor: number): number {
  try {
    return fs.openSync(`/proc/self/fd/${descriptor}`, fs.constants.O_RDONLY);
  } catch (error) {
    throw fromSystemError(error, 'cannot open a file again to lock it');
  }
}

function inUse(name: string, why: string): Qcow2Error {
  return new Qcow2Error('IN_USE', `${name} is in use: ${why}`, { file: name });
}

/** Null when all of the claim's bytes are held; else why the file system refuses. */
function take(fcntl: Fcntl, descriptor: number, { uses, forbids }: Claim): string | null {
  for (const at of [...uses.map((n) => USED_BASE + n), ...forbids.map((n) => UNSHARED_BASE + n)]) {
    const errno = setLock(fcntl, descriptor, F_RDLCK, at);
    if (errno === 0) continue;
    const { EINVAL, ENOLCK, ENOSYS, EOPNOTSUPP } = os.constants.errno;
    if ([EINVAL, ENOLCK, ENOSYS, EOPNOTSUPP].includes(errno)) return 'the file system has no locks that QEMU heeds';
    throw new Qcow2Error('IO', `cannot lock byte ${at}: errno ${errno}`);
  }
  return null;
}

function refuseConflict(fcntl: Fcntl, descriptor: number, name: string, use: FileUse): void {
  const { uses, forbids }: Claim = CLAIMS[use];
  if (uses.some((n) => isHeldByOthers(fcntl, descriptor, UNSHARED_BASE + n))) {
    throw inUse(name, `another process has it open and lets nobody ${writes(use) ? 'write to' : 'read'} it meanwhile`);
  }
  if (forbids.some((n) => isHeldByOthers(fcntl, descriptor, USED_BASE + n))) {
    throw inUse(name, 'another process has it open for writing');
  }
}

/** Lets go of the bytes that none of the remaining uses needs. */
function giveBack(fcntl: Fcntl, { descriptor, uses }: LockedFile): void {
  const claims: Claim[] = uses.map((use) => CLAIMS[use]);
  for (const n of PERMISSIONS) {
    if (!claims.some((claim) => claim.uses.includes(n))) setLock(fcntl, descriptor, F_UNLCK, USED_BASE + n);
    if (!claims.some((claim) => claim.forbids.includes(n))) setLock(fcntl, descriptor, F_UNLCK, UNSHARED_BASE + n);
  }
}

type Fcntl = CFunction<(descriptor: number, command: number, lock: Uint8Array) => number>;

let loaded: Fcntl | null | undefined;

function loadFcntl(): Fcntl | null {
  // The layout of `struct flock` below is that of 64-bit Linux.
  if (loaded === undefined) {
    const is64Bit = ['x64', 'arm64', 'riscv64', 'ppc64', 's390x', 'loong64'].includes(process.arch);
    loaded = is64Bit ? cFunction('int fcntl(int fd, int command, void *lock)') : null;
  }
  return loaded;
}

const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const [F_RDLCK, F_WRLCK, F_UNLCK] = [0, 1, 2];
const FLOCK_BYTES = 32;

/** `struct flock` for the byte at `at`, counted from the start of the file. */
function flockOf(type: number, at: number): DataView {
  const lock = new DataView(new ArrayBuffer(FLOCK_BYTES));
  const isLittleEndian = os.endianness() === 'LE';
  lock.setInt16(0, type, isLittleEndian);
  lock.setBigInt64(8, BigInt(at), isLittleEndian);
  lock.setBigInt64(16, 1n, isLittleEndian);
  return lock;
}

/** The errno, 0 when it is done. */
function setLock(fcntl: Fcntl, descriptor: number, type: number, at: number): number {
  const lock = flockOf(type, at);
  return fcntl.call(descriptor, F_OFD_SETLK, new Uint8Array(lock.buffer)) === 0 ? 0 : fcntl.errno();
}

function isHeldByOthers(fcntl: Fcntl, descriptor: number, at: number): boolean {
  const lock = flockOf(F_WRLCK, at);
  const failed = fcntl.call(descriptor, F_OFD_GETLK, new Uint8Array(lock.buffer)) !== 0;
  if (failed) throw new Qcow2Error('IO', `cannot ask for the lock of byte ${at}: errno ${fcntl.errno()}`);
  return lock.getInt16(0, os.endianness() === 'LE') !== F_UNLCK;
}
