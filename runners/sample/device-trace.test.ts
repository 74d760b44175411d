/** The exported device trace against fio, which repeats it on a file of its own: the same bytes, the same number of syncs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { DEFAULT_HOST, MiB, MODELLED_DEVICES } from '../../engine/index.ts';
import { temporaryFolder } from '../testing/command.ts';
import { TRACED_DISK } from './device-trace.ts';
import type { SampleJob } from './job.ts';
import { measure } from './measure.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const installed = spawnSync('fio', ['--version']).status === 0 && spawnSync('strace', ['-V']).status === 0;
const skip = installed || process.env.CI ? false : 'NOT TESTED: this needs fio and strace';

const CELL = { version: 3, clusterSizeBytes: 65536, l2CacheTables: 16, refcountCacheTables: 4 } as const;
const CELLS = [
  { ...CELL, policy: 'legacy', stage: 'S0', hostCacheMode: 'writeback' },
  { ...CELL, policy: 'writeback', stage: 'S4b', hostCacheMode: 'writeback' },
] as const;

for (const cell of CELLS) {
  test(`fio moves the bytes and makes the syncs of the trace: ${cell.policy}`, { skip }, async () => {
    const trace = path.join(folder, `${cell.policy}.iolog`);
    const workload = {
      name: 'install-burst',
      parameters: { data: '512K' },
      seed: 1,
      guestFlush: 'recorded',
      discard: 'ignore',
      limit: null,
    } as const;
    const job: SampleJob = {
      imageFile: path.join(folder, `${cell.policy}.qcow2`),
      ...{ workload, cell, traced: true, deviceTraceFile: trace },
      // Its operations are those of any device; the model spares the wait for this one.
      device: { device: MODELLED_DEVICES[0]!, host: DEFAULT_HOST },
    };
    const { exact } = await measure(job, async () => {});
    const seen = fioReplay(trace, exact.imageBytes);
    assert.deepEqual(seen, { reads: exact.readBytes, writes: exact.writeBytes, syncs: exact.fsyncs });
    assert.ok(exact.fsyncs > 0 && exact.readBytes > 0);
  });
}

/** What fio says that it did with the trace. */
function fioReplay(trace: string, fileBytes: number): { reads: number; writes: number; syncs: number } {
  // Reads of the trace must find bytes: fio refuses those past the end.
  fs.writeFileSync(path.join(folder, TRACED_DISK), '');
  fs.truncateSync(path.join(folder, TRACED_DISK), fileBytes + MiB);
  const words = ['--name=replay', `--read_iolog=${trace}`, '--replay_no_stall=1', '--ioengine=psync', '--thread'];
  const calls = path.join(folder, 'calls.txt');
  // fio 3.33 leaves the syncs of an iolog out of its own report, so the system says how many there were.
  const traced = ['-f', '-y', '-s', '0', '-e', 'trace=fsync,fdatasync', '-o', calls, 'fio', ...words];
  const { status, stdout, stderr } = spawnSync('strace', [...traced, '--output-format=json'], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const [job] = JSON.parse(stdout.slice(stdout.indexOf('{'))).jobs;
  const syncs =
    fs.readFileSync(calls, 'utf8').match(new RegExp(`f(?:data)?sync\\(\\d+<[^>]*/${TRACED_DISK}>`, 'g')) ?? [];
  return { reads: job.read.io_bytes, writes: job.write.io_bytes, syncs: syncs.length };
}
