/** Finds the records below files and folders. */
import fs from 'node:fs';
import path from 'node:path';
import { RecordError } from '../../results/record-error.ts';
import { UsageError } from '../console/errors.ts';

/** The record files that `place` stands for: itself, or all `.json` files below it, in a fixed order. Throws UsageError when it is neither. */
export function recordFiles(place: string): string[] {
  const status = fs.statSync(place, { throwIfNoEntry: false });
  if (status === undefined) throw new UsageError(`${place}: no such file or folder`);
  if (!status.isDirectory()) return [place];
  return fs
    .readdirSync(place, { encoding: 'utf8', recursive: true })
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => path.join(place, file));
}

/** What `read` makes of `file`, or the line that says why it could not. */
export function orReason<Result>(read: () => Result): { readonly result: Result } | { readonly reason: string } {
  try {
    return { result: read() };
  } catch (error) {
    if (error instanceof RecordError) return { reason: error.message };
    throw error;
  }
}
