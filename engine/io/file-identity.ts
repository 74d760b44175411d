/** Which file a path leads to, without opening it: links resolved, and never a device, a pipe or a socket. */
import fs from 'node:fs';
import { basename, isAbsolute } from 'node:path';
import { fromSystemError, Qcow2Error } from '../base/errors.ts';

/** A regular file, whatever path led to it. */
export interface FileIdentity {
  /** Absolute, links resolved. */
  readonly path: string;
  /** Equal for two paths to one file. */
  readonly key: string;
}

/** @throws Qcow2Error IO when there is nothing at `filePath`, INVALID_ARGUMENT when it is no regular file. */
export function identifyFile(filePath: string): FileIdentity {
  try {
    // The system's own resolution: `..` after a link to a folder leads out of the folder that the link leads to.
    const path = fs.realpathSync.native(filePath);
    const { dev, ino } = fs.statSync(path);
    if (fs.statSync(path).isFile()) return { path, key: `${dev}:${ino}` };
  } catch (error) {
    throw fromSystemError(error, `cannot open ${JSON.stringify(filePath)}`, { file: filePath });
  }
  throw new Qcow2Error('INVALID_ARGUMENT', `${JSON.stringify(filePath)} is not a regular file`, { file: filePath });
}

/**
 * Where the relative `name` in the image that was named `imageName` leads, as in QEMU: it starts at the folder of the name that
 * the image was given, not at the folder to which a link of that name leads. Not normalised, which would undo `..` after links.
 */
export function fileBeside(imageName: string, name: string): string {
  return isAbsolute(name) ? name : imageName.slice(0, imageName.length - basename(imageName).length) + name;
}
