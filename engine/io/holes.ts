/**
 * Where a sparse file has data, by the C library's `lseek`, for which Node has no call. Loaded at the first use.
 * Moves the descriptor's own position, which nothing here relies on: every read and write names its offset.
 */
import os from 'node:os';
import { Qcow2Error } from '../base/errors.ts';
import type { FileExtent } from './block-file.ts';
import { type CFunction, cFunction } from './c-library.ts';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

type Lseek = (descriptor: number, offset: number, whence: number) => number;

let lseek: CFunction<Lseek> | null | undefined;

/**
 * What lies at `offset` (below `fileBytes`, the size of the file), and where that ends; the end of the file is the end of a hole.
 * @returns null where the platform or the file system cannot say.
 * @throws Qcow2Error IO when it can but failed.
 */
export function extentAt(descriptor: number, offset: number, fileBytes: number): FileExtent | null {
  if (lseek === undefined) lseek = cFunction('int64_t lseek(int fd, int64_t offset, int whence)');
  if (lseek === null) return null;
  const data = lseek.call(descriptor, offset, SEEK_DATA);
  if (data > offset) return { isHole: true, endOffset: Math.min(data, fileBytes) };
  if (data === offset) {
    const hole = lseek.call(descriptor, offset, SEEK_HOLE);
    return { isHole: false, endOffset: hole > offset ? Math.min(hole, fileBytes) : fileBytes };
  }
  const errno = lseek.errno();
  const { EINVAL, ENXIO, EOPNOTSUPP } = os.constants.errno;
  // No data from here on.
  if (errno === ENXIO) return { isHole: true, endOffset: fileBytes };
  if (errno === EINVAL || errno === EOPNOTSUPP) return null;
  throw new Qcow2Error('IO', `cannot look for data from offset ${offset} on: errno ${errno}`, { offset });
}
