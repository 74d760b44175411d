/** A fleet on one machine: a real database, real worker processes, and what may happen to them. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { RunRecord } from '../../results/record.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { buildSite } from '../site/build-site.ts';
import { recordsBelow, recordsOf, type StoredRecord } from '../site/stored-records.ts';
import { isAway, storeAddress } from '../stores/connection.ts';
import { copyRuns } from '../stores/copy-runs.ts';
import { openStore } from '../stores/open-store.ts';
import type { Finished } from '../testing/command.ts';
import { idleMs, JobQueue } from './queue.ts';
import { drawn, endure } from './testing/misfortunes.ts';
import { BENCH, samplesBelow, TestFleet, until } from './testing/test-fleet.ts';
import { WITHOUT_QUEUE } from './testing/without-queue.ts';

const postgres = { skip: WITHOUT_QUEUE };
let fleet: TestFleet;

before(async () => {
  if (WITHOUT_QUEUE !== false) return;
  fleet = new TestFleet();
  await fleet.server.start();
});
afterEach(() => fleet?.killAll());
after(() => fleet?.remove());

interface FleetJson {
  readonly jobs: {
    readonly id: string;
    readonly state: string;
    readonly error: string | null;
    readonly what: string;
  }[];
  readonly workers: { readonly worker: string }[];
}
/** No file that a command or worker has written has the password of the database. */
function assertNoSecret(): void {
  const files = fs.readdirSync(fleet.folder, { recursive: true, encoding: 'utf8' });
  const texts = files.map((file) => path.join(fleet.folder, file)).filter((file) => fs.statSync(file).isFile());
  assert.ok(texts.length > 0);
  for (const file of texts) assert.ok(!fs.readFileSync(file).includes('geheim'), file);
}

/** Of a database that is away; anything else is an error. */
function notYet(error: unknown): false {
  if (isAway(error)) return false;
  throw error;
}

const shown = async () => JSON.parse(await fleet.run('fleet', '--json')) as FleetJson;

test(
  'workers and the database die, fall silent and run out of disk: each sample once, no run lost',
  postgres,
  async () => {
    const all = drawn(19, 5);
    assert.equal(new Set(all).size, 5, 'each kind of misfortune once');
    // Without the right to mount a small disk, the others.
    if (!(await endure(fleet, all, 'seed_19'))) await endure(fleet, drawn(20, 3), 'seed_20');
  },
);

test(
  'SIGTERM gives the job back; a paused worker loses it to another, and delivers nothing when it wakes',
  postgres,
  async () => {
    await fleet.renew('pause');
    await fleet.run(...BENCH);
    const first = fleet.dirOf('pause-1');
    const gone = await fleet.startWorker('--dir', first, '--label', 'disk');
    await until(() => samplesBelow(first) >= 1);
    gone.process.kill('SIGTERM');
    const { code, stderr } = await gone.finished;
    assert.equal(code, 143);
    assert.match(stderr, /given back/);
    assert.deepEqual(await fleet.states(), ['created']);
    const paused = fleet.start('worker', '--dir', first, '--label', 'disk', '--until-empty');
    await until(async () => (await fleet.states())[0] === 'active');
    paused.process.kill('SIGSTOP');
    const refused = await fleet.start('worker', '--dir', fleet.dirOf('pause-2'), '--label', 'disk', '--until-empty')
      .finished;
    assert.match(refused.stderr, /^cowbench: --label: another worker has the disk of .*\n$/);
    await fleet.leasesRunOut();
    // Its lease is over: whoever looks takes the job from it.
    const explorer = await fleet.startWorker('--dir', fleet.dirOf('pause-2'));
    await until(async () => (await fleet.states())[0] !== 'active');
    explorer.process.kill('SIGTERM');
    paused.process.kill('SIGCONT');
    const { stdout } = await paused.finished;
    assert.match(stdout, /^1 job done$/m);
    await fleet.assertOneWholeRun();
  },
);

test('a queue wakes who waits for its jobs, and nobody else', postgres, async () => {
  await fleet.renew('wake');
  const address = storeAddress(fleet.url);
  await using waiting = await JobQueue.open(address, true);
  await using submitting = await JobQueue.open(address);
  const patience = new AbortController();
  const woken = waiting.wait(['explore-a'], 600_000, patience.signal);
  await submitting.announce('explore-b');
  await submitting.announce('explore-a');
  assert.equal(await woken, true);
  // What was announced while nobody waited is not lost, until it was looked for.
  assert.equal(await waiting.wait(['explore-b'], 600_000, patience.signal), true);
  assert.equal(await waiting.take('explore-b'), null);
  await fleet.server.stop('immediate');
  await fleet.server.start();
  const succeeds = (work: () => Promise<unknown>) => work().then(() => true, notYet);
  await until(() => succeeds(() => waiting.take('explore-a')));
  await until(() => succeeds(() => submitting.announce('explore-a')));
  assert.equal(await waiting.wait(['explore-a'], 600_000, patience.signal), true, 'its new connection listens, too');
  const idle = waiting.wait(['explore-b'], 600_000, patience.signal);
  patience.abort();
  assert.equal(await idle, false);
  assert.deepEqual([idleMs(3), idleMs(1000)], [2000, 20_000]);
});

test('what is no valid job is set aside at once with its reason; a job can be cancelled', postgres, async () => {
  await fleet.renew('poison');
  await fleet.run(...BENCH);
  await fleet.asking(
    `UPDATE cowbench_queue.job SET data = jsonb_set(data::jsonb, '{plan,workload,name}', '"trace:/etc/passwd"')`,
  );
  await fleet.run(...BENCH);
  const [{ id }] = (await fleet.asking('SELECT id FROM cowbench_queue.job ORDER BY created_on DESC')) as [
    { id: string },
  ];
  await fleet.run('fleet', '--cancel', id);
  const twice = await fleet.start('fleet', '--cancel', id).finished;
  assert.deepEqual([twice.code, twice.stderr.includes('there is no such job that is queued or being done')], [2, true]);
  const dir = fleet.dirOf('poison');
  assert.equal(await fleet.run('worker', '--dir', dir, '--label', 'disk', '--until-empty', '--quiet'), '0 jobs done\n');
  const { jobs } = await shown();
  assert.deepEqual(jobs.map(({ state }) => state).sort(), ['cancelled', 'failed']);
  const poisonous = jobs.find(({ state }) => state === 'failed')!;
  assert.match(poisonous.error!, /^no valid job: plan\.workload\.name: a job names no file$/);
  assert.equal(samplesBelow(dir), 0);
});

test('a bench puts its run into the database too; where that is away, its files have it', postgres, async () => {
  await fleet.renew('bench');
  const out = fleet.dirOf('bench-runs');
  const words = ['bench', '--workload', 'install-burst', '--data', '1M', '--rounds', '1', '--policy', 'ordered'];
  const own = [...words, '--device', 'model:nvme-plp', '--dir', out, '--out', out, '--quiet', '--json'];
  const withPassword = fleet.url.replace('owner@', 'owner:geheim@');
  const stdout = await fleet.run(...own, '--store', withPassword);
  await using store = await openStore(fleet.url);
  const { runId } = JSON.parse(stdout) as RunRecord;
  assert.equal(await store.document(runId), stdout);
  assert.deepEqual(await store.attachments(runId), ['html']);
  fleet.url = fleet.url.replace('/bench?', '/none?').replace('owner@', 'owner:geheim@');
  const { code, stderr } = await fleet.start(...own, '--no-report').finished;
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^cowbench: postgres:\/\/.*; the run is in .*\.json: cowbench store import takes it from there\n$/,
  );
  assert.doesNotMatch(stderr, /geheim/);
  const runs = fs.readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
  assert.equal(runs.length, 2);
  assertNoSecret();
});

test('the ten commands of docs/fleet.md, with three workers on one machine', postgres, async () => {
  const page = fs.readFileSync(path.join(PROJECT_ROOT, 'docs/fleet.md'), 'utf8');
  const commands = /```sh fleet\n([^`]*)```/.exec(page)![1]!.trimEnd().split('\n');
  assert.equal(commands.length, 10);
  fleet.url = fleet.server.database('cowbench').replace('owner@', 'owner:geheim@');
  const short = (command: string) =>
    command
      .replace(
        '--length 3',
        '--length 1 --policy ordered --cluster-size 512 --cache-tables 2 --states 2 --qemu-states 0 --no-qemu-peer --mutants none',
      )
      .replace('--shards 32', '--shards 3')
      .replace('--data 16M --rounds 3', '--data 1M --rounds 1 --policy ordered --device model:nvme-plp')
      .replace(/--dir \S+/, () => `--dir ${fs.mkdtempSync(path.join(fleet.folder, 'machine-'))}`);
  const wordsOf = (command: string) => short(command).replace('npm run -s cowbench -- ', '').split(' ');
  assert.deepEqual(commands.slice(0, 2), [
    'createdb cowbench',
    'export COWBENCH_STORE=postgres://owner@db.example/cowbench',
  ]);
  const said = new Map<string, string>();
  const workers: Promise<Finished>[] = [];
  for (const command of commands.slice(2)) {
    const words = wordsOf(command);
    if (words[0] === 'worker') workers.push(fleet.start(...words).finished);
    else {
      for (const { code, stderr } of await Promise.all(workers)) assert.equal(code, 0, stderr);
      said.set(words.slice(0, 2).join(' '), await fleet.run(...words));
    }
  }
  assert.equal(workers.length, 3);
  assert.match(said.get('fleet')!, /^4 jobs, 4 done$/m);
  assert.match(said.get('store list')!, /^\S+ {2}complete {2}.* {2}install-burst {2}1 samples\n$/);
  const [, work] = /fleet --parts (\S+)/.exec(said.get('submit safety')!)!;
  assert.match(
    await fleet.run('fleet', '--parts', work!, '--out', path.join(fleet.folder, 'parts')),
    /^3 parts written/,
  );
  const parts = [1, 2, 3].map((index) => path.join(fleet.folder, 'parts', `part-${index}.json`));
  const [merged, whole] = ['merged.md', 'whole.md'].map((name) => path.join(fleet.folder, name)) as [string, string];
  await fleet.run('safety', '--merge', ...parts, '--out', merged);
  const asked = wordsOf(commands.find((command) => command.includes('submit safety'))!).slice(1, -2);
  await fleet.run(...asked, '--quiet', '--out', whole);
  assert.match(fs.readFileSync(merged, 'utf8'), /\| ordered \| kept \|/);
  assert.deepEqual(fs.readFileSync(merged), fs.readFileSync(whole), 'the queue gives the record of one machine');
  await assertSameFromFiles();
  assertNoSecret();
  const rows = await fleet.asking('SELECT data::text, output::text FROM cowbench_queue.job');
  for (const text of [...said.values(), JSON.stringify(rows)]) assert.ok(!text.includes('geheim'), text);
});

/** Exported to files, the runs of the store make the same site, byte for byte. */
async function assertSameFromFiles(): Promise<void> {
  await using store = await openStore(fleet.url);
  const copies = fleet.dirOf('copies');
  for await (const { outcome } of copyRuns(store, await openStore(copies))) assert.equal(outcome, 'added');
  const build = async (name: string, records: AsyncIterable<StoredRecord>) => {
    const out = fleet.dirOf(name);
    await buildSite({ records, out, tell: () => {} });
    const files = fs.readdirSync(out, { recursive: true, encoding: 'utf8' }).sort();
    const pages = files.filter((file) => /\.(?:html|json)$/.test(file));
    return new Map(pages.map((file) => [file, fs.readFileSync(path.join(out, file), 'utf8')]));
  };
  const site = await build('site-of-store', recordsOf(store));
  assert.equal(site.size, 4);
  assert.deepEqual(await build('site-of-files', recordsBelow(copies)), site);
}
