/** Programs that keep their image in a file that nbdfuse shows: explored like QEMU by its own log, and with the same result. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { without } from '../../serve/testing/running-server.ts';
import { CLI, cowbench } from '../../testing/command.ts';

const skip =
  (fs.existsSync('/dev/fuse') ? false : 'NOT TESTED: this needs /dev/fuse') ||
  without('nbdfuse', 'fusermount3', 'qemu-nbd', 'qemu-io');

const explored = async (engine: string, workload = 'reuse-discarded') =>
  await cowbench('crash', '-q', '--json', '-w', workload, '--engine', engine);

test('qemu-nbd on a recorded file breaks the promise that the installed QEMU breaks, in as many states', {
  skip,
}, async () => {
  const qemuNbd = 'nbd:qemu-nbd -k {socket} -f qcow2 --discard=unmap --cache=writeback {image}';
  const [byFile, byLog] = await Promise.all([explored(qemuNbd), explored('qemu')]);
  const [server, installed] = [byFile, byLog].map(({ stdout }) => JSON.parse(stdout)[0]);
  assert.equal(server.name, 'qemu-nbd');
  assert.deepEqual(server.tally, installed.tally);
  assert.ok(server.tally.findings.foreign > 0);
  assert.deepEqual([byFile.code, byLog.code], [1, 1]);
});

test('another program keeps it, and what a server cannot do is left out in one line', { skip }, async () => {
  const own = `nbd:exec '${process.execPath}' '${CLI}' serve {image} -k {socket} --policy reserve`;
  const { code, stdout } = await explored(own);
  const [{ tally }] = JSON.parse(stdout);
  assert.deepEqual([code, tally.workloads, tally.findings.foreign + tally.findings.lost], [0, 1, 0]);
  const snapshots = await explored(own, 'after-snapshot');
  assert.deepEqual([snapshots.code, snapshots.stdout], [2, '']);
  assert.match(
    snapshots.stderr,
    /^cowbench: --engine nbd, workload after-snapshot: a server cannot do snapshot-create\n$/,
  );
});
