import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MiB } from '../engine/base/units.ts';
import { batched } from './batches.ts';
import { WorkloadError } from './errors.ts';
import { readIolog } from './iolog.ts';
import { writeIolog } from './iolog-writer.ts';
import { Prng } from './prng.ts';
import type { GuestRequest } from './request.ts';
import { collect, fileWith, inTemporaryFolder } from './testing/temporary.ts';
import { totalsOf } from './totals.ts';

const DISK_BYTES = 4 * MiB;

/** Reads, writes, flushes and zeroes as a guest mixes them; no discards, which fio 3.33 does not replay. */
function* mixedRequests(count: number): Generator<GuestRequest> {
  const prng = new Prng(7);
  for (let made = 0; made < count; made++) {
    const offset = prng.below(DISK_BYTES / 4096) * 4096;
    const atUs = made * 10;
    const kind = prng.below(4);
    if (kind === 0) yield { op: 'flush', atUs };
    else if (kind === 1) yield { op: 'write-zeroes', offset, length: 4096, mayUnmap: false, atUs };
    else yield { op: kind === 2 ? 'read' : 'write', offset, length: 4096, atUs };
  }
}

for (const version of [2, 3] as const) {
  test(`fio replays what is written as v${version}, every request of it`, { skip: withoutFio() }, () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, 'trace.iolog');
      await writeIolog(batched(mixedRequests(400)), path, { version });
      truncateSync(fileWith(folder, 'disk', ''), DISK_BYTES);
      const options = ['--name=replay', `--read_iolog=${path}`, '--ioengine=psync', '--replay_no_stall=1'];
      const fio = spawnSync('fio', [...options, '--output-format=json'], { cwd: folder, encoding: 'utf8' });
      assert.equal(fio.status, 0, fio.stderr + fio.stdout);
      assert.equal(fio.stderr, '');
      const job = JSON.parse(fio.stdout.slice(fio.stdout.indexOf('{'))).jobs[0];
      const totals = await totalsOf(readIolog(path));
      // fio 3.33 reports a replayed datasync as a short read.
      assert.deepEqual(
        { error: job.error, reads: job.read.total_ios, writes: job.write.total_ios, flushes: job.read.short_ios },
        { error: 0, reads: totals.byOp.read.count, writes: totals.byOp.write.count, flushes: totals.byOp.flush.count },
      );
      assert.equal(job.write.io_bytes, totals.byOp.write.bytes);
      assert.equal(totals.requests, 400);
    }),
  );
}

function withoutFio(): string | false {
  return spawnSync('fio', ['--version']).error === undefined ? false : 'fio is not installed';
}

test('zeroes become trims or writes, marks are left out, times are inherited', () =>
  inTemporaryFolder(async (folder) => {
    const path = join(folder, 'trace');
    const requests: GuestRequest[] = [
      { op: 'mark', text: 'phase' },
      { op: 'write-zeroes', offset: 0, length: 512, mayUnmap: true, atUs: 5 },
      { op: 'write-zeroes', offset: 512, length: 512, mayUnmap: false },
    ];
    await writeIolog(batched(requests), path, { file: 'sda' });
    assert.deepEqual(await collect(readIolog(path, { file: 'sda' })), [
      { op: 'discard', offset: 0, length: 512, atUs: 5 },
      { op: 'write', offset: 512, length: 512, atUs: 5 },
    ]);
  }));

const INEXPRESSIBLE: readonly GuestRequest[] = [
  { op: 'vmstate-write', offset: 0, length: 512 },
  { op: 'vmstate-read', offset: 0, length: 512 },
  { op: 'snapshot-create', name: 'a' },
  { op: 'snapshot-apply', name: 'a' },
  { op: 'snapshot-delete', name: 'a' },
  { op: 'reopen' },
  { op: 'flush', atUs: -1 },
  { op: 'flush', atUs: 0.5 },
];

for (const request of INEXPRESSIBLE) {
  test(`an iolog cannot hold ${JSON.stringify(request)}`, () =>
    inTemporaryFolder(async (folder) => {
      await assert.rejects(writeIolog(batched([request]), join(folder, 'trace')), WorkloadError);
    }));
}

test('the name of the disk must be one word', () =>
  inTemporaryFolder(async (folder) => {
    for (const file of ['', 'two words', 'x'.repeat(256)]) {
      await assert.rejects(writeIolog(batched([]), join(folder, 'trace'), { file }), WorkloadError);
    }
  }));
