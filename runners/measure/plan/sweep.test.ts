/** Sweeps by the real command line, on a modelled device: nothing waits for a disk. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { RunRecord } from '../../../results/record.ts';
import { readRecord } from '../../../results/store.ts';
import { workloadParts } from '../../../results/workload-parts.ts';
import { cowbench, filesBelow, recordOf, temporaryFolder } from '../../testing/command.ts';
import { OwnRepository } from '../../testing/own-repository.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const runs = () => path.join(folder, 'runs');
const sweep = (own: Readonly<Record<string, string>>, ...flags: string[]) => {
  const options = {
    ...{
      workload: 'overwrite',
      span: '512K',
      writes: '8',
      device: 'model:nvme-plp',
      rounds: '1',
      dir: folder,
      out: runs(),
    },
    ...own,
  };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  return ['bench', ...words, '--no-report', '--quiet', ...flags];
};

test('lists of cell options span a matrix in one run; CSV has a row a cell, with every counter', async () => {
  const matrix = { 'cluster-size': '4k,64k', 'l2-cache': '128K,1M', policy: 'writeback' };
  const { stdout } = await cowbench(...sweep({ ...matrix, format: 'csv' }));
  const [header, ...rows] = stdout.trimEnd().split('\r\n');
  for (const column of ['cell', 'fsyncs', 'byKind.l2.writes', 'medianWallNs'])
    assert.ok(header!.split(',').includes(column), column);
  assert.deepEqual(
    rows.map((row) => /"writeback[^"]*"/.exec(row)![0]),
    ['4k, l2 128K', '4k, l2 1M', '64k, l2 128K', '64k, l2 1M'].map((words) => `"writeback, cluster ${words}"`),
  );
  const [file] = filesBelow(runs());
  assert.deepEqual(
    readRecord(path.join(runs(), file!)).cells.map(({ image }) => [image.clusterSizeBytes, image.l2CacheTables]),
    [
      [4096, 32],
      [4096, 256],
      [65536, 2],
      [65536, 16],
    ],
  );
});

test('workloads and guest flushes make one run: its record, CSV and comparison know each of them', async () => {
  const several = { policy: 'writeback', workload: 'overwrite,random-write', 'guest-flush': 'every:2,none' };
  const words = sweep(several);
  const { stdout } = await cowbench(...words, '--format', 'csv');
  assert.equal(filesBelow(runs()).length, 1);
  const file = path.join(runs(), filesBelow(runs())[0]!);
  assert.deepEqual(
    workloadParts(readRecord(file)).map(({ workload, cells }) => [
      ...[workload.name, workload.guestFlush],
      ...cells.map(({ id, exact }) => `${id}: ${exact!.guest.flushes > 1}`),
    ]),
    [
      ['overwrite', 'every:2', 'writeback, workload overwrite, flush every:2: true'],
      ['overwrite', 'none', 'writeback, workload overwrite, flush none: false'],
      ['random-write', 'every:2', 'writeback, workload random-write, flush every:2: true'],
      ['random-write', 'none', 'writeback, workload random-write, flush none: false'],
    ],
  );

  const [header, ...rows] = stdout.trimEnd().split('\r\n');
  const [name, flush] = ['workload', 'guestFlush'].map((column) => header!.split(',').indexOf(column));
  assert.deepEqual(
    rows.map((row) => `${row.split(',')[name!]} ${row.split(',')[flush!]}`),
    ['overwrite every:2', 'overwrite none', 'random-write every:2', 'random-write none'],
  );

  const single = await cowbench(...sweep({ policy: 'writeback', workload: 'random-write', 'guest-flush': 'none' }));
  assert.equal(single.code, 0, single.stderr);
  const other = filesBelow(runs()).find((found) => !file.endsWith(found))!;
  const compared = await cowbench('report', path.join(runs(), other), '--against', file);
  assert.equal(compared.code, 0, compared.stderr);
  const page = fs.readFileSync(/comparison: (.*)\n/.exec(compared.stdout)![1]!, 'utf8');
  assert.match(page, /No difference: all exact counts match \(1 policy\/workload pair\)/);
});

test('lists of run options make a run each; Markdown has the columns that people compare', async () => {
  const several = { policy: 'writeback', writes: '4,8', seed: '1,2' };
  const records = (JSON.parse((await cowbench(...sweep(several, '--json'))).stdout) as unknown[]).map((document) =>
    RunRecord.parse(document),
  );
  const asked = records.map(({ workload, cells }) => {
    assert.equal(cells[0]!.exact!.guest.writes, workload.parameters.writes);
    return `${workload.parameters.writes} ${workload.seed}`;
  });
  assert.deepEqual(asked.toSorted(), ['4 1', '4 2', '8 1', '8 2']);
  const markdown = (await cowbench(...sweep({ policy: 'writeback', format: 'markdown' }))).stdout.split('\n');
  assert.match(markdown[2]!, /^\| overwrite .*\| writeback \| \d+ \| 0 \| \d+ \|/);
});

test('virtual times repeat to the nanosecond, and differ between devices', async () => {
  const words = sweep({ policy: 'writeback', device: 'model:hdd-7200,model:nvme-plp', rounds: '2' }, '--json');
  const times = async () =>
    recordOf(await cowbench(...words)).cells.map(({ rounds, histograms }) => ({
      wallNs: rounds.map(({ wallNs }) => wallNs),
      histograms,
    }));
  const [disk, flash] = await times();
  assert.deepEqual(await times(), [disk, flash]);
  assert.equal(disk!.wallNs[0], disk!.wallNs[1]);
  assert.ok(disk!.wallNs[0]! > 10 * flash!.wallNs[0]!, `${disk!.wallNs[0]} and ${flash!.wallNs[0]}`);
});

test('a sweep that SIGINT or SIGKILL ends goes on where it was: nothing lost, nothing repeated', async () => {
  // A copy of its own: a run is only continued by the same state of the program, and this one may be worked on.
  const program = new OwnRepository(folder);
  const words = sweep({ 'guest-flush': 'recorded,none', policy: 'legacy,writeback', rounds: '3' }, '--json');
  for (const [index, signal] of (['SIGINT', 'SIGKILL'] as const).entries()) {
    const { process: child, finished } = program.start([...words, '--resume']);
    while (taken().length < 3 + 3 * index) await setTimeout(10);
    child.kill(signal);
    await finished;
  }
  const before = taken();
  assert.ok(before.length < 12, 'the run was over before the signal');
  const record = recordOf(await program.cowbench(...words, '--resume'));
  assert.equal(record.status, 'complete');
  assert.equal(filesBelow(runs()).length, 1);
  const after = samplesOf(record);
  assert.deepEqual(
    after.map(({ order }) => order).toSorted((a, b) => a - b),
    [...Array(12).keys()],
  );
  for (const sample of before)
    assert.deepEqual(
      after.find(({ order }) => order === sample.order),
      sample,
    );
  const again = recordOf(await program.cowbench(...words, '--resume'));
  assert.deepEqual(again, record, 'a finished run is not begun again');
});

test('of two that go on with the same sweep at once, the second is refused in one line, and the first goes on', async () => {
  const program = new OwnRepository(folder);
  const words = [...sweep({ policy: 'writeback', rounds: '400' }), '--resume'];
  const first = program.start(words);
  while (taken().length < 2) await setTimeout(10);
  const { code, stdout, stderr } = await program.cowbench(...words);
  assert.deepEqual([code, stdout], [2, ''], stderr);
  assert.match(stderr, /^cowbench: --resume: process \d+ is measuring this run already \(.*\.lock\)\n$/);
  const count = taken().length;
  while (taken().length < count + 2) await setTimeout(10);
  first.process.kill('SIGINT');
  assert.equal((await first.finished).code, 130);
  const places = taken().map(({ order }) => order);
  assert.equal(new Set(places).size, places.length);
  assert.deepEqual(filesBelow(runs()).length, 1, 'only the record is left');
});

/** The samples that the only record has by now. */
function taken() {
  const files = fs.existsSync(runs()) ? filesBelow(runs()).filter((file) => /\/[^.][^/]*\.json$/.test(file)) : [];
  return files.length === 0 ? [] : samplesOf(readRecord(path.join(runs(), files[0]!)));
}

/** All samples of a record; the time at which one began names it permanently. */
function samplesOf({ cells }: RunRecord) {
  return cells.flatMap(({ rounds, control = [] }) =>
    [...rounds, ...control].map(({ order, startedAt }) => ({ order, startedAt })),
  );
}
