/** Runs in PostgreSQL: the document as text, byte for byte, and what is asked of it in tables with indexes. */
import pg from 'pg';
import type { RunRecord } from '../../results/record.ts';
import { RecordError } from '../../results/record-error.ts';
import { addSampleLines, type RunSample } from '../../results/run-samples.ts';
import { parseRecord } from '../../results/store.ts';
import { UsageError } from '../console/errors.ts';
import { type StoreAddress, storeError } from './connection.ts';
import {
  APPEND,
  BEGIN,
  COLUMNS,
  DOCUMENT,
  putRun,
  putSamples,
  putSeries,
  runValues,
  SERIES,
  type Statement,
  sampleColumns,
} from './postgres-statements.ts';
import {
  digestOf,
  isFurther,
  isPlainName,
  type PutOutcome,
  type ResultStore,
  type RunQuery,
  type RunSummary,
  type SeriesPoint,
  type SeriesQuery,
  summaryOf,
} from './result-store.ts';

interface PointRow {
  readonly run_id: string;
  readonly started_text: string;
  readonly machine: string;
  readonly commit_hash: string | null;
  readonly value: number;
}

interface RunRow {
  readonly run_id: string;
  readonly plan: string | null;
  readonly commit_hash: string | null;
  readonly machine: string;
  readonly workload: string;
  readonly file_system: string;
  readonly status: RunRecord['status'];
  readonly started_text: string;
  readonly samples: number;
}

/** A connection on which nothing is answered for this long is given up. Large stores take minutes to prune. */
const ANSWER_MS = 300_000;

/** Rows that are asked for at a time: memory does not grow with the store. */
const PAGE_ROWS = 500;

export class PostgresStore implements ResultStore {
  readonly name: string;
  readonly #pool: pg.Pool;

  constructor({ name, config }: StoreAddress) {
    this.name = name;
    this.#pool = new pg.Pool({ ...config, max: 4, query_timeout: ANSWER_MS });
    // An idle connection that breaks is replaced by the next request; without a listener it would end the process.
    this.#pool.on('error', () => {});
  }

  async put(document: string): Promise<PutOutcome> {
    const record = parseRecord('the record', document);
    if (record.status === 'running' && (await this.#begin(record, document))) return 'added';
    return this.#transaction(async (client) => {
      // Two machines that put the same run at once: the second waits for the first.
      await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [record.runId]);
      const { rows } = await client.query(`SELECT ${COLUMNS}, digest FROM cowbench.run WHERE run_id = $1`, [
        record.runId,
      ]);
      const [stored] = rows as (RunRow & { digest: string })[];
      const digest = digestOf(document);
      if (stored?.digest === digest) return 'same';
      const summary = summaryOf(record);
      if (stored !== undefined && !isFurther(summary, summaryOfRow(stored))) return 'kept';
      await putRun(client, summary, digest, document);
      // The document has them.
      await client.query('DELETE FROM cowbench.sample_line WHERE run_id = $1', [record.runId]);
      await putSamples(client, record);
      if (record.status === 'complete') await putSeries(client, record);
      return stored === undefined ? 'added' : 'replaced';
    });
  }

  /** In one round trip. False where the store has a document of the run. */
  async #begin(record: RunRecord, document: string): Promise<boolean> {
    const values = [...runValues(summaryOf(record), digestOf(document), document), ...sampleColumns(record)];
    return (await this.#rows({ name: 'begin', text: BEGIN }, values)).length > 0;
  }

  async append(runId: string, sample: RunSample): Promise<void> {
    const { cell, control, order, result } = sample;
    const times = [result.times.wallNs, result.histograms.guestFlush?.p50Ns ?? null];
    const rows = await this.#rows({ name: 'append', text: APPEND }, [
      runId,
      cell,
      control,
      order,
      ...times,
      JSON.stringify(sample),
    ]);
    if (rows.length === 0) throw new RecordError(`no run ${runId} is being measured in ${this.name}`);
  }

  async document(runId: string): Promise<string | null> {
    const rows = await this.#rows<{ document: string; lines: string[] | null }>(DOCUMENT, [runId]);
    const [{ document, lines } = { document: null, lines: null }] = rows;
    if (document === null || lines === null) return document;
    const name = `run ${runId}`;
    const record = parseRecord(name, document);
    addSampleLines(lines, name, record);
    return `${JSON.stringify(record)}\n`;
  }

  async *find({ plan, commit, machine, workload, status, newest }: RunQuery): AsyncGenerator<RunSummary> {
    const wanted = [plan, commit, machine, workload, status].map((value) => value ?? null);
    let left = newest ?? Number.POSITIVE_INFINITY;
    let after: readonly [string | null, string | null] = [null, null];
    while (left > 0) {
      const rows: RunRow[] = await this.#rows<RunRow>(
        `SELECT ${COLUMNS} FROM cowbench.run
         WHERE ($1::text IS NULL OR plan = $1) AND ($2::text IS NULL OR commit_hash = $2)
           AND ($3::text IS NULL OR machine = $3) AND ($4::text IS NULL OR workload = $4)
           AND ($5::text IS NULL OR status = $5)
           AND ($6::text IS NULL OR (started_at, run_id) < ($6::text::timestamptz, $7::text))
         ORDER BY started_at DESC, run_id DESC LIMIT $8`,
        [...wanted, ...after, Math.min(left, PAGE_ROWS)],
      );
      yield* rows.map(summaryOfRow);
      left -= rows.length;
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE_ROWS) return;
      after = [last.started_text, last.run_id];
    }
  }

  async *series({ metric, workload, cell, machine }: SeriesQuery): AsyncGenerator<SeriesPoint> {
    const values = [workload, cell, metric, machine ?? null];
    const rows = await this.#rows<PointRow>({ name: 'series', text: SERIES }, values);
    for (const { run_id, started_text, commit_hash, ...row } of rows) {
      yield { runId: run_id, startedAt: started_text, machine: row.machine, commit: commit_hash, value: row.value };
    }
  }

  async attach(runId: string, name: string, bytes: Uint8Array): Promise<void> {
    if (!isPlainName(name) || name === 'json') throw new UsageError(`"${name}" is no name of an attachment`);
    const { rowCount } = await this.#ask(
      `INSERT INTO cowbench.attachment (run_id, name, bytes) SELECT run_id, $2, $3 FROM cowbench.run WHERE run_id = $1
       ON CONFLICT (run_id, name) DO UPDATE SET bytes = excluded.bytes`,
      [runId, name, Buffer.from(bytes)],
    );
    if (rowCount === 0) throw new RecordError(`there is no run ${runId} in ${this.name}`);
  }

  async attachments(runId: string): Promise<string[]> {
    const rows = await this.#rows<{ name: string }>('SELECT name FROM cowbench.attachment WHERE run_id = $1', [runId]);
    return rows.map(({ name }) => name).sort();
  }

  async attachment(runId: string, name: string): Promise<Uint8Array | null> {
    const rows = await this.#rows<{ bytes: Buffer }>(
      'SELECT bytes FROM cowbench.attachment WHERE run_id = $1 AND name = $2',
      [runId, name],
    );
    return rows[0]?.bytes ?? null;
  }

  async prune(before: Date): Promise<number> {
    const { rowCount } = await this.#ask("DELETE FROM cowbench.run WHERE status <> 'running' AND started_at < $1", [
      before,
    ]);
    return rowCount ?? 0;
  }

  async *verify(): AsyncGenerator<string> {
    for await (const summary of this.find({})) {
      const { runId } = summary;
      const rows = await this.#rows<{ document: string; digest: string; count: string; lines: string[] | null }>(
        `SELECT document, digest, (SELECT count(*) FROM cowbench.sample s WHERE s.run_id = r.run_id),
           (SELECT array_agg(l.line ORDER BY l.place) FROM cowbench.sample_line l WHERE l.run_id = r.run_id) AS lines
         FROM cowbench.run r WHERE run_id = $1`,
        [runId],
      );
      // Removed meanwhile.
      if (rows[0] === undefined) continue;
      const { document, digest, count, lines } = rows[0];
      if (digestOf(document) !== digest) yield `run ${runId}: its document is not the one that was stored`;
      try {
        const record = parseRecord(`run ${runId}`, document);
        addSampleLines(lines ?? [], `run ${runId}`, record);
        const found = summaryOf(record);
        if (JSON.stringify(found) !== JSON.stringify(summary))
          yield `run ${runId}: its row says other than its document`;
        if (Number(count) !== found.samples)
          yield `run ${runId}: ${count} samples, and ${found.samples} in its document`;
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        yield error.message;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end();
  }

  async #rows<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return (await this.#ask(statement, values)).rows as Row[];
  }

  async #ask(statement: Statement, values: readonly unknown[]): Promise<pg.QueryResult> {
    const config = typeof statement === 'string' ? { text: statement } : statement;
    try {
      return await this.#pool.query({ ...config, values: [...values] });
    } catch (error) {
      throw storeError(this.name, error);
    }
  }

  async #transaction<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    let client: pg.PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT');
      client.release();
      return result;
    } catch (error) {
      // Ends the transaction with its connection, which may be broken.
      client?.release(true);
      if (error instanceof RecordError) throw error;
      throw storeError(this.name, error);
    }
  }
}

function summaryOfRow(row: RunRow): RunSummary {
  const { run_id: runId, status, started_text: startedAt, machine, commit_hash: commit, workload, plan, samples } = row;
  return { runId, status, startedAt, machine, commit, workload, fileSystem: row.file_system, plan, samples };
}
