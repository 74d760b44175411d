/** Which file a path leads to, without opening it: links resolved, and never a device, a pipe or a socket. */
import fs from 'node:fs';
import { fromSystemError, Qcow2Error } from '../base/errors.ts';

export interface FileIdentity {
  /** Absolute, links resolved. */
  readonly path: string;
  /** Equal for two paths to one file. */
  readonly key: string;
}

/** @throws Qcow2Error IO when there is nothing at `filePath`, INVALID_ARGUMENT when it is no regular file. */
export function identifyFile(filePath: string): FileIdentity {
  try {
    const path = fs.realpathSync(filePath);
    const { dev, ino } = fs.statSync(path);
    if (fs.statSync(path).isFile()) return { path, key: `${dev}:${ino}` };
  } catch (error) {
    throw fromSystemError(error, `cannot open ${JSON.stringify(filePath)}`, { file: filePath });
  }
  throw new Qcow2Error('INVALID_ARGUMENT', `${JSON.stringify(filePath)} is not a regular file`, { file: filePath });
}
