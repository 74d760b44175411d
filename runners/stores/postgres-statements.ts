/** The statements of the store in PostgreSQL; all values are parameters. */
import type pg from 'pg';
import type { RunRecord } from '../../results/record.ts';
import { type RunSummary, sampleRows, seriesValues, summaryOf } from './result-store.ts';

/** One with a name is planned once for each connection. */
export type Statement = string | { readonly name: string; readonly text: string };

export const COLUMNS = 'run_id, plan, commit_hash, machine, workload, file_system, status, started_text, samples';

export const DOCUMENT = `
  SELECT document, (SELECT array_agg(l.line ORDER BY l.place) FROM cowbench.sample_line l WHERE l.run_id = r.run_id) AS lines
  FROM cowbench.run r WHERE run_id = $1
`;

/** In one round trip; a row where there is such a run. A sample that its document has is not added. */
export const APPEND = `
  WITH found AS (SELECT run_id FROM cowbench.run WHERE run_id = $1 AND status = 'running'),
  added AS (
    INSERT INTO cowbench.sample (run_id, cell, control, place, wall_ns, flush_ns)
    SELECT run_id, $2::smallint, $3::boolean, $4::integer, $5::bigint, $6::bigint FROM found
    ON CONFLICT DO NOTHING RETURNING run_id
  ),
  line AS (
    INSERT INTO cowbench.sample_line (run_id, cell, control, place, line)
    SELECT run_id, $2::smallint, $3::boolean, $4::integer, $7::text FROM added
  ),
  counted AS (UPDATE cowbench.run r SET samples = samples + 1 FROM added WHERE r.run_id = added.run_id)
  SELECT run_id FROM found
`;

/** In the order of the index, which has every column that is asked for. */
export const SERIES = `
  SELECT run_id, started_text, machine, commit_hash, value FROM cowbench.metric
  WHERE series = (SELECT series FROM cowbench.metric_series WHERE workload = $1 AND cell = $2 AND metric = $3)
    AND ($4::text IS NULL OR machine = $4)
  ORDER BY started_at, run_id
`;

/**
 * A new run that is being measured, with the samples that its document has; no row where there is a document of it. Series are of complete
 * runs.
 */
export const BEGIN = `
  WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))),
  begun AS (
    INSERT INTO cowbench.run (${COLUMNS}, started_at, digest, document)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8::text, $9::integer, $8::text::timestamptz, $10, $11 FROM turn
    ON CONFLICT (run_id) DO NOTHING RETURNING run_id
  ),
  added AS (
    INSERT INTO cowbench.sample (run_id, cell, control, place, wall_ns, flush_ns)
    SELECT begun.run_id, given.*
    FROM begun, unnest($12::smallint[], $13::boolean[], $14::integer[], $15::bigint[], $16::bigint[]) AS given
    ON CONFLICT DO NOTHING
  )
  SELECT run_id FROM begun
`;

/** In the order of the columns of `cowbench.run`. */
export function runValues(run: RunSummary, digest: string, document: string): unknown[] {
  const { runId, plan, commit, machine, workload, fileSystem, status, startedAt, samples } = run;
  return [runId, plan, commit, machine, workload, fileSystem, status, startedAt, samples, digest, document];
}

/** A column each. */
export function sampleColumns(record: RunRecord): unknown[][] {
  const rows = sampleRows(record);
  return [
    ...[rows.map(({ cell }) => cell), rows.map(({ control }) => control), rows.map(({ order }) => order)],
    ...[rows.map(({ wallNs }) => wallNs), rows.map(({ flushNs }) => flushNs)],
  ];
}

export async function putRun(client: pg.PoolClient, run: RunSummary, digest: string, document: string): Promise<void> {
  await client.query(
    `INSERT INTO cowbench.run (${COLUMNS}, started_at, digest, document)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text, $9, $8::text::timestamptz, $10, $11)
     ON CONFLICT (run_id) DO UPDATE SET status = excluded.status, samples = excluded.samples,
       digest = excluded.digest, document = excluded.document`,
    runValues(run, digest, document),
  );
}

/** A sample is named by its place in the schedule: it is there once, however often its run is put. */
export async function putSamples(client: pg.PoolClient, record: RunRecord): Promise<void> {
  await client.query(
    `INSERT INTO cowbench.sample (run_id, cell, control, place, wall_ns, flush_ns)
     SELECT $1, * FROM unnest($2::smallint[], $3::boolean[], $4::integer[], $5::bigint[], $6::bigint[])
     ON CONFLICT DO NOTHING`,
    [record.runId, ...sampleColumns(record)],
  );
}

export async function putSeries(client: pg.PoolClient, record: RunRecord): Promise<void> {
  const rows = seriesValues(record);
  const columns = [
    ...[rows.map(({ workload }) => workload), rows.map(({ cell }) => cell), rows.map(({ metric }) => metric)],
  ];
  await client.query(
    `INSERT INTO cowbench.metric_series (workload, cell, metric)
     SELECT DISTINCT workload, cell, metric
     FROM unnest($1::text[], $2::text[], $3::text[]) AS given (workload, cell, metric)
     ON CONFLICT DO NOTHING`,
    columns,
  );
  const { runId, startedAt, machine, commit } = summaryOf(record);
  await client.query(
    `INSERT INTO cowbench.metric (series, run_id, value, started_at, started_text, machine, commit_hash)
     SELECT DISTINCT ON (series) series, $5, value, $6::text::timestamptz, $6::text, $7, $8
     FROM unnest($1::text[], $2::text[], $3::text[], $4::double precision[]) AS given (workload, cell, metric, value)
     JOIN cowbench.metric_series s USING (workload, cell, metric)
     ON CONFLICT (series, run_id) DO UPDATE SET value = excluded.value`,
    [...columns, rows.map(({ value }) => value), runId, startedAt, machine, commit],
  );
}
