/** Both stores keep to one suite; PostgreSQL is a real server. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { temporaryFolder } from '../testing/command.ts';
import { storeAddress } from './connection.ts';
import { copyRuns } from './copy-runs.ts';
import { FileStore } from './file-store.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { PostgresStore } from './postgres-store.ts';
import { PostgresServer, WITHOUT_POSTGRES } from './testing/postgres-server.ts';
import { recordNumber, testStore, textOf } from './testing/store-suite.ts';

const folder = temporaryFolder();
let server: PostgresServer | null = null;
let databases = 0;

before(async () => {
  if (WITHOUT_POSTGRES !== false) return;
  server = new PostgresServer();
  await server.start();
  server.database('template');
  await migrate(storeAddress(server.url('template')), async () => withoutQueue(server!.url('template')));
});
after(async () => {
  await server?.remove();
  fs.rmSync(folder, { recursive: true });
});

/** Stands in for the tables of the queue, which these tests do not use. */
async function withoutQueue(url: string): Promise<void> {
  await asking(url, 'CREATE SCHEMA IF NOT EXISTS cowbench_queue');
}

async function asking(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client(storeAddress(url).config);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function emptyDatabase(): Promise<string> {
  const name = `store_${databases++}`;
  await asking(server!.url(), `CREATE DATABASE ${name} TEMPLATE template`);
  return server!.url(name);
}

const postgres = { skip: WITHOUT_POSTGRES };
testStore('files', async () => new FileStore(fs.mkdtempSync(path.join(folder, 'store-'))), { skip: false });
testStore('PostgreSQL', async () => new PostgresStore(storeAddress(await emptyDatabase())), postgres);

test('files, imported and exported again, are the same to the byte', postgres, async () => {
  const [one, two] = ['one', 'two'].map((name) => new FileStore(path.join(folder, name))) as [FileStore, FileStore];
  await one.put(textOf(recordNumber(1)));
  await one.attach(recordNumber(1).runId, 'html', new Uint8Array([3]));
  const database = new PostgresStore(storeAddress(await emptyDatabase()));
  try {
    for await (const _ of copyRuns(one, database));
    for await (const _ of copyRuns(database, two));
  } finally {
    await database[Symbol.asyncDispose]();
  }
  const content = (name: string) => {
    const files = fs.readdirSync(path.join(folder, name), { recursive: true, encoding: 'utf8' }).sort();
    const full = (file: string) => path.join(folder, name, file);
    return files.map((file) => [file, fs.statSync(full(file)).isFile() ? fs.readFileSync(full(file)) : null]);
  };
  assert.equal(content('one').filter(([, bytes]) => bytes !== null).length, 2);
  assert.deepEqual(content('two'), content('one'));
});

test('a worker adds, and removes nothing; a reader reads', postgres, async () => {
  const url = await emptyDatabase();
  await asking(url, 'CREATE ROLE alice LOGIN IN ROLE cowbench_worker; CREATE ROLE bob LOGIN IN ROLE cowbench_reader');
  const as = (user: string) => new PostgresStore(storeAddress(url.replace('owner@', `${user}@`)));
  const [worker, reader] = [as('alice'), as('bob')];
  try {
    assert.equal(await worker.put(textOf(recordNumber(1))), 'added');
    await assert.rejects(worker.prune(new Date()), { name: 'UsageError', message: /^postgres:.*: not permitted: / });
    assert.equal(await reader.document(recordNumber(1).runId), textOf(recordNumber(1)));
    await assert.rejects(reader.put(textOf(recordNumber(2))), { name: 'UsageError', message: /not permitted/ });
  } finally {
    await worker[Symbol.asyncDispose]();
    await reader[Symbol.asyncDispose]();
  }
});

test('migrations are carried out once; a database without them says what to do', postgres, async () => {
  const url = server!.database('bare');
  const store = new PostgresStore(storeAddress(url));
  await assert.rejects(store.document('x'), {
    name: 'UsageError',
    message: /is no store yet: run cowbench store init$/,
  });
  assert.equal(await migrate(storeAddress(url), () => withoutQueue(url)), MIGRATIONS.length);
  assert.equal(await migrate(storeAddress(url), () => withoutQueue(url)), 0);
  await asking(url, 'INSERT INTO cowbench.migration (step) VALUES (99)');
  await assert.rejects(
    migrate(storeAddress(url), async () => {}),
    { name: 'UsageError', message: /newer cowbench/ },
  );
  assert.equal(await store.document('x'), null);
  await store[Symbol.asyncDispose]();
});

test('a store from before series had their own index keeps its series', postgres, async () => {
  const url = server!.database('older');
  await asking(
    url,
    'CREATE SCHEMA cowbench; CREATE TABLE cowbench.migration (step integer PRIMARY KEY, at timestamptz)',
  );
  for (const [step, text] of MIGRATIONS.slice(0, 2).entries()) {
    await asking(url, `${text}; INSERT INTO cowbench.migration (step) VALUES (${step})`);
  }
  const runs = [1, 2].map(
    (day) => `('run-0000${day}', 'm', 'w', 'ext4', 'complete', '2026-01-0${day}', 'day ${day}', 0, '', '')`,
  );
  await asking(
    url,
    `INSERT INTO cowbench.run (run_id, machine, workload, file_system, status, started_at, started_text, samples, digest, document)
     VALUES ${runs.join()}; INSERT INTO cowbench.metric_series (workload, cell, metric) VALUES ('w', 'c', 'fsyncs');
     INSERT INTO cowbench.metric (series, run_id, value) SELECT series, run_id, 7 FROM cowbench.metric_series, cowbench.run`,
  );
  assert.equal(await migrate(storeAddress(url), () => withoutQueue(url)), MIGRATIONS.length - 2);
  await using store = new PostgresStore(storeAddress(url));
  const points: string[] = [];
  const query = { metric: 'fsyncs', workload: 'w', cell: 'c', machine: 'm' } as const;
  for await (const { runId, startedAt, value } of store.series(query)) points.push(`${runId} ${startedAt} ${value}`);
  assert.deepEqual(points, ['run-00001 day 1 7', 'run-00002 day 2 7']);
});

test('damage in the database is found', postgres, async () => {
  const url = await emptyDatabase();
  const store = new PostgresStore(storeAddress(url));
  for (const index of [1, 2, 3]) await store.put(textOf(recordNumber(index)));
  await asking(url, "UPDATE cowbench.run SET document = document || ' ' WHERE run_id LIKE '%0001Z%'");
  await asking(url, "UPDATE cowbench.run SET machine = 'other' WHERE run_id LIKE '%0002Z%'");
  await asking(url, "DELETE FROM cowbench.sample WHERE run_id LIKE '%0003Z%' AND place = 0");
  const lines: string[] = [];
  for await (const line of store.verify()) lines.push(line.replace(/^run \S+: /, ''));
  await store[Symbol.asyncDispose]();
  assert.equal(lines.length, 3);
  assert.match(lines.join('; '), /samples, and .*; its row says other.*; its document is not the one/);
});

test(
  'a server that stops and starts again loses nothing; while it is away there is one line without a password',
  postgres,
  async () => {
    const url = await emptyDatabase();
    const store = new PostgresStore(storeAddress(url.replace('owner@', 'owner:geheim@')));
    await store.put(textOf(recordNumber(1)));
    await server!.stop('immediate');
    const refused = { name: 'UsageError', message: /^(?!.*geheim)postgres:\/\/[^\n]*$/ };
    await assert.rejects(store.put(textOf(recordNumber(2))), refused);
    await server!.start();
    assert.equal(await store.put(textOf(recordNumber(2))), 'added');
    assert.equal(await store.document(recordNumber(1).runId), textOf(recordNumber(1)));
    await store[Symbol.asyncDispose]();
  },
);

test('addresses: TLS unless the server is here; nothing of a bad one is quoted', () => {
  const at = (url: string) => storeAddress(url).config;
  assert.deepEqual(at('postgres://u:p%40@db.example/x').ssl, { rejectUnauthorized: true });
  assert.equal(at('postgres://u:p%40@db.example/x').password, 'p@');
  assert.deepEqual(at('postgresql://db.example:5433/x?sslmode=require').ssl, { rejectUnauthorized: false });
  assert.equal(at('postgres:///x').host, '/var/run/postgresql');
  assert.equal(at('postgres://localhost/x').ssl, false);
  assert.equal(storeAddress('postgres://u:geheim@db.example/x').name, 'postgres://db.example/x');
  for (const url of ['postgres://u:geheim@h', 'postgres://u:geheim@[/x', 'postgres://u:geheim@h/x?sslmode=prefer']) {
    assert.throws(() => storeAddress(url), { name: 'UsageError', message: /^(?!.*geheim)--store: / });
  }
});

test('no statement is put together from values: all of them are parameters', () => {
  const sources = ['stores', 'fleet'].flatMap((name) => {
    const place = path.join(import.meta.dirname, '..', name);
    const files = fs.readdirSync(place).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
    return files.map((file) => fs.readFileSync(path.join(place, file), 'utf8'));
  });
  const statements = sources.flatMap(
    (text) => text.match(/`[^`]*\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE)\b[^`]*`/g) ?? [],
  );
  assert.ok(statements.length >= 8);
  const inserted = statements.flatMap((text) => text.match(/\$\{[^}]*\}/g) ?? []);
  assert.deepEqual([...new Set(inserted)], ['$' + '{COLUMNS}']);
});
