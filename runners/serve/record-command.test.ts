/** `cowbench record`: what a command does to the disk that it is given, with its phases, as a trace that can be replayed. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { cowbench, temporaryFolder } from '../testing/command.ts';
import { without } from './testing/running-server.ts';

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    await work(folder);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

test('a command is recorded with its phases', { skip: without('qemu-io') }, () =>
  inFolder(async (folder) => {
    const file = path.join(folder, 'guest.iolog.gz');
    const write = (words: string) => `qemu-io -f raw -t writeback -c "${words}" -c flush "$COWBENCH_URI" >/dev/null`;
    const phase = (name: string) => `echo ${name} > "$COWBENCH_PHASE"; sleep 0.1`;
    const script = [phase('first'), write('write 4k 8k'), phase('empty'), phase('second'), write('write -f 1M 4k')];
    const { code, stderr } = await cowbench('record', file, '--size', '4M', '--', 'sh', '-c', script.join('; '));
    assert.deepEqual([code, stderr], [0, `cowbench: 6 requests recorded in ${file}\n`]);
    const lines = gunzipSync(fs.readFileSync(file)).toString().split('\n');
    const { phases } = JSON.parse(fs.readFileSync(path.join(folder, 'guest.phases.json'), 'utf8'));
    const of = (name: string) => phases.find((one: { name: string }) => one.name === name);
    const part = ({ first_line: first, last_line: last }: { first_line: number; last_line: number }) =>
      lines.slice(first - 1, last).map((line) => line.replace(/^\d+ disk /, ''));
    assert.deepEqual(part(of('first')), ['write 4096 8192', 'datasync 0 0', 'datasync 0 0']);
    assert.deepEqual([of('empty').first_line, of('empty').last_line], [null, null]);
    // A write that is to be durable is two lines.
    assert.deepEqual(part(of('second')), ['write 1048576 4096', 'datasync 0 0', 'datasync 0 0', 'datasync 0 0']);
  }),
);

test('a command that fails, none at all, and a recording that is there already are one line', () =>
  inFolder(async (folder) => {
    const file = path.join(folder, 'guest.iolog');
    const failed = await cowbench('record', file, '--', 'sh', '-c', 'exit 3');
    assert.equal(failed.code, 2);
    assert.match(failed.stderr, /cowbench: record: the command failed \(3\); what it did is in [^\n]*guest\.iolog\n$/);
    const again = await cowbench('record', file, '--', 'true');
    assert.deepEqual([again.code, again.stdout], [2, '']);
    assert.match(again.stderr, /^cowbench: --record [^\n]*guest\.iolog: there is a file of that name\n$/);
    const none = await cowbench('record', path.join(folder, 'other.iolog'));
    assert.deepEqual([none.code, none.stderr], [2, 'cowbench: record: give the command to run after --\n']);
    assert.deepEqual(fs.readdirSync(folder), ['guest.iolog']);
  }));
