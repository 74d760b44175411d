/** The installed qemu beside the engine, and requests sent on a schedule, by the real command line. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { askVersion } from '../../qemu/tools.ts';
import { cowbench, filesBelow, recordOf, smallBench, temporaryFolder } from '../../testing/command.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const small = (own: Record<string, string | null>, ...flags: string[]) =>
  smallBench(
    folder,
    { workload: 'overwrite', data: null, span: '512K', writes: '16', ...own },
    '--json',
    '-q',
    '--no-report',
    ...flags,
  );

function qemuIsMissing(): boolean {
  try {
    askVersion('qemu-io', process.env.PATH);
    return false;
  } catch {
    return true;
  }
}

test('qemu is a policy of the run: the same guest, verified the same way, on the same storage', async (context) => {
  if (qemuIsMissing() && !process.env.CI) return context.skip('NOT TESTED: qemu-io is not installed');
  const record = recordOf(await cowbench(...small({ policy: 'writeback', engine: 'cowbench,qemu', rounds: '2' })));
  const [own, modern] = record.cells;
  assert.deepEqual([modern!.engine, modern!.policy.name, modern!.rounds.length], ['qemu', 'modern', 2]);
  assert.deepEqual(modern!.exact!.guest, own!.exact!.guest);
  assert.deepEqual([modern!.verification.content, modern!.verification.check], ['equal', 'clean']);
  assert.equal(own!.control!.length, 1);
  assert.deepEqual(
    record.comparisons!.map(({ baseline, candidate }) => [baseline, candidate]),
    [[own!.id, modern!.id]],
  );
});

test('qemu knows no modelled device and no pace', async () => {
  for (const own of [{ device: 'model:nvme-plp' }, { pace: '100' }]) {
    const { code, stderr } = await cowbench(...small({ engine: 'cowbench,qemu', ...own }));
    assert.equal(code, 2);
    assert.match(stderr, /^cowbench: --(engine qemu runs on real storage only|pace: )[^\n]*\n$/);
  }
});

test('a paced run lasts as long as its schedule, and its fast requests stay fast', async () => {
  const [cell] = recordOf(
    await cowbench(...small({ policy: 'writeback', device: 'model:nvme-plp', pace: '100' })),
  ).cells;
  const { reads, writes, flushes, discards, other } = cell!.exact!.guest;
  const lastDueNs = (reads + writes + flushes + discards + other - 1) * 1e7;
  const { wallNs } = cell!.rounds[0]!;
  assert.ok(wallNs >= lastDueNs && wallNs < lastDueNs + 1e7, `${wallNs} for a schedule of ${lastDueNs}`);
  assert.ok(cell!.histograms.guestWrite!.maxNs < 1e7);
  const bad = await cowbench(...small({ pace: 'trace' }));
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /--pace trace: request 1 \(\w+\) has no time; give a rate instead/);
});

test('a device trace a cell, a profile a cell, and the parts of its CPU time', async () => {
  const trace = path.join(folder, 'device.iolog');
  const own = { policy: 'legacy,writeback', device: 'model:nvme-plp', 'export-device-trace': trace };
  const record = recordOf(await cowbench(...small(own, '--cpu-prof')));
  for (const [index, name] of ['legacy', 'writeback'].entries()) {
    const lines = fs.readFileSync(path.join(folder, `device.${name}.iolog`), 'utf8').split('\n');
    const { exact, profile } = record.cells[index]!;
    assert.equal(lines.filter((line) => line.includes(' datasync ')).length, exact!.fsyncs);
    assert.equal(lines.filter((line) => line.includes(' write ')).length, exact!.writes);
    assert.ok(Math.abs(profile!.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
  }
  const profiles = filesBelow(path.join(folder, 'runs')).filter((file) => file.endsWith('.cpuprofile'));
  assert.deepEqual(
    profiles.map((file) => path.basename(file)).toSorted(),
    record.attachments!.map(({ file }) => file).toSorted(),
  );
});
