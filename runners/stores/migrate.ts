/** Makes or brings up to date the schema of a database; only its owner may. */
import pg from 'pg';
import { UsageError } from '../console/errors.ts';
import { type StoreAddress, storeError } from './connection.ts';
import { GRANTS, MIGRATIONS } from './migrations.ts';

/** Any number: two that migrate at once take turns. */
const MIGRATION_LOCK = 7_267_001;

/**
 * Carries out the steps that the database does not have; `makeQueue` makes the tables of the queue before roles get their rights. Gives the
 * number of steps. @throws UsageError also where the database was made by a newer program.
 */
export async function migrate({ name, config }: StoreAddress, makeQueue: () => Promise<void>): Promise<number> {
  const client = new pg.Client(config);
  try {
    await client.connect();
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await client.query('CREATE SCHEMA IF NOT EXISTS cowbench');
    await client.query(
      'CREATE TABLE IF NOT EXISTS cowbench.migration (step integer PRIMARY KEY, at timestamptz DEFAULT now())',
    );
    const { rows } = await client.query('SELECT count(*)::integer AS done FROM cowbench.migration');
    const { done } = rows[0] as { done: number };
    if (done > MIGRATIONS.length) throw new UsageError(`${name} was made by a newer cowbench: use that one`);
    for (const [index, step] of MIGRATIONS.entries()) {
      if (index < done) continue;
      await client.query('BEGIN');
      await client.query(step);
      await client.query('INSERT INTO cowbench.migration (step) VALUES ($1)', [index]);
      await client.query('COMMIT');
    }
    await makeQueue();
    await client.query(GRANTS);
    return MIGRATIONS.length - done;
  } catch (error) {
    throw error instanceof UsageError ? error : storeError(name, error);
  } finally {
    await client.end();
  }
}
