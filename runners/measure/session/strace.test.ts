/** The counters against the operating system: every call that strace sees on the image file is in the record, and no other. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { CLI, recordOf, smallBench, startProgram, temporaryFolder } from '../../testing/command.ts';

const TRACED = 'openat,read,pread64,preadv,write,pwrite64,pwritev,fsync,fdatasync,sync_file_range,ftruncate,fallocate';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

interface SeenCalls {
  /** The flags that the image was opened with. */
  readonly flags: string;
  fsyncs: number;
  writes: number;
  writeBytes: number;
  reads: number;
  truncates: number;
}

/** The calls on the image by the descriptor that they went through: one entry each time that it was opened. */
function callsOnImage(trace: string): SeenCalls[] {
  const opened: SeenCalls[] = [];
  for (const line of trace.split('\n')) {
    const open = /openat\([^,]*, "[^"]*\.qcow2", ([^,)]*)/.exec(line);
    if (open) opened.push({ flags: open[1]!, fsyncs: 0, writes: 0, writeBytes: 0, reads: 0, truncates: 0 });
    // With -y the descriptor shows its path; an unfinished call shows its arguments too, its end does not repeat them.
    const [, name, rest] = /(\w+)\(\d+<[^>]*\.qcow2>(.*)$/.exec(line) ?? [];
    if (name !== undefined) addCall(opened.at(-1)!, name, rest!);
  }
  return opened;
}

function addCall(calls: SeenCalls, name: string, rest: string): void {
  if (name === 'fsync' || name === 'fdatasync') calls.fsyncs++;
  else if (name === 'pwrite64') {
    calls.writes++;
    calls.writeBytes += Number(/^, "[^"]*"\.*, (\d+), \d+/.exec(rest)![1]);
  } else if (name === 'pread64') calls.reads++;
  else if (name === 'ftruncate') calls.truncates++;
  else assert.fail(`a call that the engine is not known to make: ${name}${rest}`);
}

const strace = spawnSync('strace', ['-V']).status === 0;
const skip = strace || process.env.CI ? false : 'NOT TESTED: strace is not installed';

for (const policy of ['legacy', 'writethrough', 'writeback']) {
  test(`strace counts what the record counts: ${policy}`, { skip }, async () => {
    const output = path.join(folder, 'trace.txt');
    const words = smallBench(folder, { policy, data: '1M' }, '--json', '--quiet', '--no-report');
    const traced = ['-f', '-y', '-s', '0', '-e', `trace=${TRACED}`, '-o', output, process.execPath, CLI, ...words];
    const finished = await startProgram('strace', traced).finished;
    assert.equal(finished.code, 0, finished.stderr);
    const { exact, hostCacheMode } = recordOf(finished).cells[0]!;
    const opened = callsOnImage(fs.readFileSync(output, 'utf8'));
    // Made, (prepared,) replayed, verified: the replay is the last time that it was opened for writing.
    const replay = opened.findLast(({ flags }) => flags.includes('O_RDWR'))!;
    assert.equal(replay.flags.includes('O_DSYNC'), hostCacheMode === 'writethrough');
    const { flags: _, ...seen } = replay;
    const { fsyncs, writes, writeBytes, reads, truncates } = exact!;
    assert.deepEqual(seen, { fsyncs, writes, writeBytes, reads, truncates });
    assert.ok(seen.fsyncs > 0 && seen.writes > 0);
  });
}
