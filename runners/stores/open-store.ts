/** The store that a word names: an address of PostgreSQL, or a folder. */
import path from 'node:path';
import { isPostgres, storeAddress } from './connection.ts';
import { FileStore } from './file-store.ts';
import type { ResultStore } from './result-store.ts';

export async function openStore(place: string): Promise<ResultStore> {
  if (!isPostgres(place)) return new FileStore(path.resolve(place));
  // Most commands need no database.
  const { PostgresStore } = await import('./postgres-store.ts');
  return new PostgresStore(storeAddress(place));
}
