/** A small file system in memory, for tests of disks that are full or cannot be written. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export const NO_MOUNT = 'NOT TESTED: this needs the right to mount a tmpfs (root)';

/** Runs `work` with such a file system mounted below `folder`; null when this system permits no mount. */
export async function onSmallTmpfs<Result>(
  folder: string,
  options: string,
  work: (mountPoint: string) => Promise<Result>,
): Promise<Result | null> {
  const mountPoint = path.join(folder, 'small');
  fs.mkdirSync(mountPoint, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', mountPoint], { stdio: 'ignore' });
  } catch {
    return null;
  }
  try {
    return await work(mountPoint);
  } finally {
    execFileSync('umount', [mountPoint]);
  }
}

/** Takes all the space that is left, by a file of its own; gives its path. */
export function fill(mountPoint: string): string {
  const file = path.join(mountPoint, 'filler');
  const descriptor = fs.openSync(file, 'w');
  const block = new Uint8Array(4096);
  try {
    for (;;) fs.writeSync(descriptor, block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    fs.closeSync(descriptor);
  }
  return file;
}
