/** Text files that the user names: whole, and never one that does not end. */
import fs from 'node:fs';
import { systemReason } from './parser-words.ts';

/**
 * The text of `file`, at most `mostBytes` of it in the file.
 * @throws Error with the reason alone for what cannot be read, is larger, or is a device or a pipe, which may never end.
 */
export function textOfFile(file: string, mostBytes: number): string {
  let size: number;
  try {
    const status = fs.statSync(file);
    size = status.isFile() ? status.size : Number.NaN;
    if (status.isDirectory() || size <= mostBytes) return fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(systemReason(error), { cause: error });
  }
  throw new Error(Number.isNaN(size) ? 'not a regular file' : `${size} bytes are too many, at most ${mostBytes}`);
}
