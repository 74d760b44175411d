/** A schedule is checked, and its length said, before anything is made; bad input leaves no record. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { batched } from '../../../workloads/batches.ts';
import type { GuestRequest } from '../../../workloads/request.ts';
import { cowbench, filesBelow, recordOf, smallBench, temporaryFolder } from '../../testing/command.ts';
import { pacedLengthMs } from './paced-length.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const at = (...times: readonly (number | undefined)[]): GuestRequest[] =>
  times.map((atUs) => (atUs === undefined ? { op: 'flush' } : { op: 'flush', atUs }));

test('the length is that of the schedule, whatever its unit', async () => {
  const length = (pace: string, ...times: readonly (number | undefined)[]) =>
    pacedLengthMs(pace, batched(at(...times)));
  assert.equal(await length('trace', 5_000, 9_000, 7_000, undefined), 4);
  assert.equal(await length('trace:8', 0, 8_000_000), 1000);
  assert.equal(await length('100', undefined, undefined, undefined), 20);
  assert.equal(await length('100'), 0);
  await assert.rejects(length('trace', undefined, 5), /--pace trace: request 1 \(flush\) has no time; give a rate/);
});

function replay(text: string, own: Record<string, string>) {
  const file = path.join(folder, 'w.log');
  fs.writeFileSync(file, text);
  const small = { data: null, policy: 'writeback', workload: `trace:${file}`, device: 'model:nvme-plp', ...own };
  return cowbench(...smallBench(folder, small as Record<string, string | null>), '--json', '--no-report');
}

test('a paced run says before it starts how long it takes, and what of the trace is changed', async () => {
  const lines = '0 d write 100 512\n1 d sync_file_range 0 0\n250000 d sync 0 0\n';
  const run = await replay(`fio version 3 iolog\n${lines}`, { pace: 'trace' });
  assert.match(run.stderr, /^paced \(trace\): one replay takes at least 250 ms of virtual time$/m);
  assert.match(run.stderr, /^no run of this kind is stored here: .*; one image at a time, at most about \d+ KiB$/m);
  assert.match(run.stderr, /^warning: 1 line of the trace not on 512 bytes/m);
  assert.equal(recordOf(run).environment.warnings.filter((text) => text.includes('of the trace')).length, 2);
  assert.ok(recordOf(run).cells[0]!.rounds[0]!.wallNs >= 250e6);
});

test('without recorded flushes the one at power-off is due with the last request', async () => {
  const run = await replay('fio version 3 iolog\n0 d write 0 512\n9000 d write 0 512\n', {
    ...{ pace: 'trace', 'guest-flush': 'none' },
  });
  assert.equal(run.code, 0, run.stderr);
  assert.equal(recordOf(run).cells[0]!.exact!.guest.flushes, 1);
});

test('bad input leaves no record: a trace without times, and an image that cannot be made', async () => {
  const untimed = await replay('fio version 2 iolog\nd write 0 512\n', { pace: 'trace' });
  assert.deepEqual([untimed.code, filesBelow(folder)], [2, ['w.log']], untimed.stderr);
  const impossible = { 'cluster-size': '4k', 'image-option': 'extended_l2=on' };
  const image = await replay('fio version 2 iolog\nd write 0 512\n', impossible);
  assert.deepEqual([image.code, filesBelow(folder)], [2, ['w.log']], image.stderr);
  assert.match(image.stderr, /^cowbench: (?!defect)/m);
});
