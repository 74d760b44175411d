/** `cowbench load` on a small scale, by the real command line: jobs, counts and what is written; and what it refuses. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { LoadRecord } from '../../../results/load-record.ts';
import { cowbench, temporaryFolder } from '../../testing/command.ts';

let folder = '';
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

test('every server does every job; syncs are counted for those that keep something; table, page and record agree', async () => {
  const size = ['--clients', '2', '--commits', '10', '--time', '0.05s', '--rounds', '1', '--size', '2M'];
  const [table, page] = ['load.md', 'load.html'].map((name) => path.join(folder, name));
  const words = ['load', '-p', 'reserve', ...size, '--dir', folder, '--out', table!, '--report', page!, '--json', '-q'];
  const { code, stdout, stderr } = await cowbench(...words);
  assert.deepEqual([code, stderr], [0, '']);
  const record = LoadRecord.parse(JSON.parse(stdout));
  const servers = ['cowbench reserve', 'qemu-nbd', 'protocol'];
  const commits = 'commits of 2 clients';
  assert.deepEqual(
    record.results.slice(-3).map(({ job, server }) => [job, server]),
    servers.map((server) => [commits, server]),
  );
  assert.deepEqual([record.results.length, record.reference], [5 * 3, 'qemu-nbd']);
  assert.ok(record.results.every(({ requestsPerSecond, medianUs }) => requestsPerSecond > 0 && medianUs > 0));
  const counted = record.results.filter(({ syncsPerFlush }) => syncsPerFlush !== null);
  assert.deepEqual(
    counted.map(({ job, server }) => [job, server]),
    servers.slice(0, 2).map((server) => [commits, server]),
  );
  const [ours, theirs] = counted.map(({ syncsPerFlush }) => syncsPerFlush!);
  assert.ok(ours! > 0 && theirs! > 1, `${ours}, ${theirs}: qemu-nbd orders by syncs of its own`);
  assert.equal([...fs.readFileSync(table!, 'utf8').matchAll(/^\| (?!job|---)/gm)].length, 15);
  assert.match(fs.readFileSync(page!, 'utf8'), /<h1>NBD servers under load<\/h1>/);
  assert.deepEqual(fs.readdirSync(folder).sort(), ['load.html', 'load.md']);
});

test('sizes and servers that cannot be used are one line', async () => {
  for (const [words, expected] of [
    [['--size', '100K'], /--size 100K: not a multiple of 1M/],
    [['--engine', 'nbd:qemu-nbd -k {socket} -f vmdk {image:vmdk}'], /load takes servers of qcow2 images only/],
  ] as const) {
    const { code, stdout, stderr } = await cowbench('load', ...words, '--dir', folder, '-q');
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, expected);
    assert.equal(stderr.trim().split('\n').length, 1);
  }
});
