/** Where images go when nobody says: a disk that is really there, near the user. */
import fs from 'node:fs';
import os from 'node:os';
import { fileSystemOf } from './file-system.ts';

/**
 * The current directory, unless it is in memory or cannot be written; then the home directory or /var/tmp; if none of them
 * will do, the current directory after all, and the run warns.
 */
export function defaultImagesDirectory(): string {
  const candidates = [process.cwd(), os.homedir(), '/var/tmp'];
  return candidates.find(isWritableDisk) ?? process.cwd();
}

function isWritableDisk(directory: string): boolean {
  try {
    fs.accessSync(directory, fs.constants.W_OK);
    return !fileSystemOf(directory).tmpfs;
  } catch {
    return false;
  }
}
