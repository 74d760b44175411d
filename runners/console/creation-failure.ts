/** Why nothing could be created in a directory, in words. */
import fs from 'node:fs';

/** `error` is what the attempt to create something in `directory` threw. */
export function creationFailure(directory: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  // Also what file systems like /proc say, in which nothing can ever be created.
  if (code === 'ENOENT') return fs.existsSync(directory) ? 'nothing can be created in it' : 'no such directory';
  if (code === 'ENOTDIR') return 'not a directory';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EROFS') return 'read-only file system';
  if (code === 'ENOSPC') return 'no space left on device';
  return message;
}
