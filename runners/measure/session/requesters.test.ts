/** Several requests in flight, by the real command line, on a modelled device: counts, attribution, latencies, and what is refused. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { readRecord } from '../../../results/store.ts';
import { cowbench, filesBelow, recordOf, smallBench, temporaryFolder } from '../../testing/command.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Fresh clusters of 64 KiB with a flush after each write, unless told otherwise. */
const bench = (own: Record<string, string | null>, ...flags: string[]) => {
  const fresh = { workload: 'sequential-write', data: null, span: '32M', 'flush-every': '1', device: 'model:nvme-plp' };
  return cowbench(...smallBench(folder, { ...fresh, ...own }, '-q', '--no-report', ...flags));
};

test('16 requesters of fresh clusters share their barriers: at most 0.14 syncs a flush, and 0.08 with a reserve', async () => {
  const own = { policy: 'ordered,reserve', engine: 'cowbench,raw', requesters: '1,16' };
  const { cells, workload } = recordOf(await bench(own, '--json'));
  const cellOf = (policy: string, requesters?: number) =>
    cells.find((cell) => cell.policy.name === policy && cell.requesters === requesters)!;
  const syncsPerFlush = (policy: string, requesters?: number) => cellOf(policy, requesters).exact!.fsyncs / 512;
  assert.ok(syncsPerFlush('ordered', 16) <= 0.14, `${syncsPerFlush('ordered', 16)}`);
  assert.ok(syncsPerFlush('reserve', 16) <= 0.08, `${syncsPerFlush('reserve', 16)}`);
  assert.ok(syncsPerFlush('ordered') >= 1.99 && syncsPerFlush('ordered') <= 2.01);
  assert.deepEqual([syncsPerFlush('raw:sparse'), syncsPerFlush('raw:sparse', 16)], [1, 1 / 16]);
  assert.deepEqual(
    cells.filter(({ policy }) => policy.name === 'reserve').map(({ id }) => id),
    ['reserve, requesters 1', 'reserve, requesters 16'],
  );
  for (const { id, exact, verification, rawMultiples, requesters } of cells) {
    assert.deepEqual(exact!.guest, cells[0]!.exact!.guest, `${id}: the same requests`);
    assert.equal(exact!.guest.flushes, 512);
    assert.equal(verification.content, 'equal', id);
    const ofFlushes = Object.values(exact!.syncsByTrigger.flush!).reduce((sum, syncs) => sum + syncs);
    assert.equal(exact!.byRequest.flush!.fsyncs, ofFlushes, id);
    if (rawMultiples === undefined) continue;
    assert.equal(rawMultiples.raw, `raw:sparse, requesters ${requesters ?? 1}`);
  }
  assert.equal(workload.phases.at(-1)!.lastRequest, 1023);

  // A latency counts from when the requester sent it: a commit waits for the writes of the others, but for one flush only.
  const [alone, shared] = [cellOf('reserve'), cellOf('reserve', 16)].map(({ histograms }) => histograms.guestFlush!);
  assert.equal(shared!.count, 512);
  assert.ok(shared!.p50Ns > alone!.p50Ns && shared!.p50Ns < 16 * alone!.p50Ns, `${alone!.p50Ns}, ${shared!.p50Ns}`);
  const { cascades } = cellOf('reserve', 16);
  assert.equal(cascades.find(({ request }) => request.op === 'flush')!.together, 16);
});

test('what a power cut does is explored with requests in flight, and the table says what a flush costs', async () => {
  const { stdout } = await bench({ span: '4M', policy: 'ordered', requesters: '4', crash: 'short' });
  assert.match(stdout, /requests in flight at once +requesters +flushes +syncs per flush/);
  assert.match(stdout, /^ordered +4 +64 +0\.\d{3} /m);
  assert.match(stdout.replaceAll(/\s+/g, ' '), /sent by 4 requesters at once/);
  const record = readRecord(path.join(folder, 'runs', filesBelow(path.join(folder, 'runs'))[0]!));
  const { verdict, explored } = record.cells[0]!.safety!.workload!;
  assert.match(explored ?? '', /^the first 24 changes of sequential-write, 4 at once, on 65536-byte clusters/);
  assert.notEqual(verdict, 'violated');
});

test('what several requesters cannot send is one line, before anything is written', async () => {
  for (const [own, expected] of [
    [
      { workload: 'install-burst', data: '1M', span: null, 'flush-every': null, requesters: '1,4' },
      /--requesters: workload install-burst is what one guest did, in its order; sequential-write, random-write, overwrite, backing can be sent by several$/,
    ],
    [
      { requesters: '3', 'request-bytes': '64M', span: '256M' },
      /requests 1 to 3, in flight at once, have 201326592 bytes: 134217728 at most, so fewer requesters or shorter requests$/,
    ],
  ] as const) {
    const { code, stdout, stderr } = await bench(own, '--json');
    assert.deepEqual([code, stdout], [2, ''], stderr);
    assert.match(stderr.trimEnd(), expected);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
    assert.deepEqual(filesBelow(folder), []);
  }
});
