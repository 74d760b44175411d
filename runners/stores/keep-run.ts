/** Puts a run that lies in files into the store, with its report. */
import fs from 'node:fs';
import { UsageError } from '../console/errors.ts';
import { STORE_VARIABLE } from './connection.ts';
import type { ResultStore } from './result-store.ts';

/** The store that a run goes to besides its files; null: files only. */
export function secondStore(given: unknown): string | null {
  const place = given ?? process.env[STORE_VARIABLE];
  return typeof place === 'string' && place !== '' ? place : null;
}

/** @throws UsageError where the store does not take it, which says that the files have it. */
export async function keepRun(
  store: ResultStore,
  runId: string,
  recordFile: string,
  reportFile: string | null,
): Promise<void> {
  try {
    await store.put(fs.readFileSync(recordFile, 'utf8'));
    if (reportFile !== null) await store.attach(runId, 'html', fs.readFileSync(reportFile));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message}; the run is in ${recordFile}: cowbench store import takes it from there`);
  }
}
