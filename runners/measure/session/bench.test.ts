import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { ExactCounters } from '../../../results/record.ts';
import { readRecord } from '../../../results/store.ts';
import { cowbench, filesBelow, recordOf, smallBench, startCowbench, temporaryFolder } from '../../testing/command.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test('--json prints the record and nothing else; it is valid, stored, and every cell is verified; no image is left', async () => {
  const finished = await cowbench(...smallBench(folder, { rounds: '1' }, '--json', '--quiet', '--no-report'));
  assert.deepEqual([finished.code, finished.stderr], [0, '']);
  const record = recordOf(finished);
  assert.equal(record.status, 'complete');
  assert.deepEqual(
    record.cells.map(({ id }) => id),
    ['legacy', 'writethrough', 'writeback', 'modern', 'reserve'],
  );
  for (const cell of record.cells) {
    assert.deepEqual([cell.verification.content, cell.verification.check], ['equal', 'clean'], cell.id);
    assert.equal(cell.verification.contentBytes, record.workload.diskSizeBytes);
    assert.equal(cell.deterministic, true, `${cell.id}: two rounds counted differently`);
    assert.deepEqual(
      cell.rounds.map(({ traced }) => traced === true),
      [true, false],
      'the round that warms up, and the one that counts',
    );
    assert.ok(cell.exact!.guest.writes > 0 && cell.exact!.guest.flushes > 0);
    assert.equal(cell.histograms.deviceSync!.count, cell.exact!.fsyncs, cell.id);
    assert.equal(cell.histograms.guestFlush!.count, cell.exact!.guest.flushes, cell.id);
  }
  const [stored] = filesBelow(path.join(folder, 'runs'));
  assert.deepEqual(readRecord(path.join(folder, 'runs', stored!)), record);
  assert.deepEqual(fs.readdirSync(path.join(folder, 'images')), []);
});

test('parts of the exact counters add up to their totals, and the file map to the bytes written', async () => {
  const record = recordOf(await cowbench(...smallBench(folder, {}, '--json', '--no-report')));
  for (const { id, exact, fileMap } of record.cells) {
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    const kinds = Object.values(exact!.byKind);
    const requests = Object.values(exact!.byRequest);
    assert.equal(sum(kinds.map((kind) => kind.writeBytes)), exact!.writeBytes, id);
    assert.equal(sum(kinds.map((kind) => kind.writes)), exact!.writes, id);
    assert.equal(sum(requests.map((request) => request.fsyncs)), exact!.fsyncs, id);
    assert.equal(sum(requests.map((request) => request.writeBytes)), exact!.writeBytes, id);
    assert.equal(sum(Object.values(exact!.syncsByCause)), exact!.fsyncs, id);
    assert.equal(sum(Object.values(exact!.syncsByTrigger).flatMap((row) => Object.values(row))), exact!.fsyncs, id);
    assert.equal(sum(fileMap!.cells.map(([, , , bytes]) => bytes)), exact!.writeBytes, id);
    assert.equal(sum(fileMap!.syncs.map(([, syncs]) => syncs)), exact!.fsyncs, id);
  }
});

test('two runs give identical counts; an image of version 2 is written and synced like one of version 3', async () => {
  const runs = await Promise.all([
    cowbench(...smallBench(folder, {}, '--json', '-q', '--no-report')),
    cowbench(...smallBench(folder, {}, '--json', '-q', '--no-report')),
    cowbench(...smallBench(folder, { 'image-version': '2' }, '--json', '-q', '--no-report')),
  ]);
  const [first, second, old] = runs.map((run) => recordOf(run).cells.map(({ exact }) => exact!));
  assert.deepEqual(second, first);
  const changes = ({ fsyncs, odsyncWrites, writes, writeBytes }: ExactCounters) => [
    fsyncs,
    odsyncWrites,
    writes,
    writeBytes,
  ];
  assert.deepEqual(old!.map(changes), first!.map(changes));
});

test('the table, the verdict and the report: the terminal says what the record says', async () => {
  const { code, stdout, stderr } = await cowbench(...smallBench(folder, { policy: 'legacy,writeback' }, '-v'));
  assert.equal(code, 0, stderr);
  const recordFile = /^record: (.*)$/m.exec(stdout)![1]!;
  const record = readRecord(recordFile);
  for (const { id, exact } of record.cells) {
    const counts = stdout.slice(stdout.indexOf('\ncounts '));
    const row = counts.split('\n').find((line) => line.startsWith(`${id} `))!;
    const [, syncs, idle, durable, writes] = row.split(/\s+/).map(Number);
    assert.deepEqual([syncs, durable, writes], [exact!.fsyncs, exact!.odsyncWrites, exact!.writes]);
    assert.equal(idle, exact!.fsyncs - exact!.workingSyncs!);
  }
  assert.match(stdout, /^Use (writeback|legacy) on /m);
  const reportFile = /^report: (.*)$/m.exec(stdout)![1]!;
  assert.match(fs.readFileSync(reportFile, 'utf8'), /^<!doctype html>/i);
  const again = await cowbench('report', recordFile, '--out', path.join(folder, 'again.html'));
  assert.equal(again.code, 0, again.stderr);
  assert.equal(fs.readFileSync(path.join(folder, 'again.html'), 'utf8'), fs.readFileSync(reportFile, 'utf8'));
});

test('a guest that does not flush does so once, at power-off; with every:N it flushes after N writes', async () => {
  const count = async (own: Record<string, string>) => {
    const words = smallBench(folder, { policy: 'writeback', ...own }, '--json', '-q', '--no-report');
    const { cells } = recordOf(await cowbench(...words));
    return cells[0]!.exact!;
  };
  assert.equal((await count({ 'guest-flush': 'none' })).guest.flushes, 1);
  const every = await count({ 'guest-flush': 'every:10' });
  assert.equal(every.guest.flushes, Math.floor(every.guest.writes / 10));
  const limited = await count({ limit: '25' });
  const { reads, writes, flushes, discards, other } = limited.guest;
  assert.equal(reads + writes + flushes + discards + other, 25);
});

test('unsafe mode makes no sync and says that its times mean nothing', async () => {
  const finished = await cowbench(
    ...smallBench(folder, { policy: 'writeback', cache: 'unsafe' }, '--json', '--no-report'),
  );
  const record = recordOf(finished);
  assert.equal(record.cells[0]!.exact!.fsyncs, 0);
  assert.match(finished.stderr, /^warning: host cache mode unsafe .* mean nothing/m);
  assert.ok(record.environment.warnings.some((warning) => warning.includes('unsafe')));
});

test('--keep-images leaves images that can be read, and only then', async () => {
  const { code } = await cowbench(...smallBench(folder, { policy: 'writeback' }, '-q', '--keep-images', '--no-report'));
  assert.equal(code, 0);
  const kept = filesBelow(path.join(folder, 'images'));
  assert.equal(kept.length, 1);
  assert.match(kept[0]!, /^cowbench-\w+\/writeback-round-1\.qcow2$/);
  fs.rmSync(path.join(folder, 'images'), { recursive: true });
});

test('in 80 columns no line wraps, and in a pipe there is no escape; --verbose shows the rest within the same width', async () => {
  const words = smallBench(
    folder,
    { data: '512K', policy: 'legacy,reserve', crash: 'short' },
    '--verbose',
    '--no-report',
  );
  const { stdout, stderr } = await startCowbench(words, { ...process.env, COLUMNS: '80' }).finished;
  const lines = stdout.split('\n').filter((line) => !line.startsWith('record: '));
  assert.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
  assert.equal(`${stdout}${stderr}`.includes('\u001b'), false);
  assert.match(lines[0]!, /^policy +time +vs legacy +syncs with work +MiB +power cut$/);
  assert.match(stdout, /^power cut: the first \d+ changes of install-burst/m);
  assert.match(stdout, /^power cut during +legacy +reserve$/m);
  assert.match(stdout, /^snapshot-create +✗ +✓$/m);
});
