/** Ten thousand runs with a million samples in a PostgreSQL of its own: what begin, append, the end of a run and a series cost then. */
import { performance } from 'node:perf_hooks';
import pg from 'pg';
import type { Cell } from '../../../results/record.ts';
import type { RunSample } from '../../../results/run-samples.ts';
import { median } from '../../../results/statistics.ts';
import { sampleResult } from '../../../results/testing/sample-result.ts';
import { unmeasured } from '../../../results/unmeasured-cell.ts';
import { storeAddress } from '../connection.ts';
import { migrate } from '../migrate.ts';
import { PostgresStore } from '../postgres-store.ts';
import { measuredRecord } from './measured-record.ts';
import { PostgresServer } from './postgres-server.ts';
import { recordNumber, textOf } from './store-suite.ts';

const RUNS = 10_000;
const SAMPLES_PER_RUN = 100;
const REPETITIONS = 50;

/** Runs of a year on twenty machines; each row as `put` would have made it, but for the documents, which are short. */
const FILL = `
  INSERT INTO cowbench.run SELECT 'scale-' || lpad(n::text, 8, '0'), 'plan' || n % 50, md5((n / 10)::text), 'machine' || n % 20,
    'install', 'ext4', 'complete', timestamptz '2025-01-01' + n * interval '50 minutes', '2025-01-01T00:00:00.000Z', 100, '', '{}'
  FROM generate_series(1, $1::integer) AS n;
`;
const SAMPLES = `
  INSERT INTO cowbench.sample SELECT run_id, s % 10, false, s, 1000000 + s, NULL
  FROM cowbench.run, generate_series(1, $1::integer) AS s
`;
const SERIES = `
  INSERT INTO cowbench.metric_series (workload, cell, metric)
  SELECT 'install', 'cell' || c, m FROM generate_series(0, 9) AS c, unnest(ARRAY['fsyncs', 'writes', 'wallNs']) AS m
`;
const METRICS = `
  INSERT INTO cowbench.metric (series, run_id, value, started_at, started_text, machine, commit_hash)
  SELECT series, run_id, random(), started_at, started_text, machine, commit_hash FROM cowbench.metric_series, cowbench.run
`;

async function medianMs(work: (index: number) => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  for (let index = 0; index < REPETITIONS; index++) {
    const start = performance.now();
    await work(index);
    times.push(performance.now() - start);
  }
  return `${median(times).toFixed(1)} ms (worst ${Math.max(...times).toFixed(1)})`;
}

function emptied(cell: Cell): Cell {
  return { ...cell, ...unmeasured() };
}

function sampleAt(order: number): RunSample {
  const result = sampleResult(1000 + order);
  return { cell: 0, control: false, round: order, order, traced: false, measuringMs: order, result };
}

const server = new PostgresServer();
try {
  await server.start();
  const address = storeAddress(server.database('scale'));
  const client = new pg.Client(address.config);
  await client.connect();
  await migrate(address, async () => void (await client.query('CREATE SCHEMA IF NOT EXISTS cowbench_queue')));
  await client.query(FILL, [RUNS]);
  await client.query(SAMPLES, [SAMPLES_PER_RUN]);
  await client.query(SERIES);
  await client.query(METRICS);
  // As the server does by itself in the course of a day.
  await client.query('VACUUM ANALYZE');
  const { rows } = await client.query('SELECT count(*) FROM cowbench.sample');
  await client.end();
  await using store = new PostgresStore(address);
  const points = async (machine?: string) => {
    let count = 0;
    const query = {
      metric: 'fsyncs',
      workload: 'install',
      cell: 'cell3',
      ...(machine !== undefined && { machine }),
    } as const;
    for await (const _ of store.series(query)) count++;
    return count;
  };
  const newest = async () => {
    for await (const _ of store.find({ newest: 100 }));
  };
  console.log(`${rows[0].count} samples of ${RUNS} runs`);
  console.log(`series of one machine, ${await points('machine7')} points: ${await medianMs(() => points('machine7'))}`);
  console.log(`series of all machines, ${await points()} points: ${await medianMs(() => points())}`);
  console.log(`the newest 100 runs: ${await medianMs(newest)}`);
  const begun = (index: number) =>
    recordNumber(index, { status: 'running', cells: measuredRecord().cells.map(emptied) });
  console.log(`a run is begun: ${await medianMs((index) => store.put(textOf(begun(index))))}`);
  const { runId } = begun(0);
  console.log(`a sample is appended: ${await medianMs((order) => store.append(runId, sampleAt(order)))}`);
  console.log(
    `a run of ${measuredRecord().cells.length * 2} samples is put: ${await medianMs((index) => store.put(textOf(recordNumber(index))))}`,
  );
} finally {
  await server.remove();
}
