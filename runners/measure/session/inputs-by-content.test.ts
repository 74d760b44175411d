/** An input is known by its content: a trace that changed is another trace, one that was moved or compressed is the same. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openWorkload, type WorkloadChoice } from '../../sample/workload-choice.ts';
import { cowbench, type Finished, recordOf, smallBench, temporaryFolder } from '../../testing/command.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const ONE = 'fio version 3 iolog\n0 f write 0 4096\n';
const TWO = 'fio version 3 iolog\n0 f write 0 4096\n1 f sync 0 0\n2 f write 65536 65536\n';

function write(name: string, content: string | Uint8Array): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, content);
  return file;
}

function replay(file: string, own: Record<string, string> = {}, ...flags: string[]): Promise<Finished> {
  const device: Record<string, string | null> = { device: 'model:nvme-plp', policy: 'writeback', data: null };
  const words = smallBench(folder, { ...device, workload: `trace:${file}`, ...own });
  return cowbench(...words, '--no-report', '--json', ...flags);
}

test('--resume takes a changed trace for another one, measures it, and says so', async () => {
  const first = recordOf(await replay(write('w.log', ONE)));
  const changed = await replay(write('w.log', TWO), {}, '--resume');
  const second = recordOf(changed);
  assert.deepEqual(
    [first, second].map(({ cells }) => cells[0]!.exact!.guest.writes),
    [1, 2],
  );
  assert.notEqual(second.runId, first.runId);
  assert.match(changed.stderr, /--resume: trace \S+w\.log has changed since \S+\.json: everything is measured again/);
  assert.notEqual(first.workload.inputs![0]!.sha256, second.workload.inputs![0]!.sha256);
});

test('--resume takes a changed policy of the user for another one, though its name, size and time are the same', async () => {
  const policy = (cause: string) =>
    write(
      'mine.ts',
      `import { policyNamed } from 'cowbench';
export default { ...policyNamed('writeback'), name: 'mine', summary: '${cause}' };
`,
    );
  const trace = write('w.log', ONE);
  const file = policy('one');
  const { atime, mtime } = fs.statSync(file);
  const run = async () => recordOf(await replay(trace, { policy: file }, '--resume'));
  const first = await run();
  assert.equal((await run()).runId, first.runId);
  policy('two');
  fs.utimesSync(file, atime, mtime);
  assert.notEqual((await run()).runId, first.runId);
});

test('the same trace under another name, and compressed, is the same run', async () => {
  const first = recordOf(await replay(write('w.log', TWO)));
  const { runId } = recordOf(await replay(write('moved.log', TWO), {}, '--resume'));
  const zipped = recordOf(await replay(write('w.log.gz', gzipSync(TWO)), {}, '--resume'));
  assert.deepEqual([runId, zipped.runId], [first.runId, first.runId]);
});

test('the size of the disk is a part of the plan: the same requests on a larger disk are another run', async () => {
  const first = recordOf(await replay(write('w.log', ONE)));
  const larger = recordOf(await replay(write('w.log', ONE), { 'disk-size': '1G' }, '--resume'));
  assert.notEqual(larger.plan, first.plan);
  assert.deepEqual(
    [first, larger].map(({ workload }) => workload.diskSizeBytes),
    [4096, 2 ** 30],
  );
});

test('a sample of a trace that changed after the run began is refused, also when it changes while it is read', async () => {
  const choice: WorkloadChoice = {
    ...{ name: `trace:${write('w.log', ONE)}`, parameters: {}, seed: 1 },
    ...{ guestFlush: 'recorded', discard: 'ignore', limit: null },
  };
  const { workload, requests } = await openWorkload(choice, 65536);
  write('w.log', TWO.replace('65536 65536', '0 4096'));
  await assert.rejects(
    openWorkload({ ...choice, inputs: workload.inputs }, 65536),
    /w\.log was changed since the run began/,
  );
  await assert.rejects(async () => {
    for await (const _ of requests);
  }, /w\.log: changed while it was being replayed/);
});
