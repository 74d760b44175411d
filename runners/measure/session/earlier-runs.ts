/** Earlier runs on the same machine, for the course of each number in a comparison: the newest of the store. */
import path from 'node:path';
import type { RunRecord } from '../../../results/record.ts';
import { readRecord, storedFiles } from '../../../results/store.ts';

const MOST_RUNS = 30;

/** Of the folder of the machine that `recordFile` lies in (`MACHINE/COMMIT/RUN.json`), by the names of the runs, which begin with their time. */
export function* newestRuns(recordFile: string): Generator<RunRecord> {
  const machine = path.dirname(path.dirname(recordFile));
  const files = storedFiles(path.dirname(machine)).filter((file) => file.startsWith(machine + path.sep));
  const newest = files.toSorted((a, b) => path.basename(b).localeCompare(path.basename(a))).slice(0, MOST_RUNS);
  for (const file of newest) {
    try {
      yield readRecord(file);
    } catch {
      // What is no record is no run; other commands say what is wrong with it.
    }
  }
}
