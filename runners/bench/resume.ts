/** Finds the run to go on with: the newest record of the same plan, made by the same state of this program on this machine. */
import fs from 'node:fs';
import path from 'node:path';
import type { RunRecord } from '../../results/record.ts';
import { readRecord, recordPath } from '../../results/store.ts';
import { UsageError } from '../errors.ts';

/**
 * The file of that record, finished or not; null when there is none. `fresh` is what a new run would begin with.
 * @throws UsageError when this program has changes that are in no commit and the record was made with others.
 */
export function findResumable(root: string, fresh: RunRecord): string | null {
  const folder = path.dirname(recordPath(root, fresh));
  if (!fs.existsSync(folder)) return null;
  // Run ids begin with the time, so names sort by age.
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
  for (const name of names.sort().reverse()) {
    const file = path.join(folder, name);
    const record = readRecord(file);
    if (record.plan !== fresh.plan) continue;
    if (record.source.changes === fresh.source.changes) return file;
    throw new UsageError(`--resume: the program was changed since ${file} was begun; start the run anew`);
  }
  return null;
}
