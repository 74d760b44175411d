/** The counts are those of the operating system: strace sees the same reads, writes and syncs of the image file. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { OpsResult } from './result.ts';

const CLI = path.join(import.meta.dirname, '../cli.ts');
/** The first sector, L1 table, refcount table and extensions: the reference leaves the reads of opening out. */
const READS_OF_OPEN = 4;
const SCRIPT = [
  '#@ size=1073741824',
  'w 0 65536',
  'w 200704 4096',
  'f',
  'snap s',
  'w 512 4096',
  'r 0 131072',
  'w 536870912 512',
  'goto s',
  'del s',
  'f',
].join('\n');

const withoutStrace =
  spawnSync('strace', ['-V']).status === 0 ? false : 'no strace here: counts are not compared with the system';

/** Calls of each name on the file, and the bytes that they returned. */
function systemCalls(trace: string): Map<string, { calls: number; bytes: number }> {
  const found = new Map<string, { calls: number; bytes: number }>();
  for (const [, name, result] of trace.matchAll(/^(?:\d+ +)?(\w+)\(.*\) += (-?\d+)/gm)) {
    const row = found.get(name!) ?? { calls: 0, bytes: 0 };
    found.set(name!, { calls: row.calls + 1, bytes: row.bytes + Number(result) });
  }
  return found;
}

for (const [stage, cache] of [
  ['S0', 'writeback'],
  ['S2', 'writethrough'],
  ['S4b', 'writeback'],
] as const) {
  test(`stage ${stage}, ${cache}: counted as traced`, { skip: withoutStrace }, () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
    try {
      const script = path.join(directory, 'traced.ops');
      const log = path.join(directory, 'strace.log');
      fs.writeFileSync(script, SCRIPT);
      const image = path.join(directory, 'traced.qcow2');
      const strace = ['-f', '-o', log, '-e', 'trace=pread64,pwrite64,preadv,pwritev,fdatasync,fsync', '-P', image];
      const command = [process.execPath, CLI, 'ops', script, '--stage', stage, '--cache', cache, '--dir', directory];
      const env = { ...process.env, UV_USE_IO_URING: '0' };
      const run = spawnSync('strace', [...strace, ...command, '--json'], { encoding: 'utf8', env });
      assert.equal(run.status, 0, run.stderr);
      const counted = JSON.parse(run.stdout) as OpsResult;
      const traced = systemCalls(fs.readFileSync(log, 'utf8'));
      assert.deepEqual([...traced.keys()].sort(), ['fdatasync', 'pread64', 'pwrite64']);
      assert.equal(traced.get('pwrite64')!.calls, counted.writes);
      assert.equal(traced.get('pwrite64')!.bytes, counted.write_bytes);
      assert.equal(traced.get('pread64')!.calls, counted.reads + READS_OF_OPEN);
      assert.equal(traced.get('fdatasync')!.calls, counted.fsyncs);
      assert.equal(counted.odsync_writes, cache === 'writethrough' ? counted.writes : 0);
    } finally {
      fs.rmSync(directory, { recursive: true, force: true });
    }
  });
}
