/**
 * The one error that the engine throws on purpose. Anything else that escapes is a defect.
 */
import type { TableKind } from './table-kind.ts';

/** What went wrong, for programs; the text of an error may change, its code does not. */
export type Qcow2ErrorCode =
  /** The image contradicts the specification or itself. */
  | 'CORRUPT'
  /** A valid image that needs a feature this engine does not have. */
  | 'UNSUPPORTED'
  /** The file system under the image is full. */
  | 'NO_SPACE'
  /** The operating system failed a read, write or sync. */
  | 'IO'
  /** Another program uses the file, and its locks rule out what was asked for. */
  | 'IN_USE'
  /** A change was asked of an image opened for reading. */
  | 'READ_ONLY'
  /** The caller's argument makes no sense for this image. */
  | 'INVALID_ARGUMENT'
  /** A request reaches past the end of the disk. */
  | 'OUT_OF_RANGE'
  /** The image was closed before. */
  | 'CLOSED';

/** Facts about an error, for programs; the message says them in words: which table, which offset in bytes, what was expected. */
export interface ErrorFacts {
  readonly file?: string;
  readonly table?: TableKind;
  readonly offset?: number;
  readonly expected?: string | number;
  readonly found?: string | number;
}

/** What the engine throws on purpose: a stable `code`, a text of one line, and `facts` such as the table and the offset in bytes. */
export class Qcow2Error extends Error {
  override readonly name = 'Qcow2Error';
  readonly code: Qcow2ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: Qcow2ErrorCode, message: string, facts: ErrorFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.facts = facts;
  }
}

/** The image in `file` contradicts the specification or itself. The message leads with the file's name; offsets are decimal. */
export function corrupt(file: string, why: string, facts: Omit<ErrorFacts, 'file'> = {}): Qcow2Error {
  return new Qcow2Error('CORRUPT', `${file}: ${why}`, { file, ...facts });
}

/** Turns an error of `node:fs` into a {@link Qcow2Error}; `what` names the operation and the file. */
export function fromSystemError(error: unknown, what: string, facts: ErrorFacts = {}): Qcow2Error {
  if (error instanceof Qcow2Error) return error;
  const errno = (error as NodeJS.ErrnoException).code;
  const code = errno === 'ENOSPC' || errno === 'EDQUOT' ? 'NO_SPACE' : 'IO';
  return new Qcow2Error(code, `${what}: ${describeErrno(errno, error)}`, facts, error);
}

const ERRNO_TEXT: Record<string, string> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOSPC: 'no space left on device',
  EDQUOT: 'disk quota exceeded',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  EROFS: 'read-only file system',
  EINVAL: 'invalid argument',
  EFBIG: 'file too large',
  EEXIST: 'already exists',
};

function describeErrno(errno: string | undefined, error: unknown): string {
  if (errno === undefined) return error instanceof Error ? error.message : String(error);
  return ERRNO_TEXT[errno] ?? errno;
}
