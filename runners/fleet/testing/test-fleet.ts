/** A fleet on one machine, for tests: a database of its own, and the real command line as workers. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { RunRecord } from '../../../results/record.ts';
import { samplesFile } from '../../../results/run-samples.ts';
import { storeAddress } from '../../stores/connection.ts';
import { migrate } from '../../stores/migrate.ts';
import { openStore } from '../../stores/open-store.ts';
import { PostgresServer } from '../../stores/testing/postgres-server.ts';
import { CLI, startProgram, temporaryFolder } from '../../testing/command.ts';
import { JobQueue, makeQueue } from '../queue.ts';

/** A benchmark of exact times, a fraction of a second a sample. */
const SAMPLES = 5;
export const BENCH = [
  ...['submit', 'bench', '--workload', 'install-burst', '--data', '1M', '--policy', 'ordered'],
  ...['--device', 'model:nvme-plp', '--rounds', String(SAMPLES), '--crash', 'none', '--label', 'disk'],
];

export class TestFleet {
  readonly folder = temporaryFolder();
  readonly server = new PostgresServer();
  /** Of the database; workers and commands are given it by the environment. */
  url = '';
  #client: pg.Client | null = null;
  readonly #children = new Set<ReturnType<typeof startProgram>['process']>();

  /** A new database, empty. */
  async renew(name: string): Promise<void> {
    await this.#hangUp();
    this.url = this.server.database(name);
    const address = storeAddress(this.url);
    await migrate(address, () => makeQueue(address));
  }

  /** The lock of a disk is in the temporary folder: other tests and workers of this machine are no concern of these. */
  get variables(): NodeJS.ProcessEnv {
    return { COWBENCH_STORE: this.url, TMPDIR: this.folder };
  }

  start(...words: string[]) {
    return this.watch(startProgram(process.execPath, [CLI, ...words], { ...process.env, ...this.variables }));
  }

  /** `started` is ended with the test. */
  watch(started: ReturnType<typeof startProgram>) {
    this.#children.add(started.process);
    return started;
  }

  /** A worker that says what it does, from when it listens to signals. */
  async startWorker(...words: string[]) {
    const started = this.start('worker', ...words);
    let said = '';
    started.process.stderr!.on('data', (text) => (said += text));
    await until(() => /^worker .* at /m.test(said) || started.process.exitCode !== null);
    return started;
  }

  async run(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.start(...words).finished;
    assert.equal(code, 0, `${words.join(' ')}\n${stderr}`);
    return stdout;
  }

  killAll(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    this.#children.clear();
  }

  async remove(): Promise<void> {
    await this.#hangUp();
    await this.server.remove();
    fs.rmSync(this.folder, { recursive: true });
  }

  dirOf(name: string): string {
    const dir = path.join(this.folder, name);
    fs.mkdirSync(dir, { recursive: true });
    return dir;
  }

  /** Over one connection, which is made again where the server was away. */
  async asking(text: string): Promise<unknown[]> {
    const client = this.#client ?? (await this.#connect());
    try {
      return (await client.query(text)).rows;
    } catch (error) {
      if (this.#client === client) throw error;
      return (await (await this.#connect()).query(text)).rows;
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({ ...storeAddress(this.url).config, application_name: 'test' });
    const forget = () => {
      if (this.#client === client) this.#client = null;
    };
    client.on('error', forget);
    client.on('end', forget);
    await client.connect();
    this.#client = client;
    return client;
  }

  async #hangUp(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end();
  }

  /** Process ids of what answers the workers and commands. */
  async backends(): Promise<number[]> {
    const rows = await this.asking(
      "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cowbench'",
    );
    return (rows as { pid: number }[]).map(({ pid }) => pid);
  }

  /** In the order of their submission; asked of the database itself, often. */
  async states(): Promise<string[]> {
    const rows = await this.asking('SELECT state FROM cowbench_queue.job ORDER BY created_on');
    return (rows as { state: string }[]).map(({ state }) => state);
  }

  /** What the passing of a lease's time would do: workers that live renew theirs meanwhile. */
  async leasesRunOut(): Promise<void> {
    const job = "SET heartbeat_on = heartbeat_on - interval '11 seconds' WHERE state = 'active'";
    await this.asking(`UPDATE cowbench_queue.job ${job}`);
    await this.asking("UPDATE cowbench_queue.queue SET monitor_claim_on = monitor_claim_on - interval '11 seconds'");
  }

  /** The same, noticed, and the time over that a retry waits. */
  async lostJobsAreDue(): Promise<void> {
    await this.leasesRunOut();
    await using queue = await JobQueue.open(storeAddress(this.url));
    await queue.supervise();
    await this.asking("UPDATE cowbench_queue.job SET start_after = now() WHERE state = 'retry'");
  }

  /** Asserts that the store has one complete run, each of its `samples` once. */
  async assertOneWholeRun(samples = SAMPLES): Promise<void> {
    await using store = await openStore(this.url);
    const runs: string[] = [];
    for await (const { runId } of store.find({})) runs.push(runId);
    assert.equal(runs.length, 1);
    const record = RunRecord.parse(JSON.parse((await store.document(runs[0]!))!));
    assert.equal(record.status, 'complete');
    const orders = record.cells.flatMap(({ rounds }) => rounds.map(({ order }) => order)).sort((a, b) => a - b);
    assert.equal(orders.length, samples);
    assert.equal(new Set(orders).size, samples, 'no sample twice');
    for await (const line of store.verify()) assert.fail(line);
  }
}

/** The samples that the runs below `dir` have so far: those in records, and a line each beside them. */
export function samplesBelow(dir: string): number {
  const runs = path.join(dir, 'runs');
  if (!fs.existsSync(runs)) return 0;
  const files = fs
    .readdirSync(runs, { recursive: true, encoding: 'utf8' })
    .filter((file) => /^[^.].*\/2[^/.]*\.json$/.test(file));
  return files.reduce((sum, file) => {
    const record: RunRecord = JSON.parse(fs.readFileSync(path.join(runs, file), 'utf8'));
    const beside = samplesFile(path.join(runs, file));
    const lines = fs.existsSync(beside) ? fs.readFileSync(beside, 'utf8').split('\n').length - 1 : 0;
    return sum + lines + record.cells.reduce((count, { rounds }) => count + rounds.length, 0);
  }, 0);
}

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 300_000;
  while (!(await holds())) {
    assert.ok(performance.now() < endMs, 'it takes too long');
    await sleep(50);
  }
}
