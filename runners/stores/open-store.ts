/** The store that a word names: an address of PostgreSQL, or a folder. */
import path from 'node:path';
import { UsageError } from '../console/errors.ts';
import { type OptionText, single } from '../console/option-values.ts';
import { isPostgres, STORE_VARIABLE, storeAddress } from './connection.ts';
import { FileStore } from './file-store.ts';
import type { ResultStore } from './result-store.ts';

export async function openStore(place: string): Promise<ResultStore> {
  if (!isPostgres(place)) return new FileStore(path.resolve(place));
  // Most commands need no database.
  const { PostgresStore } = await import('./postgres-store.ts');
  return new PostgresStore(storeAddress(place));
}

/** What `--store`, or else the environment, names. Throws UsageError where nothing does. */
export function storePlace(given: unknown): string {
  const place = given === undefined ? process.env[STORE_VARIABLE] : single('store', given as OptionText);
  if (place !== undefined && place !== '') return place;
  throw new UsageError(`--store or ${STORE_VARIABLE} says which store`);
}
