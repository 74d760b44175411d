/** `cowbench store` against a real PostgreSQL. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { WITHOUT_QUEUE } from '../fleet/testing/without-queue.ts';
import { FileStore } from '../stores/file-store.ts';
import { MIGRATIONS } from '../stores/migrations.ts';
import { PostgresServer } from '../stores/testing/postgres-server.ts';
import { recordNumber, textOf } from '../stores/testing/store-suite.ts';
import { temporaryFolder } from '../testing/command.ts';
import { runCommand } from './command-line.ts';

const folder = temporaryFolder();
let server: PostgresServer | null = null;
let url = '';
const { log } = console;
let printed: string[] = [];

before(async () => {
  console.log = (line: string) => void printed.push(line);
  if (WITHOUT_QUEUE !== false) return;
  server = new PostgresServer();
  await server.start();
  url = server.database('cli');
});
after(async () => {
  console.log = log;
  await server?.remove();
  fs.rmSync(folder, { recursive: true });
});

/** The lines that `store WORDS` prints, and its exit code. */
async function store(...words: string[]) {
  printed = [];
  process.exitCode = 0;
  await runCommand(['store', ...words]);
  const { exitCode: code } = process;
  process.exitCode = 0;
  return { code, lines: printed.map((line) => line.replaceAll(folder, '').replaceAll(server?.folder ?? '-', '')) };
}

test('a database is made, filled, emptied into a folder, verified and pruned', { skip: WITHOUT_QUEUE }, async () => {
  const at = ['--store', url];
  const [from, out] = [path.join(folder, 'runs'), path.join(folder, 'out')];
  const files = new FileStore(from);
  for (const index of [1, 2]) await files.put(textOf(recordNumber(index)));
  assert.deepEqual((await store('init', ...at)).lines, [`postgres:///cli: ${MIGRATIONS.length} migrations`]);
  assert.deepEqual((await store('init', ...at)).lines, ['postgres:///cli is up to date']);
  assert.deepEqual((await store('import', ...at, '--from', from)).lines, ['/runs to postgres:///cli: 2 added']);
  assert.deepEqual((await store('import', ...at, '--from', from)).lines, ['/runs to postgres:///cli: 2 same']);
  assert.deepEqual((await store('export', ...at, '--out', out)).lines, ['postgres:///cli to /out: 2 added']);
  const { runId } = recordNumber(2);
  assert.equal(await new FileStore(out).document(runId), textOf(recordNumber(2)));
  const [newest] = (await store('list', ...at, '--json')).lines;
  assert.equal(JSON.parse(newest!).runId, runId);
  assert.equal((await store('list', ...at)).lines.length, 2);
  assert.deepEqual((await store('verify', ...at)).lines, ['postgres:///cli: every run is as it was stored']);
  assert.deepEqual((await store('prune', ...at, '--older', '90000')).lines, ['postgres:///cli: 0 runs removed']);
  assert.deepEqual((await store('prune', ...at, '--older', '0')).lines, ['postgres:///cli: 2 runs removed']);
  assert.deepEqual((await store('verify', ...at)).lines, ['postgres:///cli: no runs']);
});

test('a folder is a store too; what is damaged in it is named', async () => {
  const place = path.join(folder, 'damaged');
  const files = new FileStore(place);
  await files.put(textOf(recordNumber(1)));
  assert.equal((await store('verify', '--store', place)).code, 0);
  const [found] = fs.readdirSync(place, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
  fs.truncateSync(path.join(place, found!), 100);
  const { code, lines } = await store('verify', '--store', place);
  assert.equal(code, 1);
  assert.match(lines[0]!, /^\/damaged\/.*\.json: not a JSON document/);
});

test('what is not said is asked for', async () => {
  const refusal = (...words: string[]) => assert.rejects(store(...words), { name: 'UsageError' });
  delete process.env.COWBENCH_STORE;
  await refusal('list');
  await refusal('init', '--store', folder);
  await refusal('improt', '--store', folder);
  await refusal('export', '--store', folder);
  await refusal('prune', '--store', folder);
  await refusal('import', '--store', folder, '--from', path.join(folder, 'none'));
});

test('a folder that is not there is refused by all that read it', async () => {
  const place = path.join(folder, 'nosuch');
  for (const words of [['list'], ['verify'], ['export', '--out', folder], ['prune', '--older', '1']])
    await assert.rejects(store(...words, '--store', place), { message: `--store ${place}: no such folder` });
});
