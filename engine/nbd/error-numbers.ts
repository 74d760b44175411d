/** Which error number of the protocol says what the engine means. */
import type { Qcow2ErrorCode } from '../base/errors.ts';
import type { NbdErrno } from './protocol.ts';

const NUMBERS: Readonly<Record<Exclude<Qcow2ErrorCode, 'OUT_OF_RANGE'>, NbdErrno>> = {
  CORRUPT: 'EIO',
  UNSUPPORTED: 'ENOTSUP',
  NO_SPACE: 'ENOSPC',
  IO: 'EIO',
  IN_USE: 'EPERM',
  READ_ONLY: 'EPERM',
  INVALID_ARGUMENT: 'EINVAL',
  CLOSED: 'ESHUTDOWN',
};

/** `grows`: the request would have written past the end of the disk, which is a lack of space there. */
export function nbdErrorOf(code: Qcow2ErrorCode, grows: boolean): NbdErrno {
  if (code === 'OUT_OF_RANGE') return grows ? 'ENOSPC' : 'EINVAL';
  return NUMBERS[code];
}
