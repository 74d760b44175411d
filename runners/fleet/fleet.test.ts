/** A fleet on one machine: a real database, real worker processes, and what may happen to them. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { RunRecord } from '../../results/record.ts';
import { readRecord } from '../../results/store.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { storeAddress } from '../stores/connection.ts';
import { migrate } from '../stores/migrate.ts';
import { openStore } from '../stores/open-store.ts';
import { PostgresServer } from '../stores/testing/postgres-server.ts';
import { CLI, type Finished, startProgram, temporaryFolder } from '../testing/command.ts';
import { makeQueue } from './queue.ts';
import { WITHOUT_QUEUE } from './testing/without-queue.ts';

const folder = temporaryFolder();
const postgres = { skip: WITHOUT_QUEUE };
let server: PostgresServer | null = null;
let url = '';
const children = new Set<ReturnType<typeof start>['process']>();

before(async () => {
  if (WITHOUT_QUEUE !== false) return;
  server = new PostgresServer();
  await server.start();
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});
after(async () => {
  await server?.remove();
  fs.rmSync(folder, { recursive: true });
});

/** The lock of a disk is in the temporary folder: other tests and workers of this machine are no concern of these. */
function start(...words: string[]) {
  const started = startProgram(process.execPath, [CLI, ...words], {
    ...process.env,
    COWBENCH_STORE: url,
    TMPDIR: folder,
  });
  children.add(started.process);
  return started;
}

async function run(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await start(...words).finished;
  assert.equal(code, 0, `${words.join(' ')}\n${stderr}`);
  return stdout;
}

async function newFleet(name: string): Promise<void> {
  url = server!.database(name);
  const address = storeAddress(url);
  await migrate(address, () => makeQueue(address));
}

const dirOf = (name: string) => {
  const dir = path.join(folder, name);
  fs.mkdirSync(dir, { recursive: true });
  return dir;
};

interface FleetJson {
  readonly jobs: {
    readonly id: string;
    readonly state: string;
    readonly error: string | null;
    readonly what: string;
  }[];
  readonly workers: { readonly worker: string }[];
}
const fleet = async () => JSON.parse(await run('fleet', '--json')) as FleetJson;

/** In the order of their submission; asked of the database itself, often. */
async function statesOf(): Promise<string[]> {
  const rows = await asking('SELECT state FROM cowbench_queue.job ORDER BY created_on');
  return (rows as { state: string }[]).map(({ state }) => state);
}

async function asking(text: string): Promise<unknown[]> {
  const client = new pg.Client(storeAddress(url).config);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** What the passing of a lease's time would do: workers that live renew theirs meanwhile. */
async function leasesRunOut(): Promise<void> {
  await asking(
    "UPDATE cowbench_queue.job SET heartbeat_on = heartbeat_on - interval '11 seconds' WHERE state = 'active'",
  );
  await asking("UPDATE cowbench_queue.queue SET monitor_claim_on = monitor_claim_on - interval '11 seconds'");
}

/** A benchmark of exact times, a fraction of a second a sample. */
const SAMPLES = 5;
const BENCH = [
  ...['submit', 'bench', '--workload', 'install-burst', '--data', '1M', '--policy', 'ordered'],
  ...['--device', 'model:nvme-plp', '--rounds', String(SAMPLES), '--crash', 'none', '--label', 'disk'],
];

/** The samples that the run below `dir` has so far. */
function samplesBelow(dir: string): number {
  const runs = path.join(dir, 'runs');
  if (!fs.existsSync(runs)) return 0;
  const files = fs
    .readdirSync(runs, { recursive: true, encoding: 'utf8' })
    .filter((file) => /^[^.].*\/2[^/.]*\.json$/.test(file));
  return files.reduce((sum, file) => {
    const record = readRecord(path.join(runs, file));
    return sum + record.cells.reduce((count, { rounds }) => count + rounds.length, 0);
  }, 0);
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 300_000;
  while (!(await holds())) {
    assert.ok(performance.now() < endMs, 'it takes too long');
    await sleep(20);
  }
}

/** Asserts that the store has one complete run, each sample of the schedule once. */
async function assertOneWholeRun(): Promise<void> {
  await using store = await openStore(url);
  const runs: string[] = [];
  for await (const { runId } of store.find({})) runs.push(runId);
  assert.equal(runs.length, 1);
  const record = RunRecord.parse(JSON.parse((await store.document(runs[0]!))!));
  assert.equal(record.status, 'complete');
  const orders = record.cells.flatMap(({ rounds }) => rounds.map(({ order }) => order)).sort((a, b) => a - b);
  assert.equal(orders.length, SAMPLES);
  assert.equal(new Set(orders).size, SAMPLES, 'no sample twice');
  for await (const line of store.verify()) assert.fail(line);
}

test(
  'a worker is killed, the database crashes, the next worker finishes the run: each sample once',
  postgres,
  async () => {
    await newFleet('crash');
    await run(...BENCH);
    const dir = dirOf('crash');
    const words = ['worker', '--dir', dir, '--label', 'disk'];
    // Seeds: after how many samples which misfortune happens.
    for (const [samples, misfortune] of [
      [1, 'kill'],
      [2, 'database'],
    ] as const) {
      const { process: child, finished } = start(...words);
      await until(() => samplesBelow(dir) >= samples);
      if (misfortune === 'kill') {
        child.kill('SIGKILL');
        assert.equal((await finished).code, null);
        await leasesRunOut();
        continue;
      }
      await server!.stop('immediate');
      await until(() => samplesBelow(dir) >= samples + 1);
      await server!.start();
      await until(async () => (await statesOf())[0] === 'completed');
      child.kill('SIGTERM');
      assert.equal((await finished).code, 143);
    }
    await assertOneWholeRun();
  },
);

test(
  'SIGTERM gives the job back; a paused worker loses it to another, and delivers nothing when it wakes',
  postgres,
  async () => {
    await newFleet('pause');
    await run(...BENCH);
    const first = dirOf('pause-1');
    const gone = start('worker', '--dir', first, '--label', 'disk');
    await until(() => samplesBelow(first) >= 1);
    gone.process.kill('SIGTERM');
    const { code, stderr } = await gone.finished;
    assert.equal(code, 143);
    assert.match(stderr, /given back/);
    assert.deepEqual(await statesOf(), ['created']);
    const paused = start('worker', '--dir', first, '--label', 'disk', '--until-empty');
    await until(async () => (await statesOf())[0] === 'active');
    paused.process.kill('SIGSTOP');
    const refused = await start('worker', '--dir', dirOf('pause-2'), '--label', 'disk', '--until-empty').finished;
    assert.match(refused.stderr, /^cowbench: --label: another worker has the disk of .*\n$/);
    await leasesRunOut();
    // Its lease is over: whoever looks takes the job from it.
    const explorer = start('worker', '--dir', dirOf('pause-2'));
    await until(async () => (await statesOf())[0] !== 'active');
    explorer.process.kill('SIGTERM');
    paused.process.kill('SIGCONT');
    const { stdout } = await paused.finished;
    assert.match(stdout, /^1 job done$/m);
    await assertOneWholeRun();
  },
);

test('what is no valid job is set aside at once with its reason; a job can be cancelled', postgres, async () => {
  await newFleet('poison');
  await run(...BENCH);
  await asking(
    `UPDATE cowbench_queue.job SET data = jsonb_set(data::jsonb, '{plan,workload,name}', '"trace:/etc/passwd"')`,
  );
  await run(...BENCH);
  const [{ id }] = (await asking('SELECT id FROM cowbench_queue.job ORDER BY created_on DESC')) as [{ id: string }];
  await run('fleet', '--cancel', id);
  const twice = await start('fleet', '--cancel', id).finished;
  assert.deepEqual([twice.code, twice.stderr.includes('there is no such job that is queued or being done')], [2, true]);
  const dir = dirOf('poison');
  assert.equal(await run('worker', '--dir', dir, '--label', 'disk', '--until-empty', '--quiet'), '0 jobs done\n');
  const { jobs } = await fleet();
  assert.deepEqual(jobs.map(({ state }) => state).sort(), ['cancelled', 'failed']);
  const poisonous = jobs.find(({ state }) => state === 'failed')!;
  assert.match(poisonous.error!, /^no valid job: plan\.workload\.name: a job names no file$/);
  assert.equal(samplesBelow(dir), 0);
});

test('a bench puts its run into the database too; where that is away, its files have it', postgres, async () => {
  await newFleet('bench');
  const out = dirOf('bench-runs');
  const words = ['bench', '--workload', 'install-burst', '--data', '1M', '--rounds', '1', '--policy', 'ordered'];
  const own = [...words, '--device', 'model:nvme-plp', '--dir', out, '--out', out, '--quiet', '--json'];
  const stdout = await run(...own);
  await using store = await openStore(url);
  const { runId } = JSON.parse(stdout) as RunRecord;
  assert.equal(await store.document(runId), stdout);
  assert.deepEqual(await store.attachments(runId), ['html']);
  url = url.replace('/bench?', '/none?').replace('owner@', 'owner:geheim@');
  const { code, stderr } = await start(...own, '--no-report').finished;
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^cowbench: postgres:\/\/.*; the run is in .*\.json: cowbench store import takes it from there\n$/,
  );
  assert.doesNotMatch(stderr, /geheim/);
  const runs = fs.readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
  assert.equal(runs.length, 2);
  for (const file of runs) assert.doesNotMatch(fs.readFileSync(path.join(out, file), 'utf8'), /geheim/);
});

test('the ten commands of docs/fleet.md, with three workers on one machine', postgres, async () => {
  const page = fs.readFileSync(path.join(PROJECT_ROOT, 'docs/fleet.md'), 'utf8');
  const commands = /```sh fleet\n([^`]*)```/.exec(page)![1]!.trimEnd().split('\n');
  assert.equal(commands.length, 10);
  url = server!.database('cowbench');
  const short = (command: string) =>
    command
      .replace(
        '--length 3',
        '--length 1 --policy ordered --cluster-size 512 --cache-tables 2 --states 2 --qemu-states 0 --no-qemu-peer --mutants none',
      )
      .replace('--shards 32', '--shards 3')
      .replace('--data 16M --rounds 3', '--data 1M --rounds 1 --policy ordered --device model:nvme-plp')
      .replace(/--dir \S+/, () => `--dir ${fs.mkdtempSync(path.join(folder, 'machine-'))}`);
  const wordsOf = (command: string) => short(command).replace('npm run -s cowbench -- ', '').split(' ');
  assert.deepEqual(commands.slice(0, 2), [
    'createdb cowbench',
    'export COWBENCH_STORE=postgres://owner@db.example/cowbench',
  ]);
  const said = new Map<string, string>();
  const workers: Promise<Finished>[] = [];
  for (const command of commands.slice(2)) {
    const words = wordsOf(command);
    if (words[0] === 'worker') workers.push(start(...words).finished);
    else {
      for (const { code, stderr } of await Promise.all(workers)) assert.equal(code, 0, stderr);
      said.set(words.slice(0, 2).join(' '), await run(...words));
    }
  }
  assert.equal(workers.length, 3);
  assert.match(said.get('fleet')!, /^4 jobs, 4 done$/m);
  assert.match(said.get('store list')!, /^\S+ {2}complete {2}.* {2}install-burst {2}1 samples\n$/);
  const [, work] = /fleet --parts (\S+)/.exec(said.get('submit safety')!)!;
  assert.match(await run('fleet', '--parts', work!, '--out', path.join(folder, 'parts')), /^3 parts written/);
  const parts = [1, 2, 3].map((index) => path.join(folder, 'parts', `part-${index}.json`));
  await run('safety', '--merge', ...parts, '--out', path.join(folder, 'safety.md'));
  assert.match(fs.readFileSync(path.join(folder, 'safety.md'), 'utf8'), /\| ordered \| kept \|/);
});
