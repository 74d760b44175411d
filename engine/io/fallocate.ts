/** Hole punching by the C library's `fallocate`. */
import os from 'node:os';
import { Qcow2Error } from '../base/errors.ts';
import { type CFunction, cFunction } from './c-library.ts';

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

type Fallocate = (descriptor: number, mode: number, offset: number, lengthBytes: number) => number;
let fallocate: CFunction<Fallocate> | null | undefined;

/** Calls fallocate; false where the platform or the file system has no such thing. */
function call(descriptor: number, mode: number, offset: number, lengthBytes: number, what: string): boolean {
  if (fallocate === undefined) fallocate = cFunction('int fallocate(int fd, int mode, int64_t offset, int64_t len)');
  if (fallocate === null) return false;
  if (fallocate.call(descriptor, mode, offset, lengthBytes) === 0) return true;
  const errno = fallocate.errno();
  const { EOPNOTSUPP, ENOSYS, ENOSPC } = os.constants.errno;
  if (errno === EOPNOTSUPP || errno === ENOSYS) return false;
  const code = errno === ENOSPC ? 'NO_SPACE' : 'IO';
  throw new Qcow2Error(code, `cannot ${what} ${lengthBytes} bytes at offset ${offset}: errno ${errno}`, { offset });
}

/**
 * Gives `lengthBytes` at `offset` back to the file system; they read as zeros afterwards and the size stays.
 * @returns false where the platform or the file system cannot.
 * @throws Qcow2Error IO when it can but failed.
 */
export function punchHole(descriptor: number, offset: number, lengthBytes: number): boolean {
  return call(descriptor, FALLOC_FL_PUNCH_HOLE + FALLOC_FL_KEEP_SIZE, offset, lengthBytes, 'punch a hole of');
}

/** Takes space for `lengthBytes` at `offset`, extending the file where needed. Throws NO_SPACE when there is none. */
export function preallocate(descriptor: number, offset: number, lengthBytes: number): boolean {
  return call(descriptor, 0, offset, lengthBytes, 'allocate');
}
